"""Live: one thread that looks at the host again and again, and never faster than it can."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netconsole.backend.survey.status import Status
from netconsole.backend.survey.trouble import Trouble, in_order, troubles
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.reach import troubles_of
from netconsole.screens.panes import PANES
from netconsole.screens.rows.marks import Glyphs
from netconsole.screens.rows.pane import Row

SHARE = 5
"""A look may take at most one part in this of the time."""


@dataclass(frozen=True, slots=True)
class View:
    """One look at the host and the rows made of it; immutable, so it may cross threads."""

    status: Status
    rows: Mapping[str, tuple[Row, ...]]
    """By the pane's id."""
    findings: tuple[Finding, ...] | None = None
    """Of the checks, looked for less often than the rest; None before the first time."""
    troubles: tuple[Trouble, ...] = ()
    """What is wrong or not known beyond the drift, what cuts off most first."""


EXAMINE_SECONDS = 5.0
"""The checks are made again after so long."""

Delivery = Callable[[View | Exception], None]


class LiveLoop:
    """Looks, delivers, waits until the picture was taken and the interval is over, looks again.

    Daemon threads of its own, not workers of the user interface: quitting never waits for a look
    that is stuck, and a terminal that has stopped reading does not pile up pictures. The checks
    have a thread to themselves, so that a slow one does not hold up the picture.
    """

    def __init__(
        self,
        look: Callable[[], Status],
        examine: Callable[[], tuple[Finding, ...]],
        deliver: Delivery,
        interval: float,
        glyphs: Glyphs,
    ) -> None:
        self._look = look
        self._examine = examine
        self._deliver = deliver
        self._interval = interval
        self._glyphs = glyphs
        self._findings: tuple[Finding, ...] | None = None
        self._taken = threading.Event()
        self._wake = threading.Event()
        self._wake_examiner = threading.Event()
        self._stopped = False

    def start(self) -> None:
        """Begin to look."""
        for work in (self._look_on, self._examine_on):
            threading.Thread(target=work, name="collector", daemon=True).start()

    def taken(self) -> None:
        """The last picture was shown: another may come."""
        self._taken.set()

    def soon(self) -> None:
        """Look again without waiting for the interval: something was changed."""
        self._wake.set()
        self._wake_examiner.set()

    def stop(self) -> None:
        """Look no more; does not wait for a look that is under way."""
        self._stopped = True
        self.soon()
        self._taken.set()

    def _look_on(self) -> None:
        former: Status | None = None
        while not self._stopped:
            self._wake.clear()
            self._taken.clear()
            began = time.monotonic()
            result = self._picture(former)
            took = time.monotonic() - began
            if isinstance(result, View):
                former = result.status
            if self._stopped:
                return
            self._deliver(result)
            self._taken.wait()
            self._wake.wait(max(self._interval, SHARE * took))

    def _picture(self, former: Status | None) -> View | Exception:
        try:
            status = self._look()
            rows = {pane.id: pane.rows(status, former, self._glyphs) for pane in PANES}
        except Exception as error:  # noqa: BLE001  the outermost edge of this thread
            return error
        findings = self._findings
        wrong = in_order((*troubles(status), *troubles_of(findings or ())))
        return View(status, rows, findings, wrong)

    def _examine_on(self) -> None:
        examined = False
        while not self._stopped:
            self._wake_examiner.clear()
            began = time.monotonic()
            try:
                self._findings = self._examine()
            except Exception as error:  # noqa: BLE001  the outermost edge of this thread
                because = f"the checks failed: {type(error).__name__}: {error}"
                self._findings = (Finding("doctor", "Every check is made", "fail", because),)
            took = time.monotonic() - began
            if not examined:
                examined = True
                self._wake.set()  # until now nothing could be told to be well
            self._wake_examiner.wait(max(EXAMINE_SECONDS, SHARE * took))
