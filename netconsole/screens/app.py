"""ConsoleApp: the console on one host: its live loop, its way in and its ways out."""

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, TypeVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from netconsole.backend.model.errors import ExitStatus, said
from netconsole.screens.guard import RunGuard
from netconsole.screens.pages.console import Access, Console
from netconsole.screens.pages.dialogs import TextPage
from netconsole.screens.pages.help import help_entries
from netconsole.screens.pages.main import MainPage
from netconsole.screens.pages.page import LEAST_HEIGHT, LEAST_WIDTH, WIDE, Page
from netconsole.screens.pages.trial import ask
from netconsole.screens.panes.live import LiveLoop, View
from netconsole.screens.rows.marks import Tone
from netconsole.screens.texts.change_log import LogEntry

T = TypeVar("T")

_OVERDUE_SECONDS = 10.0


class ConsoleApp(Console, inherit_bindings=False):
    """The console. What it knows of the host it knows by the door."""

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
        """There is a new view of the host, or none could be made."""

        def __init__(self, result: View | Exception) -> None:
            super().__init__()
            self.result = result

    def __init__(self, access: Access, interval: float = 1.0) -> None:
        own_theme = "TEXTUAL_THEME" in os.environ
        super().__init__(access, own_theme=own_theme)
        self.guard: RunGuard | None = None
        self._leaves = False
        self._change: threading.Thread | None = None
        self._remark = ""
        self._keys: deque[events.Key] = deque()
        self._live = LiveLoop(
            access.door, lambda result: self._hand_over(result), interval, self.glyphs
        )
        self._overdue = max(_OVERDUE_SECONDS, 5 * interval)
        self.animation_level = "none"
        if not own_theme:
            self.theme = "ansi-dark"

    def on_mount(self) -> None:
        self.main = MainPage(self)
        self.push_screen(self.main)
        if self.guard is not None:
            self.guard.start()
        self._live.start()
        self.set_interval(_OVERDUE_SECONDS / 2, self._mind_overdue)

    # The live loop

    def _hand_over(self, result: View | Exception) -> None:
        self.post_message(self.Looked(result))

    def on_console_app_looked(self, message: Looked) -> None:
        former_error = self.error
        if isinstance(message.result, View):
            self.picture, self.error = message.result, ""
        else:
            self.error = said(message.result)
        if self.error != former_error:
            self.main.bar.say(self.complaint, "bad")
        self._say_who_answers()
        self._show()
        self._live.taken()

    def _say_who_answers(self) -> None:
        remark = self.door.remark
        if remark != self._remark:
            self._remark = remark
            self.main.bar.say(remark or "the agent is back", "warning" if remark else "plain")

    def _mind_overdue(self) -> None:
        if self._live.waits_for < self._overdue:
            return
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
        while self._keys and isinstance(page := self.screen, Page) and page.takes_keys:
            await page.type_key(self._keys.popleft())

    def change(
        self, title: str, work: Callable[[], T], done: Callable[[T | Exception], None]
    ) -> None:
        self.busy = title
        self.main.bar.say(f"being done: {title}")
        self.main.refresh_around()
        self._change = self.in_background(work, done)

    def changed(self, entry: LogEntry) -> None:
        self.busy = ""
        self.changes.append(entry)
        self.main.bar.say(f"{entry.title}: {entry.outcome}", entry.tone)
        self.main.refresh_around()
        if self._leaves and entry.tone == "good":
            self.quit()
        self._leaves = False  # what did not go well is to be read first

    # What pages ask for

    def confirm(self, seconds: int) -> bool:
        return ask(self, seconds)

    def say(self, text: str, tone: Tone = "plain") -> None:
        self.main.bar.say(text, tone)

    def open_help(self) -> None:
        because = self.door.read_only_because
        self.push_screen(TextPage(self, "Help", lambda: help_entries(self.glyphs, because)))

    def quit(self) -> None:
        if self.busy and not self._leaves:
            self._leaves = True
            bar = self.screen.bar if isinstance(self.screen, Page) else self.main.bar
            at_once = f"q again leaves at once, and {self.door.if_left}"
            bar.say(f"leaves when it is done; {at_once}: {self.busy}", "warning")
            return
        if self.busy:
            self._change = None
        self._live.stop()
        if self.guard is not None:
            self.guard.leave(ExitStatus.OK)
        else:
            self.exit()

    def finish_change(self) -> None:
        """Wait for a change that a signal or a hang-up has left under way; an interrupt ends that.

        Call it in the main thread, once the terminal is as it was before.
        """
        if self._change is None or not self._change.is_alive():
            return
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a shell sends it on after the kernel
        with suppress(OSError):  # the terminal may be gone
            told = f"being done: {self.busy}. ctrl+c leaves at once, {self.door.if_left}"
            print(f"netconsole: {told}", file=sys.stderr, flush=True)
        self._change.join()
