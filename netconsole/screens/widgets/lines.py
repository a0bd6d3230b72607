"""LineView: a text that scrolls and follows what it describes, line by line."""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.strip import Strip

from netconsole.backend.model.phrases import count
from netconsole.backend.model.text import visible
from netconsole.screens.rows.marks import DIM, Glyphs
from netconsole.screens.rows.pane import Entry
from netconsole.screens.widgets.moving import Moving, moving_keys
from netconsole.screens.widgets.surface import Part, Surface, fit, strip_of

_LABEL = 15
_AS_COMMAND = ("  ", " \\", "      ")
"""What stands before a command's first line, behind each but its last, before its further ones."""


class LineView(Moving, can_focus=True):
    """Shows entries, wrapped to its width; the last line says how much more there is."""

    DEFAULT_CSS = """
    LineView { height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = moving_keys()

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._entries: tuple[Entry, ...] = ()
        self._wrapped: list[list[Part]] = []
        self._wrapped_to = 0
        self._first = 0

    def set_entries(self, entries: tuple[Entry, ...]) -> None:
        """Show another text, from the line where the last one was scrolled to."""
        if entries != self._entries:
            self._entries = entries
            self._wrap()
            self._go(self._first)

    @property
    def text(self) -> str:
        """The text as it is copied: commands unbroken, labels before their values."""
        lines = (f"{fit(e.label, _LABEL)} {e.text}" if e.label else e.text for e in self._entries)
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _wrap(self) -> None:
        self._wrapped_to = width = self.size.width
        if width:
            self._wrapped = [line for entry in self._entries for line in wrapped(entry, width)]

    def on_resize(self) -> None:
        self._wrap()
        self._go(self._first)

    @property
    def _place(self) -> int:
        return self._first

    @property
    def _last(self) -> int:
        return len(self._wrapped)

    def _go(self, to: int) -> None:
        self._first = max(min(to, len(self._wrapped) - self._room), 0)
        self.repaint()

    @property
    def _overflows(self) -> bool:
        return len(self._wrapped) > self.size.height

    @property
    def _room(self) -> int:
        return max(self.size.height - self._overflows, 1)

    def line(self, y: int) -> Strip:
        width = self.size.width
        if width != self._wrapped_to:  # painted before it is told of its size
            self._wrap()
        if self._overflows and y == self.size.height - 1:
            below = len(self._wrapped) - self._first - self._room
            said = (
                f"{count(below, 'more line')} below"
                if below
                else f"the end; {count(self._first, 'line')} above"
            )
            return strip_of([(f"{self.glyphs.rule * 2} {said}", DIM)], width)
        at = self._first + y
        return strip_of(self._wrapped[at] if at < len(self._wrapped) else (), width)


class Separator(Surface):
    """A line between two parts of a page."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs

    def line(self, y: int) -> Strip:
        return strip_of([(self.glyphs.rule * self.size.width, DIM)], self.size.width)


def wrapped(entry: Entry, width: int) -> Iterator[list[Part]]:
    """Yield the lines of an entry at this width."""
    if entry.label:
        pieces = _fold(entry.text, max(width - _LABEL - 1, 10))
        for number, piece in enumerate(pieces):
            label = fit(entry.label, _LABEL) if number == 0 else " " * _LABEL
            yield [(label + " ", DIM), (piece, entry.style)]
        return
    indent, joint, further = _AS_COMMAND if entry.command else ("", "", " " * entry.hanging)
    for piece in _fold(entry.text, max(width, 20), indent, joint, further):
        yield [(piece, entry.style)]


def _fold(text: str, width: int, indent: str = "", joint: str = "", further: str = "") -> list[str]:
    """Break a text at spaces; a command only outside quotes, its lines joined by backslashes."""
    lines: list[str] = []
    line = indent
    for word in _words(text, quoted=bool(joint)):
        # A line feed stands in a quoted text, such as that of a file: it is one.
        ends = word.endswith("\n")
        word = visible(word.removesuffix("\n"))
        if len(line) + len(word) + len(joint) > width and line.strip():
            lines.append(line.rstrip() + joint)
            line = further
        line += word
        while len(line.rstrip()) > width:
            lines.append(line[:width])
            line = line[width:]
        if ends:
            lines.append(line.rstrip())
            line = ""
    return [*lines, line.rstrip()]


def _words(text: str, *, quoted: bool) -> Iterator[str]:
    """The words of a text, each with the spaces behind it."""
    word, quote = "", ""
    for at, character in enumerate(text):
        word += character
        if quoted and character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        ends = character == " " and text[at + 1 : at + 2] != " " and not quote
        if ends or character == "\n":
            yield word
            word = ""
    if word:
        yield word
