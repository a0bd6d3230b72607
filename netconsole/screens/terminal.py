"""Terminal: what is typed, which need not be text."""

import re
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable, Iterable
from functools import partial

from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.events import Key
from textual.message import Message

_ESCAPE_AND_KEY = re.compile(r"\x1b(?=[^][NOPX\\^_\x1b])")
"""An escape before what begins no control sequence (ECMA-48, 5.3 and 5.6)."""
_ESCAPE_KEY = "\x1b[27u"
"""The escape key on its own, as terminals with kitty's keyboard protocol report it."""


class TerminalDriver(linux_driver.LinuxDriver):
    """Textual's own, with two habits of Textual 8.2.8 changed that it has no other place to change.

    A byte that is no UTF-8 is a key without a meaning, and not the end: a terminal of another
    character set sends one for a letter, and a paste may hold any. And keys are told apart by
    TypedParser.
    """

    def run_input_thread(self) -> None:
        """Read what is typed, until the console ends."""
        setattr(linux_driver, "getincrementaldecoder", _forgiving)  # noqa: B010  not in its stubs
        setattr(linux_driver, "XTermParser", TypedParser)  # noqa: B010
        super().run_input_thread()


class TypedParser(XTermParser):
    """Tells keys apart; escape and a key that arrive together are two keys, not one with Alt.

    Over a slow link they do arrive together, and the console gives Alt no meaning.
    """

    def feed(self, data: str) -> Iterable[Message]:
        """Return what these characters say; what is unfinished waits for the next ones."""
        return super().feed(_ESCAPE_AND_KEY.sub(_ESCAPE_KEY, data))

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        if alt:  # the escape was the end of what came before
            yield Key("escape", "\x1b")
        yield from super()._sequence_to_key_events(sequence)


def _forgiving(encoding: str) -> Callable[[], IncrementalDecoder]:
    """As codecs.getincrementaldecoder, with U+FFFD for what cannot be decoded."""
    return partial(getincrementaldecoder(encoding), "replace")
