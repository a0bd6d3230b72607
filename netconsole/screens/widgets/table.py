"""LiveTable: rows that change while they are looked at, by the thousand, for few bytes."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from netconsole.screens.rows.listing import Listing
from netconsole.screens.rows.marks import BOLD, DIM, PLAIN, REVERSE, STYLES, Glyphs
from netconsole.screens.rows.pane import Column, Row
from netconsole.screens.widgets.moving import Moving, moving_keys
from netconsole.screens.widgets.surface import Part, fit, strip_of

_MARGIN = 2
"""Cells left of the first column: the cursor's mark and a space."""
_STRIPS = 2_000


class LiveTable(Moving, can_focus=True):
    """A table of `Row`s with a cursor, a filter and an order; line 0 is the heading."""

    DEFAULT_CSS = """
    LiveTable { height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *moving_keys(),
        Binding("enter", "choose", show=False),
    ]

    class Moved(Message):
        """The cursor is on another row, or the rows under it are others."""

    class Chosen(Message):
        """Enter was pressed on a row."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def __init__(self, listing: Listing, glyphs: Glyphs) -> None:
        super().__init__()
        self.listing = listing
        self.glyphs = glyphs
        self._strips: dict[tuple[object, ...], Strip] = {}

    def show(self, listing: Listing) -> None:
        """Show another listing, as it was left."""
        self.listing = listing
        self.follow()

    def follow(self) -> None:
        """The listing has changed: bring its cursor into view and paint what differs."""
        self._go(self.listing.cursor)

    def cycle_sort(self) -> None:
        """Order by the next visible column."""
        self.listing.cycle_sort([at for at, _ in self._layout()])
        self.follow()

    @property
    def _place(self) -> int:
        return self.listing.cursor

    @property
    def _last(self) -> int:
        return len(self.listing.shown) - 1

    def action_choose(self) -> None:
        if self.listing.current:
            self.post_message(self.Chosen(self.listing.current))

    def _go(self, to: int) -> None:
        self.listing.go(to, max(self.size.height - 1, 1))
        self.repaint()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        self.follow()

    def on_click(self, event: events.Click) -> None:
        at = self.listing.first + event.y - 1
        if event.y and at < len(self.listing.shown):
            again = at == self.listing.cursor
            self._go(at)
            if again:
                self.action_choose()

    # Painting

    def _layout(self) -> list[tuple[int, int]]:
        """The columns that fit, as their number and their width."""
        width, terminal = self.size.width, self.app.size.width
        chosen = [
            (at, column)
            for at, column in enumerate(self.listing.columns)
            if column.shown_from <= terminal
        ]
        while len(chosen) > 1 and _needed([column for _, column in chosen]) > width:
            droppable = [p for p in chosen[1:] if not (p[1].state or p[1].grows)] or chosen[1:]
            chosen.remove(max(droppable, key=lambda pair: (pair[1].shown_from, pair[0])))
        left = width - _needed([column for _, column in chosen])
        grower = next((at for at, column in chosen if column.grows), chosen[-1][0])
        return [(at, column.width + (left if at == grower else 0)) for at, column in chosen]

    def line(self, y: int) -> Strip:
        if y == 0:
            return self._heading()
        listing = self.listing
        at = listing.first + y - 1
        if at >= len(listing.shown):
            return self._blank(y)
        row, selected = listing.shown[at], at == listing.cursor
        key = (listing.columns, row.cells, row.tone, selected, self.size.width)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) >= _STRIPS:
                del self._strips[next(iter(self._strips))]
            strip = self._strips[key] = self._row_strip(row, selected)
        return strip

    def _heading(self) -> Strip:
        parts: list[Part] = [(" " * _MARGIN, PLAIN)]
        for at, width in self._layout():
            column = self.listing.columns[at]
            title = column.title
            if at == self.listing.sort_column:
                arrow = self.glyphs.descending if self.listing.descending else self.glyphs.ascending
                title = fit(title, min(len(title), width - 1)) + arrow
            right = column.kind == "number"
            parts += [(fit(title, width, right=right), BOLD), (" ", PLAIN)]
        return strip_of(parts, self.size.width)

    def _row_strip(self, row: Row, selected: bool) -> Strip:
        base = REVERSE if selected else STYLES["quiet"] if row.tone == "quiet" else PLAIN
        mark = self.glyphs.cursor if selected else " "
        parts: list[Part] = [(mark + " ", base)]
        for at, width in self._layout():
            column = self.listing.columns[at]
            style = base + STYLES[row.tone] if column.state else base
            text = fit(row.cells[at], width, self.glyphs.ellipsis, right=column.kind == "number")
            parts += [(text, style), (" ", base)]
        return strip_of(parts, self.size.width, base)

    def _blank(self, y: int) -> Strip:
        text = self.listing.absence if y == 1 and not self.listing.shown else ""
        shown = fit("  " + text, self.size.width, self.glyphs.ellipsis)
        return strip_of([(shown, DIM)], self.size.width)


def _needed(columns: list[Column]) -> int:
    return _MARGIN + sum(column.width + 1 for column in columns)
