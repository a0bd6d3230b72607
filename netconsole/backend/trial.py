"""Trial: a change of the path that the admin's own SSH session came in on has to be confirmed.

A session that the change cuts off cannot confirm. So a guardian, a process of its own that a
hangup does not reach, takes the change back when nobody said yes in time, or when the process
that made it is gone.
"""

import os
import select
import signal
import subprocess
import sys
from types import TracebackType
from typing import Self

from netconsole.backend.errors import NetconsoleError
from netconsole.backend.hoststate import HostState
from netconsole.backend.ssh_session import SshSession
from netconsole.backend.steps import (
    MoveAddresses,
    Plan,
    RemoveAddress,
    RemoveLink,
    RunProgram,
    SetLink,
    SetSysctl,
    Step,
)

GRACE_SECONDS = 5.0
"""How long after the time is up the guardian waits for the change to be taken back by its maker."""

_ROUTING = (("ip", "route"), ("ip", "rule"))
"""Programs that may change the way of any session."""

APPLIED, CONFIRMED = b"applied\n", b"confirmed\n"


class NotConfirmed(NetconsoleError):
    """A change on trial that nobody confirmed; it was taken back."""


def session_interface(steps: Plan, observed: HostState, session: SshSession | None) -> str | None:
    """The interface that an SSH session came in on, if the steps touch it."""
    if session is None:
        return None
    for address in observed.addresses:
        if address.address.partition("/")[0] == session.server and any(
            _touches(step, address.interface, address.address) for step in steps.steps
        ):
            return address.interface
    return None


def _touches(step: Step, interface: str, address: str) -> bool:
    match step:
        case MoveAddresses():
            return interface in (step.port, step.bridge)
        case RemoveAddress():
            return (step.interface, step.address) == (interface, address)
        case RemoveLink():
            return step.name == interface
        case SetLink():
            return step.name == interface and step.attribute in ("up", "master", "mac")
        case SetSysctl():
            return step.key in _settings_of(interface, step.key.replace("/", ".").split(".")[-1])
        case RunProgram():
            return interface in step.argv or step.argv[:2] in _ROUTING
    return False


def _settings_of(interface: str, name: str) -> tuple[str, ...]:
    """How sysctl(8) spells the settings that decide what an interface takes in and answers."""
    places = (f"net.ipv4.conf.{place}.{name}" for place in (interface, "all"))
    return (*places, f"net/ipv4/conf/{interface}/{name}")


class Guardian:
    """The process that takes a change back unless it is told in time to leave it."""

    def __init__(self, state_path: str, seconds: int) -> None:
        """Start it. `seconds` are those that may pass between the change and the yes to it."""
        maker = os.pidfd_open(os.getpid())
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, state_path, str(seconds), str(maker)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(maker,),
                cwd="/",
            )
        finally:
            os.close(maker)

    def applied(self) -> None:
        """The change is made: the time runs."""
        self._tell(APPLIED)

    def confirmed(self) -> None:
        """The admin wants to keep it."""
        self._tell(CONFIRMED)

    def _tell(self, words: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(words)
            self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Part from it; it ends by itself, as the change has an end in the journal by then."""
        if self._process.stdin is not None:
            self._process.stdin.close()


def guard(state_path: str, seconds: int, maker: int) -> None:
    """Watch over a change: what the guardian's process does. `maker` is a pidfd (pidfd_open(2))."""
    from netconsole.backend.apply import recover
    from netconsole.backend.journal import Journal
    from netconsole.backend.lock import host_lock

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if _heard_yes(seconds):
        return
    if not select.select([maker], [], [], GRACE_SECONDS)[0]:
        signal.pidfd_send_signal(maker, signal.SIGKILL)  # stuck, on a dead terminal perhaps
    with host_lock(f"{state_path}/host.lock"):
        recover(Journal(f"{state_path}/journal"))


def _heard_yes(seconds: int) -> bool:
    """Listen to the maker until it says yes, falls silent for good, or the time is up."""
    heard, wait = b"", None
    while not heard.endswith(CONFIRMED):
        if not select.select([0], [], [], wait)[0]:
            return False
        words = os.read(0, 100)
        if not words:
            return False
        heard += words
        wait = float(seconds)
    return True


if __name__ == "__main__":
    guard(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
