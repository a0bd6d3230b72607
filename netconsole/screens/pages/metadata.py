"""Metadata: the pane of what instances ask the metadata service, asked for while it is open."""

import time
from datetime import UTC, datetime
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.widget import Widget

from netconsole.backend.model.guest_requests import GuestRequests
from netconsole.backend.survey.trouble import metadata_trouble
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import TablePage, TextPage, said
from netconsole.screens.panes import guest_requests
from netconsole.screens.rows.marks import STYLES
from netconsole.screens.rows.pane import Entry
from netconsole.screens.widgets.footer import Hint
from netconsole.screens.widgets.lines import LineView
from netconsole.screens.widgets.table import LiveTable

_REST_SECONDS: Final = 1.0
_REST_SHARE: Final = 4
"""It rests so many times as long as the last answer took: a slow link has other things to carry."""


class MetadataPage(TablePage[None], inherit_bindings=False):
    """A row an instance; in place of the rows, why nothing is known, where nothing is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *TablePage.BINDINGS,
        Binding("y", "copy", show=False),
    ]

    def __init__(self, console: Console) -> None:
        super().__init__(
            console,
            guest_requests.TITLE,
            guest_requests.COLUMNS,
            guest_requests.EMPTY,
            waiting="Asking what guests have asked.",
        )
        self.reason = LineView(console.glyphs)
        self.reason.can_focus = False
        self.reason.display = False
        self._found: tuple[GuestRequests, ...] = ()
        self._asked_at = 0.0

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.table, self.reason)

    def on_mount(self) -> None:
        self.footer.show(
            (Hint("enter", "requests"), Hint("/", "filter"), Hint("y", "copy"), Hint("esc", "back"))
        )
        self._ask()

    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        self.console.in_background(self.console.door.guest_requests, self._answered)

    def _answered(self, result: tuple[GuestRequests, ...] | Exception) -> None:
        if not self.is_attached:
            return
        took = time.monotonic() - self._asked_at
        self.set_timer(max(_REST_SECONDS, _REST_SHARE * took), self._ask)
        is_known = not isinstance(result, Exception)
        self.table.display, self.reason.display = is_known, not is_known
        if isinstance(result, Exception):
            self._found = ()
            self.reason.set_entries((Entry(said(result), STYLES["warning"]),))
            self.bar.hint("")
            return
        self._found = result
        self.set_rows(guest_requests.rows(result, datetime.now(UTC), self.console.glyphs))
        status = self.console.status
        trouble = metadata_trouble(status.host) if status else ""
        self.bar.hint(trouble or guest_requests.remark(result))

    def on_live_table_chosen(self, message: LiveTable.Chosen) -> None:
        message.stop()
        name = message.row.key
        self.app.push_screen(
            TextPage(
                self.console,
                f"metadata: {name}",
                lambda: guest_requests.describe(self._found, name),
            )
        )

    def action_copy(self) -> None:
        row = self.listing.current
        if row is not None and self.table.display:
            self.bar.say(self.console.copy("\t".join(row.cells)))
