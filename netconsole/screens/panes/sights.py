"""Sights: how a console comes to see its host: it watches itself, or asks the host's agent."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from netconsole.backend.survey.status import Status
from netconsole.diagnostics.model.finding import Finding
from netconsole.door.door import Deliver, Door
from netconsole.door.local import LocalDoor
from netconsole.watch.watch import Watch

SHARE: Final = 5
"""Asking may take at most one part in this of the time."""
FINDINGS_SECONDS: Final = 5.0
"""How often the agent is asked what the checks have found."""


class Sights(Protocol):
    """Where sights come from."""

    def start(self, deliver: Deliver, interval: float) -> None:
        """Begin; counters are to be read again after `interval` seconds."""

    def rest(self, *, resting: bool) -> None:
        """Nobody sees what is delivered, or somebody does again."""

    def soon(self) -> None:
        """Look again now."""

    def stop(self) -> None:
        """End; does not wait for what is under way."""

    @property
    def waits_for(self) -> float:
        """For how many seconds an answer has been waited for."""


def source_of(door: Door) -> Sights:
    """The host's agent looks at it already; without one this process does."""
    return WatchedHost(Watch(door.service)) if isinstance(door, LocalDoor) else AskedHost(door)


class WatchedHost:
    """Sights are the pictures of a watch of this process' own."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._interval = 1.0
        self._leave: Callable[[], None] = lambda: None

    def start(self, deliver: Deliver, interval: float) -> None:
        self._interval = interval
        self._watch.subscribe(deliver)
        self._leave = self._watch.attend(interval)
        self._watch.start()

    def rest(self, *, resting: bool) -> None:
        self._leave()
        if not resting:
            self._leave = self._watch.attend(self._interval)

    def soon(self) -> None:
        self._watch.soon()

    def stop(self) -> None:
        threading.Thread(target=self._watch.stop, name="stop", daemon=True).start()

    @property
    def waits_for(self) -> float:
        return self._watch.looking_for


@dataclass(frozen=True, slots=True)
class Answered:
    """What the agent said of the host; its own watch looks."""

    taken: datetime
    status: Status
    findings: tuple[Finding, ...] | None


class AskedHost:
    """The agent is asked for its latest picture, by the way that any client has."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._deliver: Deliver = lambda _: None
        self._interval = 1.0
        self._findings: tuple[Finding, ...] | None = None
        self._wake = threading.Event()
        self._wake_for_findings = threading.Event()
        self._goes_on = threading.Event()
        self._goes_on.set()
        self._stopped = False
        self._began: float | None = None

    def start(self, deliver: Deliver, interval: float) -> None:
        self._deliver, self._interval = deliver, interval
        for work in (self._ask_on, self._ask_for_findings):
            threading.Thread(target=work, name="asking", daemon=True).start()

    def rest(self, *, resting: bool) -> None:
        if resting:
            self._goes_on.clear()
        else:
            self._goes_on.set()

    def soon(self) -> None:
        self._wake.set()
        self._wake_for_findings.set()

    def stop(self) -> None:
        self._stopped = True
        self._goes_on.set()
        self.soon()

    @property
    def waits_for(self) -> float:
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def _ask_on(self) -> None:
        while not self._stopped:
            self._wake.clear()
            self._began = began = time.monotonic()
            result = self._sight()
            self._began = None
            if not self._stopped:
                self._deliver(result)
            self._wake.wait(max(self._interval, SHARE * (time.monotonic() - began)))
            self._goes_on.wait()

    def _sight(self) -> Answered | Exception:
        try:
            return Answered(datetime.now(UTC), self._door.status(), self._findings)
        except Exception as error:  # noqa: BLE001  the outermost edge of this thread
            return error

    def _ask_for_findings(self) -> None:
        asked = False
        while not self._stopped:
            self._wake_for_findings.clear()
            began = time.monotonic()
            try:
                self._findings = self._door.findings()
            except Exception as error:  # noqa: BLE001  the outermost edge of this thread
                because = f"the checks failed: {type(error).__name__}: {error}"
                self._findings = (Finding("doctor", "Every check is made", "fail", because),)
            if not asked:
                asked = True
                self._wake.set()  # until now nothing could be told to be well
            took = time.monotonic() - began
            self._wake_for_findings.wait(max(FINDINGS_SECONDS, SHARE * took))
            self._goes_on.wait()
