"""Terminal: what is typed, which need not be text."""

from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable
from functools import partial

from textual.drivers import linux_driver


class TerminalDriver(linux_driver.LinuxDriver):
    """Textual's own, but a byte that is no UTF-8 is a key without a meaning, and not the end.

    A terminal of another character set sends one for a letter, and a paste may hold any. Textual
    8.2.8 decodes strictly and has no other place to say how.
    """

    def run_input_thread(self) -> None:
        """Read what is typed, until the console ends."""
        setattr(linux_driver, "getincrementaldecoder", _forgiving)  # noqa: B010  not in its stubs
        super().run_input_thread()


def _forgiving(encoding: str) -> Callable[[], IncrementalDecoder]:
    """As codecs.getincrementaldecoder, with U+FFFD for what cannot be decoded."""
    return partial(getincrementaldecoder(encoding), "replace")
