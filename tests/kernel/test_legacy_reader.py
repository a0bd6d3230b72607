"""The process that runs python-iptables may die as C does; nobody else does."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from cloud import answer, create_network, netconsole
from private_host import PrivateHost, eventually
from pseudo_terminal import Terminal

READER = "netconsole.backend.kernel.legacy_tables"
DIED = (
    "python-iptables ended by signal 11 (Segmentation fault): install iptables-legacy-save "
    "(Debian: iptables)"
)
CONSOLE = (str(Path(sys.executable).parent / "netconsole"), "console")
HELD_UP = "import time\ntime.sleep(600)\n"
"""In place of python-iptables: its process stays until it is killed."""


@pytest.fixture(name="library")
def library_(host: PrivateHost) -> str:
    """A host with legacy tables that only python-iptables can read, which takes its time."""
    create_network(host)
    host.run("iptables-legacy", "-t", "nat", "-A", "PREROUTING", "-i", "other0", "-j", "ACCEPT")
    host.write("/run/hidden", "")
    host.run("mount", "--bind", "/run/hidden", "/usr/sbin/iptables-legacy-save")
    shown = answer(host, "status")["nat"]
    assert "-i other0 -j ACCEPT" in [each["rule"] for each in shown if each["legacy"]]
    found = find_spec("iptc")
    assert found is not None
    place = str(Path(str(found.origin)).parent)
    host.write("/run/iptc/__init__.py", HELD_UP)
    host.run("mount", "--bind", "/run/iptc", place)
    return place


def all_killed(host: PrivateHost, until: Callable[[], bool]) -> bool:
    """Kill those that read, as C does it by a wrong address; whether it is done by now."""
    for pid in host.run("pgrep", "-f", READER, check=False).stdout.split():
        host.run("kill", "-SEGV", pid, check=False)  # it may have ended by itself
    return until()


@pytest.mark.parametrize(
    ("verb", "status"), [("status", 0), ("plan", 3), ("apply", 3), ("doctor", 3)]
)
@pytest.mark.usefixtures("library")
def test_a_verb_says_so_in_one_line(host: PrivateHost, verb: str, status: int) -> None:
    running = host.spawn("netconsole", verb)
    eventually(lambda: all_killed(host, lambda: running.poll() is not None))
    said, complaints = running.communicate(timeout=60)
    assert running.returncode == status, said + complaints
    assert DIED in said + complaints
    assert len(complaints.splitlines()) <= 1
    for bug in ("Traceback", "(a bug"):
        assert bug not in said + complaints


def test_the_console_says_so_and_goes_on(host: PrivateHost, library: str) -> None:
    with Terminal(host.command(*CONSOLE), columns=160, lines=40) as terminal:
        eventually(lambda: all_killed(host, lambda: DIED in terminal.text))
        assert terminal.process.poll() is None
        host.run("umount", library)
        assert all_killed(host, lambda: True)  # those that still wait; later ones read
        eventually(lambda: DIED not in terminal.text)
        terminal.wait_for("vmnet")
        terminal.press("q")
        assert terminal.process.wait(60) == 0
    assert netconsole(host, "plan") == ""
