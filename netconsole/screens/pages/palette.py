"""Palette: every action by its name. What is typed is a name; no letter of it is a key."""

from typing import ClassVar

from textual.binding import BindingType

from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import WAYS, TablePage
from netconsole.screens.rows.pane import Column, Row
from netconsole.screens.widgets.footer import Footer, Hint
from netconsole.screens.widgets.table import LiveTable

_COLUMNS = (Column("key", 6), Column("action", 14), Column("what it does", 30, grows=True))
_ESCAPED = "\x1b"


def matching(rows: tuple[Row, ...], text: str) -> tuple[Row, ...]:
    """Return the actions that a text may mean: by its key, the beginning of its name, any word."""
    wanted = text.strip().casefold()
    return tuple(
        sorted((row for row in rows if wanted in row.text), key=lambda row: -_fits(row, wanted))
    )


def _fits(row: Row, wanted: str) -> int:
    key, title, _ = row.cells
    return 2 * (wanted == key.casefold()) + title.casefold().startswith(wanted)


class PalettePage(TablePage[str], inherit_bindings=False):
    """A line to type an action's name in, over the actions that it may be; its result is its id."""

    BINDINGS: ClassVar[list[BindingType]] = [*WAYS]

    def __init__(self, console: Console, rows: tuple[Row, ...]) -> None:
        super().__init__(
            console, "Actions", _COLUMNS, "No action is called so.", "enter does it, esc goes back "
        )
        self._rows = rows
        self.footer = Footer(())

    def on_mount(self) -> None:
        self.footer.show((Hint("enter", "do it"), Hint("up, down", "choose"), Hint("esc", "back")))
        self.set_rows(self._rows)

    def begin(self) -> None:
        self._type("")

    def _type(self, text: str) -> None:
        hint = "an action by its name"
        self.bar.type_text(":", hint, text, self._typed, _ESCAPED, self.table.action_move)

    def _typed(self, text: str, done: bool) -> None:
        if not done:
            self.set_rows(matching(self._rows, text))
            self.table.action_edge(-1)
        elif text == _ESCAPED:
            self.dismiss(None)
        elif (row := self.listing.current) is not None:
            self.dismiss(row.key)
        else:
            self._type(text)

    def on_live_table_chosen(self, message: LiveTable.Chosen) -> None:
        message.stop()
        self.dismiss(message.row.key)
