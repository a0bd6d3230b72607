"""Console: what pages may ask of the console that they are pages of."""

import base64
import os
import threading
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from textual.message import Message

from netconsole.backend.model.text import decoded
from netconsole.backend.survey.status import Status
from netconsole.backend.survey.trouble import Trouble
from netconsole.door.door import Door
from netconsole.screens.panes.live import View
from netconsole.screens.rows.marks import Tone, glyphs_for
from netconsole.screens.texts.change_log import LogEntry
from netconsole.screens.toolkit import AbstractMeta, TerminalApp

T = TypeVar("T")

_CLIPBOARD_BYTES = 74_000
"""What terminals and tmux take in one OSC 52, by the experience of other consoles."""


@dataclass(frozen=True, slots=True)
class Access:
    """By which ways a console comes to the host that it is on."""

    door: Door
    """What is asked, and changed."""
    may_save: bool
    """Whether the admin may have files written."""


class Console(TerminalApp, metaclass=AbstractMeta, inherit_bindings=False):
    """The console as its pages know it. ConsoleApp is the one there is."""

    class Told(Message):
        """Another thread has something to be done in this one."""

        def __init__(self, act: Callable[[], object]) -> None:
            super().__init__()
            self.act = act

    def __init__(self, access: Access, *, own_theme: bool) -> None:
        super().__init__(own_theme=own_theme)
        self.access = access
        self.door = access.door
        self.glyphs = glyphs_for()
        self.picture: View | None = None
        self.error = ""
        self.busy = ""
        self.changes: list[LogEntry] = []

    @property
    def status(self) -> Status | None:
        """The latest status, if there was one."""
        return self.picture.status if self.picture else None

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What is wrong or not known beyond the drift, by the latest picture."""
        return self.picture.troubles if self.picture else ()

    @property
    def complaint(self) -> str:
        """Why what is shown is not current, in a line; empty where it is."""
        return f"cannot look at the host: {self.error}" if self.error else ""

    def in_background(
        self, work: Callable[[], T], done: Callable[[T | Exception], None]
    ) -> threading.Thread:
        """Do work in a thread of its own; `done` gets its result or its error, here."""

        def run() -> None:
            result: T | Exception
            try:
                result = work()
            except Exception as error:  # noqa: BLE001  the outermost edge of this thread
                result = error
            self.tell(lambda: done(result))

        thread = threading.Thread(target=run, name="work", daemon=True)
        thread.start()
        return thread

    def tell(self, act: Callable[[], object]) -> None:
        """Have something done in the app's own thread; called from any."""
        self.post_message(self.Told(act))

    def on_console_told(self, message: Told) -> None:
        message.act()

    def copy(self, text: str) -> str:
        """Put text on the clipboard of the admin's terminal; return what to say of it."""
        data = text.encode()
        if len(data) > _CLIPBOARD_BYTES:
            return "too long for the terminal's clipboard"
        codes = clipboard_codes(data, inside_tmux=bool(os.environ.get("TMUX")))
        self.write("".join(codes))
        if len(codes) == 1:
            return f"{len(data)} bytes sent to the terminal by OSC 52; it may refuse them unsaid"
        return f"{len(data)} bytes sent by OSC 52; tmux needs set-clipboard or allow-passthrough on"

    @abstractmethod
    def say(self, text: str, tone: Tone = "plain") -> None:
        """Say a line on the first page."""

    @abstractmethod
    def change(
        self, title: str, work: Callable[[], T], done: Callable[[T | Exception], None]
    ) -> None:
        """Make a change as `in_background` does work: say so, and let no other start."""

    @abstractmethod
    def changed(self, entry: LogEntry) -> None:
        """A change has ended: keep it in the log, say how it went, look again."""

    @abstractmethod
    def confirm(self, seconds: int) -> bool:
        """Whether the admin keeps a change of their session's path; asked in the change's thread.

        No is also when they do not say within so many seconds.
        """

    @abstractmethod
    async def type_ahead(self) -> None:
        """Act on the keys typed so far, one after the other."""

    @abstractmethod
    def open_help(self) -> None:
        """Show the help."""

    @abstractmethod
    def quit(self) -> None:
        """Leave: once the change under way is made, or at once where that is asked twice."""


def clipboard_codes(data: bytes, *, inside_tmux: bool) -> tuple[str, ...]:
    """Return what puts data on a terminal's clipboard (OSC 52, xterm's control sequences).

    In tmux twice: for tmux itself, which minds it with `set-clipboard on`, and wrapped for the
    terminal outside, which gets it with `allow-passthrough on`. Neither is its default.
    """
    code = f"\x1b]52;c;{decoded(base64.b64encode(data))}\a"
    if not inside_tmux:
        return (code,)
    return code, f"\x1bPtmux;\x1b{code}\x1b\\"
