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
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.model.hoststate import Observed
from netconsole.backend.steps import (
    ChangeRules,
    EndConnections,
    MoveAddresses,
    Plan,
    RemoveAddress,
    RemoveLink,
    RunProgram,
    SetLink,
    SetSysctl,
    Step,
)
from netconsole.backend.system.ssh_session import SshSession
from netconsole.backend.transaction.journal import Journal, JournalEntry, OpenEntry

GRACE_SECONDS = 5.0
"""How long after the time is up the guardian waits for its maker to begin to take it back."""
TRIES = 20
"""How often it tries to take a change back, a second apart, where the host is not to be had."""

_ROUTING = (("ip", "route"), ("ip", "rule"))
"""Programs that may change the way of any session."""

APPLIED, CONFIRMED, WATCHING = b"applied\n", b"confirmed\n", b"watching\n"


class NotConfirmed(NetconsoleError):
    """A change on trial that nobody confirmed; it was taken back."""


def session_interface(steps: Plan, observed: Observed, session: SshSession | None) -> str | None:
    """Return the interface that an SSH session came in on, if the steps touch it."""
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
        case EndConnections():
            return step.address == address.partition("/")[0]
        case ChangeRules():
            return _takes_away(step, address.partition("/")[0])
    return False


def _takes_away(step: ChangeRules, address: str) -> bool:
    """Whether rules lead elsewhere what comes to an address of this host: as a floating address
    that is the host's as well does.

    No other rule of ours can part a session from this host. In the filter ours accept, or are about
    what is forwarded; the metadata's and the VPN's translations are of addresses and protocols
    that no session has; those of ebtables drop what concerns DHCP and the shared gateway, or take
    frames of guests.
    """
    leads = f"-d {address}/32 -j DNAT "
    return any(leads in line and line.startswith(("-A ", "-I ")) for line in step.lines)


def _settings_of(interface: str, name: str) -> tuple[str, ...]:
    """How sysctl(8) spells the settings that decide what an interface takes in and answers."""
    places = (f"net.ipv4.conf.{place}.{name}" for place in (interface, "all"))
    return (*places, f"net/ipv4/conf/{interface}/{name}")


class Guardian:
    """The process that takes a change back unless it is told in time to leave it."""

    def __init__(self, state_path: str, seconds: int, entry: OpenEntry) -> None:
        """Start it. `seconds` are those that may pass between the change and the yes to it.

        It is given the file of the change as well, so that it can take it back when the whole
        `state_path` is gone. Raises Unavailable.
        """
        maker = os.pidfd_open(os.getpid())
        numbers = (str(seconds), str(maker), str(entry.handle))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, state_path, entry.id, *numbers],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(maker, entry.handle),
                cwd="/",
            )
        except OSError as error:
            raise Unavailable(f"nobody can watch over this change: {error.strerror}") from error
        finally:
            os.close(maker)
        self._wait_until_it_watches()

    def _wait_until_it_watches(self) -> None:
        """Until then the file of the change seems to have two makers, of which it is one."""
        said = self._process.stdout
        if said is None or said.read(len(WATCHING)) != WATCHING:
            raise Unavailable("the process that would take this back has ended")
        said.close()

    def applied(self) -> None:
        """The change is made: the time runs. Raises NotConfirmed where it has no guardian left."""
        try:
            self._tell(APPLIED)
        except OSError as error:
            raise NotConfirmed(
                "the process that takes this back unless it is confirmed was ended: taken back"
            ) from error

    def confirmed(self) -> None:
        """The admin wants to keep it, also where the guardian is gone by now."""
        with suppress(OSError):
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
        """Part from it; it ends by itself once the change has an end in the journal."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()


def guard(state_path: str, change_id: str, seconds: int, maker: int, file: int) -> None:
    """Watch over a change: what the guardian's process does. `maker` is a pidfd (pidfd_open(2)).

    The maker's lock on the file of the change must be its own alone, so the file is opened anew.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    path = Path(state_path, "journal", f"{change_id}.open")
    entry = OpenEntry(change_id, path, os.open(f"/proc/self/fd/{file}", os.O_RDWR | os.O_APPEND))
    os.close(file)
    os.write(1, WATCHING)
    os.close(1)
    if _heard_yes(seconds, maker):
        return
    while _lives(maker):
        if not entry.is_there() and not entry.is_lost():
            return  # it has an end
        time.sleep(0.05)
    for _ in range(TRIES):
        with suppress(NetconsoleError):
            _take_back(state_path, entry)
            return
        time.sleep(1)


def _take_back(state_path: str, entry: OpenEntry) -> None:
    from netconsole.backend.transaction.apply import recover_one
    from netconsole.backend.transaction.audit import Auditor
    from netconsole.backend.transaction.lock import host_lock
    from netconsole.backend.transaction.telling import tell

    def note(change: JournalEntry, left: tuple[str, ...]) -> None:
        with suppress(Unavailable):  # what was on trial is taken back all the same
            Auditor(f"{state_path}/audit.jsonl", tell=tell).killed(change, left, "its guardian")

    if entry.is_lost():
        recover_one(entry, lambda change, left: None)  # there is no log any more
        return
    with (
        host_lock(f"{state_path}/host.lock"),
        Journal(f"{state_path}/journal").taken_over(entry.id) as held,
    ):
        if held is not None:
            recover_one(held, note)


def _heard_yes(seconds: int, maker: int) -> bool:
    """Listen to the maker until it says yes, or falls silent for good.

    One that is not heard of in time is stuck, on a dead terminal perhaps, and is ended.
    """
    heard, wait = b"", None
    while not heard.endswith(CONFIRMED):
        if not select.select([0], [], [], wait)[0]:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(maker, signal.SIGKILL)
            return False
        words = os.read(0, 100)
        if not words:
            return False
        heard += words
        wait = seconds + GRACE_SECONDS
    return True


def _lives(process: int) -> bool:
    return not select.select([process], [], [], 0)[0]


if __name__ == "__main__":
    guard(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
