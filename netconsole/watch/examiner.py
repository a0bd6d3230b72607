"""Examiner: the checks, in a thread of their own, so that a slow one holds up no picture."""

import threading
import time
from collections.abc import Callable
from typing import Final

from netconsole.diagnostics.model.finding import Finding

CLOSE_SECONDS: Final = 5.0
"""How often the checks are made while somebody looks at what they find."""
_SHARE_AT_CHANGES: Final = 1 / 5
"""Of the time of one processor, where things go on happening, or somebody looks."""
_SHARE_IDLE: Final = 1 / 1000

Findings = tuple[Finding, ...]


class Examiner:
    """Makes the checks where something has happened, and at a slow beat."""

    def __init__(
        self, examine: Callable[[], Findings], found: Callable[[Findings], None], seconds: float
    ) -> None:
        """`found` hears of each result, in the examiner's thread.

        `seconds` is the beat; it is slower where the checks take long.
        """
        self._examine = examine
        self._found = found
        self._seconds = seconds
        self._needed = threading.Event()
        self._stopped = False
        self.is_watched = False
        """Whether somebody looks at what is found."""
        self._thread = threading.Thread(target=self._examine_on, name="examiner", daemon=True)

    def start(self) -> None:
        """Begin; the first checks are made once they are asked for."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Make no more checks; those that are under way are waited for so long."""
        self._stopped = True
        self._needed.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def need(self) -> None:
        """Something has happened: make the checks again."""
        self._needed.set()

    def _examine_on(self) -> None:
        self._needed.wait()
        while not self._stopped:
            self._needed.clear()
            began = time.monotonic()
            self._found(self._result())
            took = time.monotonic() - began
            self._rest(took / _SHARE_AT_CHANGES)
            beat = CLOSE_SECONDS if self.is_watched else max(self._seconds, took / _SHARE_IDLE)
            self._needed.wait(beat)

    def _result(self) -> Findings:
        try:
            return self._examine()
        except Exception as error:  # noqa: BLE001  the outermost edge of this thread
            because = f"the checks failed: {type(error).__name__}: {error}"
            return (Finding("doctor", "Every check is made", "fail", because),)

    def _rest(self, seconds: float) -> None:
        """Wait whatever happens, but for the end."""
        until = time.monotonic() + seconds
        while not self._stopped and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
