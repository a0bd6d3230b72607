"""Trial: a change of the way that the admin's SSH session comes in, kept only when they say so."""

import math
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from netconsole.screens.pages.console import Console
from netconsole.screens.pages.page import Page
from netconsole.screens.rows.marks import STYLES
from netconsole.screens.rows.pane import Entry
from netconsole.screens.widgets.buttons import Buttons
from netconsole.screens.widgets.footer import Footer, Hint
from netconsole.screens.widgets.lines import LineView
from netconsole.screens.widgets.surface import Surface, strip_of

_LOOK_SECONDS = 1.0
"""So often it is looked whether the console is still there."""
_TEXT = (
    Entry("The change is made. It touched the interface that your SSH session comes in on."),
    Entry(),
    Entry(
        "That you can read this and press a key says that the session has survived it. In every "
        "other case the change is taken back: when the time is up, when the session breaks, when "
        "the console is closed or killed."
    ),
)


def ask(console: Console, seconds: int) -> bool:
    """Whether the admin keeps a change; no is also when they do not say within so many seconds.

    Called in the thread that makes the change.
    """
    answers: SimpleQueue[bool | None] = SimpleQueue()
    ends = time.monotonic() + seconds
    console.tell(lambda: console.push_screen(TrialPage(console, ends), answers.put))
    # Not left to the page: a terminal that has stopped reading holds up all that is painted, and
    # one that is gone has nobody who answers.
    while console.is_running and (left := ends - time.monotonic()) > 0:
        with suppress(Empty):
            return answers.get(timeout=min(left, _LOOK_SECONDS)) is True
    return False


class Countdown(Surface):
    """One line that says how much time is left."""

    def __init__(self, ends: float) -> None:
        """`ends` is of time.monotonic()."""
        super().__init__()
        self._ends = ends

    def line(self, y: int) -> Strip:
        left = max(math.ceil(self._ends - time.monotonic()), 0)
        said = f" It reverts by itself in {left} s."
        return strip_of([(said, STYLES["warning"])], self.size.width)


class TrialPage(Page[bool], inherit_bindings=False):
    """Asks whether to keep a change; its result is True for yes. Nothing leads on from here."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,ctrl+c", "back", show=False)]

    def __init__(self, console: Console, ends: float) -> None:
        super().__init__(console, "On trial: keep this change?", "esc reverts ")
        self._ends = ends
        self._answered = False
        self.footer = Footer(())
        self.lines = LineView(console.glyphs)
        self.lines.can_focus = False
        self.countdown = Countdown(ends)
        self.buttons = Buttons(("Revert now", "Keep"), console.glyphs, escape="reverts")

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.lines, self.countdown, self.buttons)

    def on_mount(self) -> None:
        self.footer.show((Hint("tab", "choose"), Hint("enter", "press"), Hint("esc", "revert")))
        self.lines.set_entries(_TEXT)
        self.buttons.take_focus()
        self.set_interval(1, self.countdown.repaint)
        self.set_timer(max(self._ends - time.monotonic(), 0), self.action_back)

    def on_buttons_pressed(self, message: Buttons.Pressed) -> None:
        message.stop()
        self._answer(message.index == 1)

    def action_back(self) -> None:
        self._answer(False)

    def _answer(self, keep: bool) -> None:
        """Once: a key and the end of the time may come together."""
        if not self._answered:
            self._answered = True
            self.dismiss(keep)
