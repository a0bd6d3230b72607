"""Guard: the console leaves the terminal as it found it, and always leaves.

Signals, a hang-up that no signal announces, and a terminal that no longer reads. Measured on
Textual 8.2.8: without this, SIGTERM leaves the alternate screen on, a hang-up with SIGHUP ignored
takes a whole processor for ever, and a stalled terminal cannot be quit.
"""

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from types import FrameType

_GRACE_SECONDS = 2.0
_RESTORE = (
    b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?7h\x1b[<u"
    b"\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
_Settings = list[int | list[bytes | int]]
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class RunGuard:
    """Watches over one run of the console. Make it and `stop` it in the main thread."""

    def __init__(self, leave: Callable[[int], None]) -> None:
        """`leave` ends the app with an exit status; it is called from any thread."""
        self.code: int | None = None
        """The exit status that a signal, a hang-up or the admin asked for."""
        self._leave = leave
        self._finished = threading.Event()
        self._terminal = _terminal_settings()
        self._former = {number: signal.getsignal(number) for number in _SIGNALS}

    def start(self) -> None:
        """Handle signals, also those that a parent had ignored, and watch for a hang-up."""
        for number in _SIGNALS:
            # Not loop.add_signal_handler: the loop itself may be held up by a stalled terminal.
            signal.signal(number, self._on_signal)
        threading.Thread(target=self._watch_hangup, name="hangup", daemon=True).start()

    def stop(self) -> None:
        """The app has ended by itself; hand the signals back."""
        self._finished.set()
        for number, handler in self._former.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def leave(self, code: int) -> None:
        """End the app with this status; end the process if that takes more than two seconds."""
        if self.code is not None:
            return
        self.code = code
        threading.Thread(target=self._insist, name="leaving", daemon=True).start()
        self._leave(code)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.leave(128 + number)

    def _watch_hangup(self) -> None:
        """Wait for the terminal to go away. No event is asked for: POLLHUP comes regardless."""
        poll = select.poll()
        poll.register(sys.__stdin__.fileno() if sys.__stdin__ else 0, 0)
        while not self._finished.is_set():
            for _, events in poll.poll():
                if events & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
                    self.leave(128 + signal.SIGHUP)
                    return

    def _insist(self) -> None:
        if self._finished.wait(_GRACE_SECONDS):
            return
        _restore_terminal(self._terminal)
        os._exit(self.code or 0)


def _terminal_settings() -> _Settings | None:
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None


def _restore_terminal(settings: _Settings | None) -> None:
    """Without waiting: what the terminal does not take now, it does not get."""
    try:
        if select.select([], [2], [], 0)[1]:
            os.write(2, _RESTORE)
        if settings is not None:
            termios.tcsetattr(0, termios.TCSANOW, settings)
    except (OSError, termios.error):
        return
