"""A running lab for tests, and what of it is still there when it should be gone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import entered
from entered import Entered
from forked import forks
from private_host import eventually

from netconsole.lab.sandbox.enclosure import LAB_KINDS
from netconsole.lab.sandbox.namespaces import Namespace

NETCONSOLE = str(Path(sys.executable).with_name("netconsole"))
HOLD = ("sh", "-c", "echo ready; exec cat")
"""Says when the lab is ready and ends when its stdin does."""


class Process(NamedTuple):
    """One process, and not another that has got its pid later."""

    pid: int
    started: str


class RunningLab:
    """A fresh lab, of the process that has netconsole loaded; use it as a context manager."""

    def __init__(self, ready: bool = True, kind: str = "flatdhcp") -> None:
        self.commands = 0
        """How many were run in it: where none was since, it is as it was."""
        self.users: list[str] = []
        """The tests that have run some, the latest last."""
        forking = forks(tuple(entered.environment().items()))
        words = ("netconsole", "lab", "run", f"--network-manager={kind}", "--", *HOLD)
        self.outer = forking.start(os.getpid(), Namespace(0), words, {})
        if ready and self.outer.stdout.readline() != "ready\n":
            _, reason = self.outer.communicate(timeout=60)
            raise RuntimeError(f"no lab: {reason}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def first(self) -> int:
        """The pid of the lab's first process, as the machine counts."""
        (keeper,) = _children(self.outer.pid)
        (first,) = _children(keeper)
        return first

    def _count(self) -> None:
        self.commands += 1
        user = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        if self.users[-1:] != [user]:
            self.users.append(user)

    def run(
        self, *command: str, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the lab's host, in the namespaces that `lab enter` goes into."""
        self._count()
        first = self.first
        return entered.run(first, _kinds(first), command, check=check, timeout=timeout)

    def command(self, *command: str) -> list[str]:
        """Return the argument list that runs a command there, from the machine."""
        return self.entered(*command).argv

    def entered(self, *command: str) -> Entered:
        """Return a command of the lab's host, for a terminal."""
        self._count()
        first = self.first
        return Entered(first, _kinds(first), command)

    def enter(self, *command: str) -> list[str]:
        """Return the one that does so as a user would."""
        self._count()
        return [NETCONSOLE, "lab", "enter", "--pid", str(self.first), "--", *command]

    def spawn(self, *command: str) -> subprocess.Popen[str]:
        """Start a command on the lab's host; it ends with the lab at the latest."""
        self._count()
        first = self.first
        return entered.spawn(first, _kinds(first), command)

    def netconsole(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run netconsole on the lab's host."""
        return self.run("netconsole", *words, check=check)

    def inside(self, member: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a member of the lab, whatever its exit status."""
        return self.netconsole("lab", "exec", member, "--", *command, check=False)

    def processes(self) -> frozenset[Process]:
        """Every process of the lab, the outer one too."""
        return frozenset(map(_process, _family(self.outer.pid)))

    def close(self) -> int:
        """End the lab as its command's end does; return the exit status."""
        self.outer.communicate(timeout=60)
        return self.outer.wait(timeout=60)


def _kinds(pid: int) -> Namespace:
    """What of a lab is not this process's own."""
    users = [Path(f"/proc/{process}/ns/user").stat().st_ino for process in (pid, os.getpid())]
    return LAB_KINDS if users[0] == users[1] else LAB_KINDS | Namespace.USER


def gone(processes: frozenset[Process]) -> bool:
    """Whether none of them is left."""
    return not any(_alive(process) for process in processes)


def wait_until_gone(processes: frozenset[Process]) -> None:
    """Fail unless none is left within seconds."""
    eventually(lambda: gone(processes))


class Machine(NamedTuple):
    """What a lab must not touch."""

    links: str
    mounts: str
    files: frozenset[tuple[str, int]]
    """Every file of /etc and of netconsole's state, with the time of its last change."""
    settings: tuple[str, ...]

    @classmethod
    def now(cls) -> Self:
        """Look at the machine."""
        links = subprocess.run(
            ["ip", "-o", "address", "show"], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        return cls(
            links,
            Path("/proc/self/mountinfo").read_text(),
            frozenset(_changed("/etc", "/var/lib/netconsole", "/run/netconsole-lab")),
            tuple(
                Path("/proc/sys/net/ipv4", name).read_text()
                for name in ("ip_forward", "conf/all/rp_filter", "conf/default/rp_filter")
            ),
        )


def _changed(*paths: str) -> Iterator[tuple[str, int]]:
    for path in paths:
        for directory, _, names in os.walk(path):
            for name in ("", *names):
                file = Path(directory, name)
                yield str(file), file.lstat().st_ctime_ns


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _family(pid: int) -> Iterator[int]:
    yield pid
    for child in _children(pid):
        yield from _family(child)


def _process(pid: int) -> Process:
    return Process(pid, _started(pid) or "")


def _alive(process: Process) -> bool:
    return _started(process.pid) == process.started


def _started(pid: int) -> str | None:
    """The time of a process's start, None for one that is gone or a zombie; see proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
