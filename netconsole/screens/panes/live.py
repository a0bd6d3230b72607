"""Live: what is seen of the host, as rows, and never more of it than the terminal takes."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from netconsole.backend.survey.status import Status
from netconsole.backend.survey.trouble import Trouble, in_order, troubles
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.reach import troubles_of
from netconsole.door.door import Door, Sight, Subscription
from netconsole.door.stream import was_counted
from netconsole.screens.panes import PANES
from netconsole.screens.rows.marks import Glyphs
from netconsole.screens.rows.pane import Row

_PATIENCE_SECONDS: Final = 5.0
"""A view that is not shown by then is one that nobody sees."""


@dataclass(frozen=True, slots=True)
class View:
    """One sight of the host and the rows made of it; immutable, so it may cross threads."""

    status: Status
    rows: Mapping[str, tuple[Row, ...]]
    """By the pane's id."""
    findings: tuple[Finding, ...] | None = None
    """Of the checks, made less often than the rest; None before the first time."""
    troubles: tuple[Trouble, ...] = ()
    """What is wrong or not known beyond the drift, what cuts off most first."""


Delivery = Callable[[View | Exception], None]


class LiveLoop:
    """Makes a view of the newest sight, delivers it, and waits until it was shown.

    It has a daemon thread, no worker of the user interface: quitting never waits for a look that
    is stuck, and a terminal that has stopped reading does not pile up views.
    """

    def __init__(self, door: Door, deliver: Delivery, interval: float, glyphs: Glyphs) -> None:
        """`interval` is how often counters are read, in seconds."""
        self._door = door
        self._deliver = deliver
        self._interval = interval
        self._glyphs = glyphs
        self._sights: Subscription | None = None
        self._newest: Sight | Exception | None = None
        self._came = threading.Event()
        self._taken = threading.Event()
        self._stopped = False

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._view_on, name="views", daemon=True).start()
        self._sights = self._door.subscribe(self._take, self._interval)

    def taken(self) -> None:
        """The last view was shown: another may come."""
        self._taken.set()

    @property
    def waits_for(self) -> float:
        """For how many seconds a look has been under way."""
        return 0.0 if self._sights is None else self._sights.waits_for()

    def stop(self) -> None:
        """Look no more; does not wait for a look that is under way."""
        self._stopped = True
        self._rest()
        self._came.set()
        self._taken.set()

    def _take(self, result: Sight | Exception) -> None:
        self._newest = result
        self._came.set()

    def _view_on(self) -> None:
        shown: Status | None = None
        counted: Status | None = None
        while not self._stopped:
            self._came.wait()
            self._came.clear()
            newest = self._newest
            if self._stopped or newest is None:
                continue
            if not isinstance(newest, Exception) and was_counted(newest):
                counted = shown
            result = newest if isinstance(newest, Exception) else self._view(newest, counted)
            if isinstance(result, View):
                shown = result.status
            self._taken.clear()
            self._deliver(result)
            self._wait_until_taken()

    def _wait_until_taken(self) -> None:
        if self._taken.wait(_PATIENCE_SECONDS) or self._stopped:
            return
        self._rest()
        self._taken.wait()
        if not self._stopped:
            self._sights = self._door.subscribe(self._take, self._interval)

    def _rest(self) -> None:
        """Nobody sees what is delivered."""
        sights, self._sights = self._sights, None
        if sights is not None:
            sights.end()

    def _view(self, sight: Sight, counted: Status | None) -> View | Exception:
        try:
            status = sight.status
            rows = {pane.id: pane.rows(status, counted, self._glyphs) for pane in PANES}
        except Exception as error:  # noqa: BLE001  the outermost edge of this thread
            return error
        findings = sight.findings
        wrong = in_order((*troubles(status), *troubles_of(findings or ())))
        return View(status, rows, findings, wrong)
