"""A lab is closed: what a clumsy or hostile command in it does to the machine is nothing."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from running_lab import NETCONSOLE, RunningLab

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping"
)

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
