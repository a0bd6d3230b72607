"""Watch: the one loop that looks at a host, for all who want to know how it stands."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from netconsole.backend.model.facility import EVERYTHING
from netconsole.backend.service.service import Service
from netconsole.backend.survey.differences import differing
from netconsole.diagnostics.doctor import examine
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.request import Request
from netconsole.watch.picture import Picture

EXAMINE_SECONDS = 60.0
"""The checks are made again after so long, though nothing has changed."""
_LOOK_SECONDS = 1.0
_JOIN_SECONDS = 1.0

Delivery = Callable[[Picture | Exception], None]


class Watch:
    """Looks at the host of a service in a thread of its own, and tells who subscribed of each
    difference. The checks have a thread to themselves, so that a slow one holds up no picture.
    """

    def __init__(
        self, service: Service, *, examine_seconds: float | None = EXAMINE_SECONDS
    ) -> None:
        """`examine_seconds` is how often the checks are made at least; None for never."""
        self._service = service
        self._examine_seconds = examine_seconds
        self._latest: Picture | None = None
        self._error = ""
        self._findings: tuple[Finding, ...] | None = None
        self._subscribers: list[Delivery] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._wake_examiner = threading.Event()
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to look."""
        works = [self._look_on]
        if self._examine_seconds is not None:
            works.append(self._examine_on)
        for work in works:
            thread = threading.Thread(target=work, name="watch", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Look no more; a look that takes longer than a second ends by itself."""
        self._stopped = True
        self._wake.set()
        self._wake_examiner.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)

    def latest(self) -> Picture | None:
        """Return the latest picture; None before the first."""
        return self._latest

    def subscribe(self, deliver: Delivery) -> Callable[[], None]:
        """Have each new picture delivered, or why there is none; the answer ends that.

        Called in the watch's thread, first with the latest, if there is one.
        """
        with self._lock:
            self._subscribers.append(deliver)
        self._wake.set()

        def unsubscribe() -> None:
            with self._lock:
                if deliver in self._subscribers:
                    self._subscribers.remove(deliver)

        return unsubscribe

    def soon(self) -> None:
        """Look again now: something was changed."""
        self._wake.set()
        self._wake_examiner.set()

    def _look_on(self) -> None:
        told: list[Delivery] = []
        while not self._stopped:
            self._wake.clear()
            result = self._next()
            if self._stopped:
                return
            with self._lock:
                listening = list(self._subscribers)
            for deliver in listening:
                if result is not None:
                    deliver(result)
                elif deliver not in told and self._latest is not None:
                    deliver(self._latest)
            told = listening
            self._wake.wait(_LOOK_SECONDS)

    def _next(self) -> Picture | Exception | None:
        """The next picture or error; None where all is as it was."""
        former = self._latest
        taken = datetime.now(UTC)
        try:
            seen = self._service.survey()
        except Exception as error:  # noqa: BLE001  the outermost edge of this thread
            known, self._error = self._error, repr(error)
            return error if known != self._error else None
        changed = EVERYTHING if former is None else differing(former.survey, seen)
        if not changed and former is not None and former.findings == self._findings:
            return None
        self._error = ""
        self._latest = Picture(taken, seen, self._findings, changed)
        if changed:
            self._wake_examiner.set()
        return self._latest

    def _examine_on(self) -> None:
        while not self._stopped:
            self._wake_examiner.clear()
            try:
                self._findings = examine(Request(self._service))
            except Exception as error:  # noqa: BLE001  the outermost edge of this thread
                because = f"the checks failed: {type(error).__name__}: {error}"
                self._findings = (Finding("doctor", "Every check is made", "fail", because),)
            self._wake.set()
            self._wake_examiner.wait(self._examine_seconds)
