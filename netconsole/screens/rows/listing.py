"""Listing: the rows of a table as an admin has filtered and ordered them. No widget knows here."""

from collections.abc import Iterable

from netconsole.screens.rows.pane import Column, Row


class Listing:
    """Rows that come and change, with a cursor that stays on its row, a filter and an order."""

    def __init__(self, columns: tuple[Column, ...], empty: str, waiting: str = "") -> None:
        """`empty` is said where there are no rows, `waiting` where they are not known yet."""
        self.columns = columns
        self.filter = ""
        self.only_attention = False
        self.sort_column: int | None = None
        self.descending = False
        self.shown: list[Row] = []
        self.incomplete = False
        """Not everything could be read: no rows may mean anything."""
        self.cursor = 0
        self.first = 0
        """The number of the uppermost row on the screen."""
        self._empty = empty
        self._waiting = waiting
        self._rows: tuple[Row, ...] | None = None

    def set_rows(self, rows: tuple[Row, ...]) -> bool:
        """Take new rows; answers whether any differs."""
        if rows == self._rows:
            return False
        self._rows = rows
        self.rearrange()
        return True

    def forget(self) -> None:
        """Have no rows until new ones are known."""
        self._rows = None
        self.rearrange()

    def rearrange(self) -> None:
        """Filter and order again; the cursor stays on the row with its key."""
        key = self.current.key if self.current else None
        self.shown = self._ordered(row for row in self._rows or () if self._matches(row))
        if key is not None:
            self.select(key)

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

    def show_all(self) -> None:
        """Take every filter off."""
        self.filter, self.only_attention = "", False
        self.rearrange()

    def cycle_sort(self, visible: list[int]) -> None:
        """Order by the next of these columns; after the last, in the order of the host."""
        after = -1 if self.sort_column is None else self.sort_column
        self.sort_column = next((at for at in visible if at > after), None)
        self.descending = False
        self.rearrange()

    def reverse_sort(self) -> None:
        """Turn the order round."""
        if self.sort_column is not None:
            self.descending = not self.descending
            self.rearrange()

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.shown[self.cursor] if self.cursor < len(self.shown) else None

    def select(self, key: str) -> None:
        """Put the cursor on the row with this key, if it is shown."""
        if self.current is None or self.current.key != key:
            at = (index for index, row in enumerate(self.shown) if row.key == key)
            self.cursor = next(at, self.cursor)

    def go(self, to: int, height: int) -> None:
        """Put the cursor on a row and bring it into view, `height` rows being visible."""
        last = max(len(self.shown) - 1, 0)
        self.cursor = min(max(to, 0), last)
        lowest = max(self.cursor - height + 1, 0)
        self.first = min(max(self.first, lowest), self.cursor, max(last - height + 1, 0))

    @property
    def position(self) -> str:
        """Where the cursor is and how many rows there are: `3/12 of 40`."""
        if not self._rows:
            return ""
        place = f"{self.cursor + 1 if self.shown else 0}/{len(self.shown)}"
        return place if len(self.shown) == len(self._rows) else f"{place} of {len(self._rows)}"

    @property
    def absence(self) -> str:
        """What to say where no row is shown."""
        if self._rows is None:
            return self._waiting
        if self._rows:
            return "No row matches; esc shows all."
        return "Not everything could be read; d says why." if self.incomplete else self._empty
