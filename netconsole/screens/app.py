"""ConsoleApp: the console on one service: its live loop, its way in and its ways out."""

import base64
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import ClassVar, TypeVar

from rich.console import RenderableType
from textual import events
from textual.app import App
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from netconsole.backend.errors import ExitStatus
from netconsole.backend.service import Service
from netconsole.backend.status import Status
from netconsole.backend.trouble import Trouble
from netconsole.diagnostics.doctor import examine
from netconsole.diagnostics.evidence import Request
from netconsole.screens.changing import LogEntry
from netconsole.screens.dialogs import TextPage
from netconsole.screens.guard import Guard
from netconsole.screens.help import help_entries
from netconsole.screens.live import Collector, Picture
from netconsole.screens.main import MainPage
from netconsole.screens.marks import glyphs_for
from netconsole.screens.page import LEAST_HEIGHT, LEAST_WIDTH, WIDE, Page
from netconsole.screens.terminal import TerminalDriver
from netconsole.screens.trial import ask

T = TypeVar("T")

_OVERDUE_SECONDS = 10.0
_CLIPBOARD_BYTES = 74_000
"""What terminals and tmux take in one OSC 52, by the experience of other consoles."""


class ConsoleApp(App[None], inherit_bindings=False):
    """The console. It talks to the service and to nothing else."""

    CSS_PATH = "app.tcss"
    TITLE = "netconsole"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []
    # Textual's own annotation puts the `| None` outside the ClassVar, which mypy takes for an
    # instance variable.
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [  # type: ignore[misc]
        (0, "-thin"),
        (LEAST_WIDTH, "-fits-width"),
        (WIDE, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [  # type: ignore[misc]
        (0, "-low"),
        (LEAST_HEIGHT, "-fits-height"),
        (36, "-tall"),
    ]

    class Looked(Message):
        """The collector has a new picture, or could not make one."""

        def __init__(self, result: Picture | Exception) -> None:
            super().__init__()
            self.result = result

    class Told(Message):
        """Another thread has something to be done in this one."""

        def __init__(self, act: Callable[[], object]) -> None:
            super().__init__()
            self.act = act

    def __init__(self, service: Service, interval: float = 1.0) -> None:
        own_theme = "TEXTUAL_THEME" in os.environ
        # Said at once: without it NO_COLOR would turn colours into greys instead of leaving them.
        super().__init__(driver_class=TerminalDriver, ansi_color=None if own_theme else True)
        self.service = service
        service.confirm = lambda seconds: ask(self, seconds)
        self.glyphs = glyphs_for()
        self.picture: Picture | None = None
        self.error = ""
        self.busy = ""
        self.changes: list[LogEntry] = []
        self.failure: BaseException | None = None
        self.guard: Guard | None = None
        self.painted: dict[int, Strip] = {}
        """What the terminal shows, by line; a line that is not there may show anything."""
        self._warned = False
        self._keys: deque[events.Key] = deque()
        self._collector = Collector(
            service.status,
            lambda: examine(Request(service)),
            lambda result: self._hand_over(result),
            interval,
            self.glyphs,
        )
        self._overdue = max(_OVERDUE_SECONDS, 5 * interval)
        self.animation_level = "none"
        if not own_theme:
            self.theme = "ansi-dark"

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

    def on_resize(self) -> None:
        # The terminal has moved its lines about, if only for a moment.
        self.painted = {}

    def _resume_signal(self) -> None:
        self.painted = {}
        super()._resume_signal()
        self.screen.refresh()

    def on_mount(self) -> None:
        self.main = MainPage(self)
        self.push_screen(self.main)
        if self.guard is not None:
            self.guard.start()
        self._collector.start()
        self._watchdog = self.set_timer(self._overdue, self._on_overdue)

    # The live loop

    def _hand_over(self, result: Picture | Exception) -> None:
        self.post_message(self.Looked(result))

    def on_console_app_looked(self, message: Looked) -> None:
        self._watchdog.stop()
        self._watchdog = self.set_timer(self._overdue, self._on_overdue)
        former_error = self.error
        if isinstance(message.result, Picture):
            self.picture, self.error = message.result, ""
        else:
            self.error = _said(message.result)
        if self.error != former_error:
            self.main.bar.say(self.complaint, "bad")
        self._show()
        self._collector.taken()

    def _on_overdue(self) -> None:
        self.error = f"no answer for {self._overdue:.0f} seconds"
        self.main.bar.say(self.complaint, "bad")
        self._show()

    def _show(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, Page):
                screen.show_picture(self.picture, self.error)

    # Keys

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._keys.append(event)
            await self.type_ahead()
        else:
            await super().on_event(event)

    async def type_ahead(self) -> None:
        """Act on the keys typed so far, one after the other.

        Textual hands every key to the widget that has the focus when it arrives. Over a slow
        link `/web1` arrives in one piece, and its letters would go to the table.
        """
        while self._keys and isinstance(page := self.screen, Page) and page.ready:
            await page.type_key(self._keys.popleft())

    async def act_on(self, key: str) -> bool:
        """Do what a key is bound to where the focus is; answers whether it is bound."""
        return await self._check_bindings(key)

    # Work in the background

    def in_background(self, work: Callable[[], T], done: Callable[[T | Exception], None]) -> None:
        """Do work in a thread of its own; `done` gets its result or its error, here."""

        def run() -> None:
            result: T | Exception
            try:
                result = work()
            except Exception as error:  # noqa: BLE001  the outermost edge of this thread
                result = error
            self.tell(lambda: done(result))

        threading.Thread(target=run, name="work", daemon=True).start()

    def tell(self, act: Callable[[], object]) -> None:
        """Have something done in the app's own thread; called from any."""
        self.post_message(self.Told(act))

    def on_console_app_told(self, message: Told) -> None:
        message.act()

    def begin_change(self, title: str) -> None:
        """A change is being made: say so, and let no other start."""
        self.busy = title
        self.main.bar.say(f"being done: {title}")
        self.main.refresh_around()

    def changed(self, entry: LogEntry) -> None:
        """A change has ended: keep it in the log, say how it went, look again."""
        self.busy = ""
        self.changes.append(entry)
        self.main.bar.say(f"{entry.title}: {entry.outcome}", entry.tone)
        self.main.refresh_around()
        self._collector.soon()

    def _end_batch(self) -> None:
        super()._end_batch()
        # A page that became due while another was put together or taken apart waits for its next
        # event; on a host where nothing changes there is none.
        if not self._batch_count and self._screen_stacks.get(self.current_mode):
            self.screen.check_idle()

    # What pages ask for

    def open_help(self) -> None:
        """Show the help."""
        because = self.service.read_only_because
        self.push_screen(TextPage(self, "Help", lambda: help_entries(self.glyphs, because)))

    def copy(self, text: str) -> str:
        """Put text on the clipboard of the admin's terminal; answers with what to say of it."""
        data = text.encode()
        if len(data) > _CLIPBOARD_BYTES:
            return "too long for the terminal's clipboard"
        codes = clipboard_codes(data, inside_tmux=bool(os.environ.get("TMUX")))
        if self._driver is not None:
            self._driver.write("".join(codes))
        if len(codes) == 1:
            return f"{len(data)} bytes sent to the terminal by OSC 52; it may refuse them unsaid"
        return f"{len(data)} bytes sent by OSC 52; tmux needs set-clipboard or allow-passthrough on"

    def quit(self) -> None:
        """Leave; asked twice while a change is being made."""
        if self.busy and not self._warned:
            self._warned = True
            self.main.bar.say(
                f"being done: {self.busy}. q again leaves; the next start finishes or undoes it",
                "warning",
            )
            return
        self._collector.stop()
        if self.guard is not None:
            self.guard.leave(ExitStatus.OK)
        else:
            self.exit()

    def leave(self, code: int) -> None:
        """End with this exit status; called from any thread, and from signal handlers."""
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(lambda: self.exit(return_code=code))

    # Failing: the terminal is restored first, and no local variable is ever printed

    def _handle_exception(self, error: Exception) -> None:
        self.failure = self.failure or error
        self._return_code = ExitStatus.FAILED
        self._exception = self._exception or error
        self._exception_event.set()
        self._close_messages_no_wait()

    def _watch_app_focus(self, focus: bool) -> None:
        """Do nothing: nothing looks different while another window has the focus.

        Textual would take the focus away and paint everything twice at each change of windows.
        """

    def panic(self, *renderables: RenderableType) -> None:
        self._handle_exception(RuntimeError("\n".join(str(one) for one in renderables)))


def clipboard_codes(data: bytes, *, inside_tmux: bool) -> tuple[str, ...]:
    """What puts data on a terminal's clipboard (OSC 52, xterm's control sequences).

    In tmux twice: for tmux itself, which minds it with `set-clipboard on`, and wrapped for the
    terminal outside, which gets it with `allow-passthrough on`. Neither is its default.
    """
    code = f"\x1b]52;c;{base64.b64encode(data).decode()}\a"
    if not inside_tmux:
        return (code,)
    return code, f"\x1bPtmux;\x1b{code}\x1b\\"


def _said(error: Exception) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
