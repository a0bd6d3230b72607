"""Tests on a kernel with 802.1Q, bonds and iptables of the legacy kind: those in `inside`.

Each directory there is a machine of its own, booted once for all of its tests.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from private_host import eventually
from vm.machine import HERE, NOT_ENDED, NOT_RUN, PROGRAMS, PROJECT, run

pytestmark = pytest.mark.requires("namespaces", "ethtool", *PROGRAMS)

SECONDS = 2400
"""For all tests of a machine."""
PYTEST = ("-m", "pytest", "-n0", "-v", "-p", "no:cacheprovider", "-o", "timeout=600")
DIRECTORIES = sorted(each for each in (HERE / "inside").iterdir() if list(each.glob("test_*.py")))


def in_machine(*command: str, seconds: float = 60) -> tuple[int, str]:
    """Run a command in a fresh machine; return its exit status and what it wrote."""
    lines: list[str] = []
    return run(command, seconds, lines.append), "".join(lines)


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("path", DIRECTORIES, ids=lambda path: path.name)
def test_inside(path: Path) -> None:
    status, said = in_machine(sys.executable, *PYTEST, str(path), seconds=SECONDS)
    assert status == 0, said


def test_the_exit_status_and_every_line_come_out() -> None:
    status, said = in_machine("sh", "-c", "echo one; echo two >&2; id -u; exit 7")
    assert status == 7
    assert said.splitlines()[:3] == ["one", "two", "0"]


def test_what_does_not_end_is_stopped() -> None:
    for seconds in (5, 15, 45, 135):
        status, said = in_machine("sh", "-c", "echo begun; sleep 600", seconds=seconds)
        assert status == NOT_ENDED
        if said:  # on a busy machine it has not begun by the first times
            break
    assert said.splitlines() == ["begun"]


def test_a_kernel_that_panics_says_so_and_ends() -> None:
    status, said = in_machine("sh", "-c", "echo c > /proc/sysrq-trigger")
    assert status == NOT_RUN
    assert "Kernel panic" in said


def test_the_files_of_this_machine_cannot_be_changed() -> None:
    target = PROJECT / "written-in-the-vm"
    status, _ = in_machine("touch", str(target), "/usr/written-in-the-vm")
    assert status != 0
    assert not target.exists()


def test_killed_with_its_caller_it_leaves_no_process(tmp_path: Path) -> None:
    caller = subprocess.Popen(
        [sys.executable, str(HERE / "machine.py"), "sh", "-c", "echo begun; sleep 600"],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
    )
    with caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == "begun\n"
        (work,) = (word for word in kernels(caller.pid) if word.startswith("WORK="))
        caller.kill()
    eventually(lambda: not processes(work))


def kernels(pid: int) -> list[str]:
    """Return the words of the kernel's command line under a process that has started one."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        return words if "linux.uml" in words else kernels(int(child))
    return []


def processes(word: str) -> list[Path]:
    """Return the processes that have a word in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word in path.read_text(errors="replace").split("\0"):
                found.append(path)
    return found
