"""Surface: a widget that paints lines and sends again only the cells that changed.

Textual sends every cell of a dirty region, so the bytes on the wire are decided by how narrow
that region is. A surface keeps the strips it painted last and compares.
"""

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from netconsole.backend.model.text import visible
from netconsole.screens.rows.marks import PLAIN

Part = tuple[str, Style]
"""Text and the style it is painted in."""


def fit(text: str, width: int, ellipsis: str = "", *, right: bool = False) -> str:
    """Text cut or padded to exactly `width` cells."""
    text = visible(text)
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        kept = max(width - len(ellipsis), 0)
        cut = set_cell_size(text, kept) if kept else ""
        # Rich counts a letter without a width of its own, with which a text may begin, as one.
        cut += " " * (kept - cell_len(cut))
        return (cut + ellipsis) if width > 0 else ""
    padding = " " * (width - length)
    return padding + text if right else text + padding


def strip_of(parts: Iterable[Part], width: int, fill: Style = PLAIN) -> Strip:
    """Return one line of exactly `width` cells."""
    segments = [Segment(visible(text), style) for text, style in parts if text]
    return Strip(segments).adjust_cell_length(max(width, 0), fill)


def changed_span(old: Strip, new: Strip) -> tuple[int, int]:
    """Return the first cell that differs, and the first behind the last one that does."""
    before, after = list(old), list(new)
    if old.cell_length != new.cell_length:
        return 0, max(old.cell_length, new.cell_length)
    start, end = 0, new.cell_length
    while before and after and before[0] == after[0]:
        start += after[0].cell_length
        del before[0], after[0]
    while before and after and before[-1] == after[-1]:
        end -= after[-1].cell_length
        del before[-1], after[-1]
    return start, end


class Surface(Widget):
    """Base of everything painted here; a subclass says in `line` how each line looks."""

    DEFAULT_CSS = """
    Surface { width: 1fr; height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._painted: dict[int, Strip] = {}
        self._painted_size = Size(0, 0)

    def line(self, y: int) -> Strip:
        """Line `y` of the widget as it should look now, `self.size.width` cells wide."""
        raise TypeError(f"{type(self).__name__} must say how line {y} looks")

    def on_mount(self) -> None:
        # What changed between the first rendering and now was not sent: see `repaint`.
        self.call_later(self.repaint)

    def repaint(self) -> None:
        """Send what differs from what was rendered last.

        Before the widget is mounted Textual would note the refresh and forget its region.
        """
        if not self.is_mounted or not self.size:
            return
        self._forget_other_size()
        for y, old in tuple(self._painted.items()):
            new = self.line(y)
            if new != old:
                start, end = changed_span(old, new)
                self.refresh(Region(start, y, end - start, 1))

    def take_focus(self) -> None:
        """Have the focus before the next key is looked at; `focus` would come too late for it."""
        self.screen.set_focus(self)

    def render_line(self, y: int) -> Strip:
        self._forget_other_size()
        strip = self._painted[y] = self.line(y)
        return strip

    def _forget_other_size(self) -> None:
        if self._painted_size != self.size:
            self._painted.clear()
            self._painted_size = self.size
