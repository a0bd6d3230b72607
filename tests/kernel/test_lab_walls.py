"""A lab is closed: what a clumsy or hostile command in it does to the machine is nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from private_host import user_namespace
from running_lab import NETCONSOLE, RunningLab

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping"
)

WITHOUT_NAMESPACES = """
import ctypes, os, sys
ready, tell = os.pipe()
mapped, go_on = os.pipe()
pid = os.fork()
if pid == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0  # CLONE_NEWUSER
    os.write(tell, b".")
    os.read(mapped, 1)
    with open("/proc/sys/user/max_user_namespaces", "w") as most:
        most.write("0")
    os.execv(sys.argv[1], sys.argv[1:])
os.read(ready, 1)
for name in ("uid_map", "gid_map"):
    ranges = [line.split() for line in open(f"/proc/self/{name}")]
    with open(f"/proc/{pid}/{name}", "w") as ids:
        ids.write("".join(f"{first} {first} {count}\\n" for first, _, count in ranges))
os.write(go_on, b".")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
"""Runs a command as a root who may make no further user namespace, as in many a container."""
OVER_THE_MACHINE = sum(1 << number for number in (16, 17, 22, 25, 27, 32, 33, 34))
"""CAP_SYS_MODULE, SYS_RAWIO, SYS_BOOT, SYS_TIME, MKNOD, MAC_OVERRIDE, MAC_ADMIN and SYSLOG."""

PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/var/lib", "/var/log", "/etc", "/usr", "/")  # noqa: S108  what is tried

HOSTILE = (
    # Each with the value that is there already, so that it harms no machine where it succeeds.
    "sysctl -qw kernel.panic=$(sysctl -n kernel.panic)",
    "sysctl -qw vm.swappiness=$(sysctl -n vm.swappiness)",
    "umount -l /proc/sys; echo $(cat /proc/sys/kernel/panic) > /proc/sys/kernel/panic",
    "mkdir -p /run/p && mount -t proc proc /run/p && cat /run/p/version",
    "mkdir -p /run/s && mount -t sysfs sysfs /run/s && cat /run/s/kernel/uevent_seqnum",
    "date -s @$(date +%s)",
    "mount -o remount,rw /",
    "mount -o remount,bind,rw /",
    "unshare -m mount -o remount,bind,rw /",
    "mkdir -p /run/d && mount -t devtmpfs dev /run/d && ls /run/d",
    "mknod /run/null c 1 3 && echo > /run/null",
    "find /dev -type b | grep .",
    "dmesg",
    "grep -qx netconsole-keep /proc/[0-9]*/comm",  # the parent of the lab's first process
    "umount -l /tmp || umount -l /run || umount -l /sys || umount -l /dev",
)
"""Every one of them has to fail in a lab."""


@pytest.fixture(scope="module")
def closed() -> Iterator[RunningLab]:
    with RunningLab() as running:
        yield running


def entered(closed: RunningLab, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user of the lab does."""
    return subprocess.run(
        closed.enter(*command),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", HOSTILE)
def test_root_of_a_lab_is_nobody_outside(closed: RunningLab, command: str) -> None:
    done = entered(closed, "sh", "-c", command)
    assert done.returncode != 0, done.stdout


def test_what_is_written_in_a_lab_stays_in_it(closed: RunningLab) -> None:
    name = f"netconsole-test-{uuid4()}"
    with TemporaryDirectory() as work:
        files = [Path(place, name) for place in (*PLACES, Path.home(), Path.cwd(), work)]
        words = " ".join(map(str, files))
        entered(closed, "sh", "-c", f"for file in {words}; do echo x > $file; done")
        entered(closed, "sh", "-c", f"rm -rf {work}; touch {work}")
        written = [file for file in files if file.exists()]
        for file in written:
            file.unlink()
        assert written == []
        assert Path(work).is_dir()


def test_the_default_state_is_the_labs_own(closed: RunningLab) -> None:
    before = _listed("/var/lib/netconsole")
    script = "echo '[DEFAULT]' > /run/c.conf; netconsole --config-file /run/c.conf network list"
    done = entered(closed, "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    assert "vmnet" not in done.stdout
    written = entered(closed, "sh", "-c", "echo x > /var/lib/netconsole/netconsole.sqlite")
    assert written.returncode == 0, written.stderr
    assert _listed("/var/lib/netconsole") == before


def _listed(path: str) -> list[str]:
    return sorted(os.listdir(path)) if Path(path).is_dir() else []  # noqa: PTH208


def test_programs_find_what_they_need(closed: RunningLab) -> None:
    for command in (
        "ip netns add q && ip netns exec q ip link && ip netns delete q",
        "script -qc true /dev/null",
        "echo x > $(mktemp) && echo x > /dev/shm/x && head -c1 /dev/urandom > /dev/null",
        "sysctl -qw net.ipv4.conf.all.log_martians=0",
        "test -e /sys/class/net/br100/bridge && test ! -e /sys/class/net/docker0",
    ):
        done = entered(closed, "sh", "-c", command)
        assert done.returncode == 0, (command, done.stderr)


def test_one_directory_stays_open_when_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    script = "echo kept > open/file; echo x > beside; netconsole console --screenshot open/a.svg"
    done = subprocess.run(
        [NETCONSOLE, "lab", "run", "--writable", "open", "--", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NETCONSOLE_CONFIG_FILE": "/nowhere"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "open/file").read_text() == "kept\n"
    assert "</svg>" in (tmp_path / "open/a.svg").read_text()
    assert not (tmp_path / "beside").exists()


@pytest.mark.parametrize("words", [("--writable", "/"), ("--writable", "/etc"), ("--config-file",)])
def test_what_would_open_a_lab_is_refused(words: tuple[str, ...]) -> None:
    command = ("--config-file", "/dev/null", "lab", "run") if words == ("--config-file",) else ()
    done = subprocess.run(
        [NETCONSOLE, *(command or ("lab", "run", *words)), "--", "true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.requires("root")
def test_what_cannot_be_closed_is_said() -> None:
    inside = ("sh", "-c", "netconsole plan && grep CapEff /proc/self/status")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NAMESPACES, NETCONSOLE, "lab", "run", "--", *inside],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("lets root have no user namespace of its own here") == 1
    assert "root of the lab could" in done.stderr
    assert int(done.stdout.split()[-1], 16) & OVER_THE_MACHINE == 0


CHECKOUT = Path(__file__).resolve().parents[2]
ELSEWHERE = """
set -e
exec 4< "$2"
mount -t tmpfs tmpfs "$1"
mkdir "$1/checkout"
mount --bind /proc/self/fd/4 "$1/checkout"
exec 4<&-
cd "$1/checkout"
exec "$3" -c '
import sys
from netconsole.cli.entry import main
sys.argv = ["netconsole", "lab", "run", "--", "ls", "pyproject.toml"]
sys.exit(main())'
"""


@pytest.mark.parametrize("place", ["/tmp", "/run", "/var/log"])  # noqa: S108  each in memory
def test_a_lab_is_built_by_a_checkout_where_it_begins_empty(place: str) -> None:
    python = sys.executable.replace(str(CHECKOUT), f"{place}/checkout")
    words = ("sh", "-c", ELSEWHERE, "sh", place, str(CHECKOUT), python)
    command = ["unshare", *user_namespace(), "--mount", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "pyproject.toml\n"), done.stderr
