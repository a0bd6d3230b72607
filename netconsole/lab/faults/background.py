"""Programs that a fault starts and leaves running: they end by themselves, or when it is mended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from netconsole.backend.system.programs import ENVIRONMENT
from netconsole.lab.sandbox.commands import LabFailed
from netconsole.lab.sandbox.ground import HOME
from netconsole.lab.sandbox.members import pid_of

SECONDS: Final = 300
"""After which such a program ends by itself: no fault is left running and forgotten."""

_RUNNING: Final = HOME / "running"
"""One file a fault: the pid of what it started, and when that began."""
_WAIT: Final = 5.0
"""Seconds that a program may take to begin its work."""


def start(fault_id: str, command: tuple[str, ...], member: str = "") -> None:
    """Start a program on the host, or in the network of a member."""
    inside = ("nsenter", "--target", str(pid_of(member)), "--net") if member else ()
    begun = subprocess.Popen(
        (*inside, "timeout", str(SECONDS), *command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**ENVIRONMENT, "LC_ALL": "C.UTF-8"},
        start_new_session=True,
    )
    _RUNNING.mkdir(exist_ok=True)
    (_RUNNING / fault_id).write_text(f"{begun.pid} {_began(begun.pid)}", encoding="ascii")


def is_running(fault_id: str) -> bool:
    """Whether what the fault started has not ended."""
    return _pid(fault_id) is not None


def stop(fault_id: str) -> None:
    """End what the fault started, and all that it started itself."""
    if pid := _pid(fault_id):
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
    (_RUNNING / fault_id).unlink(missing_ok=True)


def wait_until(complaint: str, question: Callable[[], bool]) -> None:
    """Wait until a program does its work; raises LabFailed where it does not."""
    deadline = time.monotonic() + _WAIT
    while not question():
        if time.monotonic() > deadline:
            raise LabFailed(complaint)
        time.sleep(0.05)


def _pid(fault_id: str) -> int | None:
    try:
        pid, began = (_RUNNING / fault_id).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(pid) if _began(int(pid)) == began else None


def _began(pid: int) -> str:
    """The time of a process's start, empty for one that has ended (proc_pid_stat(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
