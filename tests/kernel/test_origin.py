"""Who changed the packet filter: a service, or an admin."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from entered import SYSTEM_PATH

pytestmark = pytest.mark.requires("root", "iptables", "first-pids")

LISTEN = """
import select, subprocess, sys
from netconsole.backend.kernel.notices import RuleNotices

notices = RuleNotices()
command = sys.argv[1:]
changing = subprocess.Popen(command, start_new_session=True, stdin=subprocess.PIPE)
while changing.poll() is None or select.select([notices], [], [], 0.2)[0]:
    if select.select([notices], [], [], 0.01)[0]:
        notices.heard()
        select.select([notices], [], [], 0.2)  # the transaction's end is told of last
        notices.heard()
        changing.stdin.close()
print(",".join(sorted(notices.authors().services)))
"""

CHANGE = "(echo 'add table ip made_by_a_service'; cat) | nft --interactive > /dev/null"
"""The program that changes the rules is there until its input ends: who is gone before it is asked
is not known."""

HOST = """
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir -p /run/etc /run/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work overlay /etc
mkdir -p /etc/netconsole
echo "[DEFAULT]" > /etc/netconsole/netconsole.conf
ip link set lo up
ip link add eth0 type veth peer name world
netconsole network create vmnet --fixed-range-v4 10.0.0.0/24 --bridge br100 2> /dev/null
netconsole agent 2> /run/said &
agent=$!
trap 'kill $agent; wait $agent; kill $(cat /var/lib/netconsole/networks/*.pid)' EXIT
while ! grep -q ready /run/said; do sleep 0.1; done
iptables -t nat -F nova-network-snat
while ! netconsole plan > /run/plan && [ ! -s /run/plan ]; do sleep 0.1; done
sleep 2
netconsole history --json > /run/before
flush='flush chain ip filter nova-network-INPUT'
setsid --wait "$1" -c "(echo '$flush'; sleep 3) | nft --interactive > /dev/null"
for n in $(seq 600); do
    netconsole history --json > /run/after
    cmp -s /run/before /run/after || break
    sleep 0.1
done
netconsole history --json | grep title | head -1
netconsole plan
"""


def authors(*command: str) -> str:
    """The services that are said to have changed the packet filter of a namespace of its own."""
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", LISTEN, *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_a_service_is_named_and_an_admin_is_not(tmp_path: Path) -> None:
    shell = str(shutil.copy("/bin/sh", tmp_path / "firewalld"))
    assert authors(shell, "-c", f"{CHANGE}; true") == "firewalld"
    assert authors("/bin/sh", "-c", f"{CHANGE}; true") == ""


def test_who_only_looks_is_not_named(tmp_path: Path) -> None:
    shell = str(shutil.copy("/bin/sh", tmp_path / "firewalld"))
    assert authors(shell, "-c", "ebtables -L > /dev/null; iptables -t nat -S > /dev/null") == ""


def test_what_a_firewall_flushed_is_there_again(tmp_path: Path) -> None:
    """By an agent whose namespace of processes is the kernel's first, as on a real host."""
    shell = str(shutil.copy("/bin/sh", tmp_path / "firewalld"))
    path = f"{Path(sys.executable).parent}:{SYSTEM_PATH}"
    done = subprocess.run(
        ["unshare", "--net", "--mount", "--uts", "sh", "-c", HOST, "host", shell],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={"PATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert "repair: firewalld has changed the packet filter" in done.stdout
