"""LiveTable: rows that change while they are looked at, by the thousand, for few bytes."""

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from netconsole.screens.marks import BOLD, DIM, PLAIN, REVERSE, STYLES, Glyphs
from netconsole.screens.pane import Column, Row
from netconsole.screens.widgets.surface import Part, Surface, fit, strip_of

_MARGIN = 2
"""Cells left of the first column: the cursor's mark and a space."""
_STRIPS = 2_000


class LiveTable(Surface, can_focus=True):
    """A table of `Row`s with a cursor, a filter and an order; line 0 is the heading."""

    DEFAULT_CSS = """
    LiveTable { height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("pagedown,ctrl+d,space", "page(1)", show=False),
        Binding("home,g", "edge(-1)", show=False),
        Binding("end,G", "edge(1)", show=False),
        Binding("enter", "choose", show=False),
    ]

    class Moved(Message):
        """The cursor is on another row, or the rows under it are others."""

    class Chosen(Message):
        """Enter was pressed on a row."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def __init__(
        self,
        columns: tuple[Column, ...],
        empty: str,
        glyphs: Glyphs,
        *,
        waiting: str = "",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.columns = columns
        self.empty = empty
        self.waiting = waiting
        self.glyphs = glyphs
        self.filter = ""
        self.only_attention = False
        self.sort_column: int | None = None
        self.descending = False
        self._rows: tuple[Row, ...] | None = None
        self._shown: list[Row] = []
        self._cursor = 0
        self._first = 0
        self._strips: dict[tuple[object, ...], Strip] = {}

    # What is shown

    def set_rows(self, rows: tuple[Row, ...]) -> None:
        """Take new rows; the cursor stays on the row with its key."""
        if rows != self._rows:
            self._rows = rows
            self.rearrange()

    def rearrange(self) -> None:
        """Filter and order again, and paint what changed."""
        key = self.current.key if self.current else None
        self._shown = self._ordered(row for row in self._rows or () if self._matches(row))
        if key is not None and not (
            self._cursor < len(self._shown) and self._shown[self._cursor].key == key
        ):
            at = (index for index, row in enumerate(self._shown) if row.key == key)
            self._cursor = next(at, self._cursor)
        self._go(self._cursor)

    def _matches(self, row: Row) -> bool:
        if self.only_attention and not row.attention:
            return False
        wanted = self.filter.casefold()
        if wanted.startswith("!"):
            return len(wanted) == 1 or wanted[1:] not in row.text
        return wanted in row.text

    def _ordered(self, rows: Iterable[Row]) -> list[Row]:
        if self.sort_column is None:
            return list(rows)
        at, column = self.sort_column, self.columns[self.sort_column]
        return sorted(
            rows, key=lambda row: column.sort_value(row.cells[at]), reverse=self.descending
        )

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._shown[self._cursor] if self._cursor < len(self._shown) else None

    @property
    def position(self) -> str:
        """Where the cursor is and how many rows there are: `3/12 of 40`."""
        if not self._rows:
            return ""
        place = f"{self._cursor + 1 if self._shown else 0}/{len(self._shown)}"
        return place if len(self._shown) == len(self._rows) else f"{place} of {len(self._rows)}"

    def cycle_sort(self) -> None:
        """Order by the next visible column; after the last, in the order of the host."""
        visible = [at for at, _ in self._layout()]
        after = -1 if self.sort_column is None else self.sort_column
        self.sort_column = next((at for at in visible if at > after), None)
        self.descending = False
        self.rearrange()

    def reverse_sort(self) -> None:
        """Turn the order round."""
        if self.sort_column is not None:
            self.descending = not self.descending
            self.rearrange()

    # The cursor

    def action_move(self, by: int) -> None:
        self._go(self._cursor + by)

    def action_page(self, direction: int) -> None:
        self._go(self._cursor + direction * max(self.size.height - 2, 1))

    def action_edge(self, direction: int) -> None:
        self._go(0 if direction < 0 else len(self._shown) - 1)

    def action_choose(self) -> None:
        if self.current:
            self.post_message(self.Chosen(self.current))

    def select(self, key: str) -> None:
        """Put the cursor on the row with this key, if it is shown."""
        at = (index for index, row in enumerate(self._shown) if row.key == key)
        self._go(next(at, self._cursor))

    def _go(self, to: int) -> None:
        last = max(len(self._shown) - 1, 0)
        self._cursor = min(max(to, 0), last)
        height = max(self.size.height - 1, 1)
        lowest = max(self._cursor - height + 1, 0)
        self._first = min(max(self._first, lowest), self._cursor, max(last - height + 1, 0))
        self.repaint()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        self._go(self._cursor)

    def on_click(self, event: events.Click) -> None:
        at = self._first + event.y - 1
        if event.y and at < len(self._shown):
            again = at == self._cursor
            self._go(at)
            if again:
                self.action_choose()

    def on_mouse_scroll_down(self) -> None:
        self._go(self._cursor + 3)

    def on_mouse_scroll_up(self) -> None:
        self._go(self._cursor - 3)

    # Painting

    def _layout(self) -> list[tuple[int, int]]:
        """The columns that fit, as their number and their width."""
        width, terminal = self.size.width, self.app.size.width
        chosen = [
            (at, column) for at, column in enumerate(self.columns) if column.shown_from <= terminal
        ]
        while len(chosen) > 1 and _needed([column for _, column in chosen]) > width:
            droppable = [pair for pair in chosen[1:] if not pair[1].state] or chosen[1:]
            chosen.remove(max(droppable, key=lambda pair: (pair[1].shown_from, pair[0])))
        left = width - _needed([column for _, column in chosen])
        grower = next((at for at, column in chosen if column.grows), chosen[-1][0])
        return [(at, column.width + (left if at == grower else 0)) for at, column in chosen]

    def line(self, y: int) -> Strip:
        if y == 0:
            return self._heading()
        at = self._first + y - 1
        if at >= len(self._shown):
            return self._blank(y)
        row, selected = self._shown[at], at == self._cursor
        key = (row.cells, row.tone, selected, self.size.width)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) >= _STRIPS:
                del self._strips[next(iter(self._strips))]
            strip = self._strips[key] = self._row_strip(row, selected)
        return strip

    def _heading(self) -> Strip:
        parts: list[Part] = [(" " * _MARGIN, PLAIN)]
        for at, width in self._layout():
            column = self.columns[at]
            title = column.title
            if at == self.sort_column:
                arrow = self.glyphs.descending if self.descending else self.glyphs.ascending
                title = fit(title, min(len(title), width - 1)) + arrow
            right = column.kind == "number"
            parts += [(fit(title, width, right=right), BOLD), (" ", PLAIN)]
        return strip_of(parts, self.size.width)

    def _row_strip(self, row: Row, selected: bool) -> Strip:
        base = REVERSE if selected else STYLES["quiet"] if row.tone == "quiet" else PLAIN
        mark = self.glyphs.cursor if selected else " "
        parts: list[Part] = [(mark + " ", base)]
        for at, width in self._layout():
            column = self.columns[at]
            style = base + STYLES[row.tone] if column.state else base
            text = fit(row.cells[at], width, self.glyphs.ellipsis, right=column.kind == "number")
            parts += [(text, style), (" ", base)]
        return strip_of(parts, self.size.width, base)

    def _blank(self, y: int) -> Strip:
        text = ""
        if y == 1 and not self._shown:
            text = "No row matches; esc shows all." if self._rows else self.empty
            if self._rows is None:
                text = self.waiting
        shown = fit("  " + text, self.size.width, self.glyphs.ellipsis)
        return strip_of([(shown, DIM)], self.size.width)


def _needed(columns: list[Column]) -> int:
    return _MARGIN + sum(column.width + 1 for column in columns)
