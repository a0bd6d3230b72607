"""Toolkit: Textual as the console needs it, and all that the console knows of its inside.

What Textual keeps to itself (names that begin with an underscore) is used here alone. It is that
of one version, which a test names: with another, each of these names is looked at anew.
"""

import re
from abc import ABCMeta
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable, Iterable
from functools import partial
from typing import Generic, TypeVar

from rich.console import RenderableType
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers import linux_driver
from textual.events import Key
from textual.geometry import Region
from textual.message import Message
from textual.message_pump import _MessagePumpMeta
from textual.screen import Screen
from textual.strip import Strip

from netconsole.backend.model.errors import ExitStatus
from netconsole.screens.widgets.surface import changed_span

VERSION = "8.2.8"
"""The Textual whose inside this is."""

Result = TypeVar("Result")

_ESCAPE_AND_KEY = re.compile(r"\x1b(?=[^][NOPX\\^_\x1b])")
"""An escape before what begins no control sequence (ECMA-48, 5.3 and 5.6)."""
_ESCAPE_KEY = "\x1b[27u"
"""The escape key on its own, as terminals with kitty's keyboard protocol report it."""


class TerminalDriver(linux_driver.LinuxDriver):
    """Textual's own, with four habits changed that it has no other place to change.

    A byte that is no UTF-8 is a key without a meaning, and not the end: a terminal of another
    character set sends one for a letter, and a paste may hold any. Keys are told apart by
    TypedParser. And what is painted arrives whole: with PYTHONUNBUFFERED, Python's own stream
    takes a write for done of which the kernel took a part, as it does when the process is stopped
    meanwhile, or handles a signal. One thread reads what is typed, however often it is stopped.
    """

    def start_application_mode(self) -> None:
        """Take the terminal over, at the start and after each suspension."""
        number = 2 if self._file is None else self._file.fileno()
        self._file = open(  # noqa: SIM115
            number, "w", encoding="utf-8", errors="backslashreplace", closefd=False
        )
        if self._writer_thread is not None:
            self._writer_thread.stop()  # what was painted before comes first, and whole
        super().start_application_mode()  # type: ignore[no-untyped-call]  # not typed there

    def _sigcont_application(self, *signalled: object) -> None:
        # Between two callbacks of the loop: a handler may have come in the middle of a write.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take_again)

    def _take_again(self) -> None:
        # Who was suspended takes the terminal again, and who was only stopped, as by SIGSTOP. While
        # the console ends, or has ended, it would never end again.
        reader = self._key_thread
        if reader is not None and reader.is_alive() and not self.exit_event.is_set():
            self.exit_event.set()  # of two who read, one is not told of the end
            reader.join()
            self.exit_event.clear()
        elif not self._must_signal_resume:
            return
        super()._sigcont_application()

    def run_input_thread(self) -> None:
        """Read what is typed, until the console ends or is continued."""
        setattr(linux_driver, "getincrementaldecoder", _forgiving)  # noqa: B010  no stub
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


class AbstractMeta(_MessagePumpMeta, ABCMeta):
    """Lets an app leave methods to those that are made of it (abc)."""


class TerminalApp(App[None], inherit_bindings=False):
    """An app that knows what its terminal shows, and fails without a word on the screen."""

    def __init__(self, *, own_theme: bool) -> None:
        """Use the terminal's own colours, unless the admin has a theme of Textual's."""
        # Said at once: without it NO_COLOR would turn colours into greys instead of leaving them.
        super().__init__(driver_class=TerminalDriver, ansi_color=None if own_theme else True)
        self.painted: dict[int, Strip] = {}
        """What the terminal shows, by line; a line that is not there may show anything."""
        self.failure: BaseException | None = None

    def on_resize(self) -> None:
        # The terminal has moved its lines about, if only for a moment.
        self.painted = {}

    def _resume_signal(self) -> None:
        self.painted = {}
        super()._resume_signal()
        self.screen.refresh()

    async def act_on(self, key: str) -> bool:
        """Do what a key is bound to where the focus is; return whether it is bound."""
        return await self._check_bindings(key)

    def write(self, codes: str) -> None:
        """Send control sequences to the terminal, around everything that is painted."""
        if self._driver is not None:
            self._driver.write(codes)

    def leave(self, code: int) -> None:
        """End with this exit status; called from any thread, and from signal handlers."""
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(lambda: self.exit(return_code=code))

    def _end_batch(self) -> None:
        super()._end_batch()
        # A page that became due while another was put together or taken apart waits for its next
        # event; on a host where nothing changes there is none.
        if not self._batch_count and self._screen_stacks.get(self.current_mode):
            self.screen.check_idle()

    def _handle_exception(self, error: Exception) -> None:
        # The terminal is restored first, and no local variable is ever printed.
        self.failure = self.failure or error
        self._return_code = ExitStatus.FAILED
        self._exception = self._exception or error
        self._exception_event.set()
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        self._handle_exception(RuntimeError("\n".join(str(one) for one in renderables)))

    def _watch_app_focus(self, focus: bool) -> None:
        """Do nothing: nothing looks different while another window has the focus.

        Textual would take the focus away and paint everything twice at each change of windows.
        """


class TerminalScreen(Screen[Result], Generic[Result]):
    """A screen that covers the one beneath it, and sends only what the terminal does not show."""

    def __init__(self, of: TerminalApp) -> None:
        super().__init__()
        self._of = of

    def _compositor_refresh(self) -> None:
        # Textual takes the screen beneath to shine through, and would send this one again from
        # top to bottom whenever something changes there. What is painted while a batch of changes
        # goes on is not sent, but painted again behind it: then nothing is known to be shown.
        if self is self.app.screen and (self.app._batch_count or self._narrow()):
            super()._compositor_refresh()
        else:
            self._dirty_widgets.clear()

    def _narrow(self) -> bool:
        """Return whether anything differs from what the terminal shows; only that stays dirty.

        Textual lays out and paints a whole page up to four times when it opens, and twice when it
        is come back to (measured on 8.2.8).
        """
        dirty, painted = self._compositor._dirty_regions, self._of.painted
        rows = {y for region in dirty for y in region.line_range}
        dirty.clear()
        for y, new in enumerate(self._compositor.render_strips()):
            old = painted.get(y)
            if y in rows and new != old:
                start, end = (0, new.cell_length) if old is None else changed_span(old, new)
                dirty.add(Region(start, y, end - start, 1))
                painted[y] = new
        return bool(dirty)
