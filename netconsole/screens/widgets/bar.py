"""The bar above the footer: what happened last, what is filtered, and the filter being typed."""

from collections.abc import Callable

from textual import events
from textual.strip import Strip
from textual.timer import Timer

from netconsole.screens.rows.marks import DIM, PLAIN, REVERSE, STYLES, Glyphs, Tone
from netconsole.screens.widgets.surface import Part, Surface, fit, strip_of

Typed = Callable[[str, bool], None]
"""Hears what the filter is, and whether it is no longer being typed."""
Moved = Callable[[int], None]
"""Hears that up (-1) or down (1) was pressed while a text is typed."""

_NOTICE_SECONDS = 30.0


class Bar(Surface, can_focus=True):
    """One line: a notice on the left, the filter and the position on the right.

    While a filter or another text is typed it is an input line: no cursor blinks, every key takes
    effect at once.
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self.glyphs = glyphs
        self._notice: Part = ("", PLAIN)
        self._hint = ""
        self._chips = ""
        self._typing: str | None = None
        self._prompt = "/"
        self._typing_hint = ""
        self._escape = ""
        self._typed: Typed = lambda _text, _done: None
        self._moved: Moved | None = None
        self._expiry: Timer | None = None

    def say(self, notice: str, tone: Tone = "plain") -> None:
        """Show a sentence, until the next one or for half a minute."""
        self._notice = (notice, STYLES[tone])
        if self._expiry is not None:
            self._expiry.stop()
        self._expiry = self.set_timer(_NOTICE_SECONDS, self._expire) if notice else None
        self.repaint()

    def _expire(self) -> None:
        self.say("")

    def hint(self, hint: str) -> None:
        """What to show while there is no notice."""
        self._hint = hint
        self.repaint()

    def chips(self, text: str) -> None:
        """Show what the table is filtered and ordered by, and the cursor's place."""
        self._chips = text
        self.repaint()

    def type_filter(self, text: str, typed: Typed) -> None:
        """Become an input line for a filter; `typed` hears of every change."""
        self.type_text("/", "any column; !text leaves out; enter keeps, esc clears", text, typed)

    def type_text(
        self,
        prompt: str,
        hint: str,
        text: str,
        typed: Typed,
        escape: str = "",
        moved: Moved | None = None,
    ) -> None:
        """Become an input line that starts with `text`; `typed` hears of every change.

        esc ends it with `escape` in place of what was typed; up and down as enter does, unless
        `moved` takes them.
        """
        self._moved = moved
        self._prompt, self._typing_hint, self._escape = prompt, hint, escape
        self._typing, self._typed = text, typed
        self.take_focus()
        self.repaint()

    def line(self, y: int) -> Strip:
        width = self.size.width
        chips: Part = (f" {self._chips} " if self._chips else "", DIM)
        room = max(width - len(chips[0]) - 1, 0)
        if self._typing is not None:
            prompt = self._prompt
            typed = self._typing[-max(room - len(prompt) - 1, 1) :]
            left: list[Part] = [(prompt, STYLES["good"]), (typed, PLAIN), (" ", REVERSE)]
            used = len(prompt) + len(typed) + 1
            if not typed:
                hint = self._typing_hint[: max(room - used - 1, 0)]
                left.append((" " + hint, DIM))
                used += len(hint) + 1
            return strip_of([*left, (" " * (width - used - len(chips[0])), PLAIN), chips], width)
        text, style = self._notice if self._notice[0] else (self._hint, STYLES["warning"])
        shown = fit(" " + text, room, self.glyphs.ellipsis)
        return strip_of([(shown, style), (" ", PLAIN), chips], width)

    @property
    def typing(self) -> bool:
        """Whether keys are characters of the filter now."""
        return self._typing is not None

    def type_key(self, event: events.Key) -> None:
        """Take a key while a filter is typed."""
        if self._typing is None:
            return
        if event.key == "escape":
            self._finish(self._escape)
        elif self._moved is not None and event.key in ("up", "down"):
            self._moved(-1 if event.key == "up" else 1)
        elif event.key in ("enter", "tab", "down", "up"):
            self._finish(self._typing)
        elif event.key in ("backspace", "ctrl+h"):
            self._type(self._typing[:-1])
        elif event.key == "ctrl+u":
            self._type("")
        elif event.character and event.is_printable:
            self._type(self._typing + event.character)

    def on_paste(self, event: events.Paste) -> None:
        if self._typing is not None:
            event.stop()
            self._type(self._typing + " ".join(event.text.split()))

    def _type(self, text: str) -> None:
        self._typing = text
        self.repaint()
        self._typed(text, False)

    def _finish(self, text: str) -> None:
        self._typing = None
        self.repaint()
        self._typed(text, True)
