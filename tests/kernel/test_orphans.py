"""A program that outlives its killed maker: whoever comes next waits until it has ended."""

import pytest
from cloud import answer, configure, held, netconsole
from private_host import PrivateHost, eventually

CREATE = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
FENCE = """
from netconsole.backend.changes.converge import ApplyFix
from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service
from netconsole.backend.steps import ChangeRules, Plan

rule = "FORWARD -p ARP -i eth7 -j DROP"
step = ChangeRules("bridge", "filter", (f"-A {rule}",), (f"-D {rule}",))
Service(load()).do(ApplyFix("playbook fence", Plan((step,))))
"""
"""Changes the tables of ebtables, as no network on one host does."""
SLOW = """#!/bin/sh
case "$0 $*" in *restore*|*" -batch "*)
    touch /run/begun
    while [ ! -e /run/go ]; do sleep 0.02; done
esac
exec REAL "$@"
"""
PROGRAMS = {
    "iptables-restore": "/usr/sbin/iptables-nft-restore",
    "ebtables-restore": "/usr/sbin/ebtables-nft-restore",
    "ip": "/run/ip.real",
}


def _slow_down(host: PrivateHost, program: str) -> None:
    """Let a program that changes the host wait for /run/go."""
    script = f"/run/slow/{program}"
    host.write(script, SLOW.replace("REAL", PROGRAMS[program]))
    host.run("chmod", "+x", script)
    if program == "ip":
        host.run("cp", "/usr/bin/ip", "/run/ip.real")
        host.run("mount", "--bind", script, "/usr/bin/ip")
    else:
        host.run("ln", "-sf", script, f"/etc/alternatives/{program}")


def _waits(host: PrivateHost, name: str) -> bool:
    """Whether a process of this name has a change of another in its hands."""
    find = f"for p in $(pgrep -f '{name}'); do readlink /proc/$p/fd/*; done | grep -q [.]open"
    return host.run("sh", "-c", find, check=False).returncode == 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_who_comes_next_waits_for_it(host: PrivateHost, program: str) -> None:
    configure(host, "flat_interface = eth0")
    netconsole(host, "apply")
    before = sorted(held(host))
    _slow_down(host, program)
    fences = program == "ebtables-restore"
    maker = ("python3", "/run/maker.py") if fences else ("netconsole", *CREATE)
    host.write("/run/maker.py", FENCE)
    host.spawn(*maker)
    eventually(lambda: host.run("test", "-e", "/run/begun", check=False).returncode == 0)
    host.run("pkill", "-KILL", "-f", "python3? (/run/maker|.*bin/netconsole network create)")

    other = host.spawn("netconsole", "apply")
    eventually(lambda: other.poll() is not None or _waits(host, "bin/netconsole apply"))
    host.run("sleep", "2")
    assert other.poll() is None
    host.run("touch", "/run/go")
    _, said = other.communicate(timeout=120)

    assert other.returncode == 0, said
    assert "was left half done, taken back first" in said
    assert sorted(held(host)) == before
    assert "eth7" not in host.run("ebtables-save").stdout
    assert host.run("netconsole", "plan", check=False).stdout == ""
    assert answer(host, "network", "list") == []
