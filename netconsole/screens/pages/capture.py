"""Capture: the form: at which interfaces, and which packets."""

from collections.abc import Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.doctor import parts
from netconsole.diagnostics.model.request import Request
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.probes.live_capture import CaptureRequest
from netconsole.diagnostics.reasoning.path import Path, along, suggested
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import TablePage, said
from netconsole.screens.pages.live_capture import LiveCapturePage
from netconsole.screens.rows.marks import BOLD, DIM
from netconsole.screens.rows.pane import Column, Row
from netconsole.screens.widgets.footer import Hint
from netconsole.screens.widgets.surface import Surface, fit, strip_of
from netconsole.screens.widgets.table import LiveTable

_COLUMNS = (
    Column("", 3, state=True),
    Column("interface", 15),
    Column("what it is", 24, grows=True),
    Column("instance", 16),
)


def _links(console: Console) -> Links:
    """Return the interfaces of the host. Raises Unavailable."""
    snapshot = parts(console.door.asking(Request()), {Links})
    links = snapshot.get(Links)
    if links is None:
        reason = snapshot.unread(Links)
        raise Unavailable(reason.because if reason else "nothing is known of them")
    return links


class CheckTable(LiveTable):
    """A table whose rows are chosen by the space bar."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "check", show=False)]

    class Checked(Message):
        """Space was pressed on a row."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def action_check(self) -> None:
        if self.listing.current:
            self.post_message(self.Checked(self.listing.current))


class FilterLine(Surface):
    """Which packets are captured."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = ""

    def line(self, y: int) -> Strip:
        width = self.size.width
        which = self.filter or "every packet"
        return strip_of([(" filter  ", DIM), (fit(which, width - 9), BOLD)], width)


class CapturePage(TablePage[None], inherit_bindings=False):
    """Chooses interfaces, in the order in which packets come by them, and a filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *TablePage.BINDINGS,
        Binding("f", "packets", show=False),
    ]

    def __init__(self, console: Console, target: str) -> None:
        super().__init__(
            console,
            "Capture packets",
            _COLUMNS,
            "There is no interface.",
            "space chooses, enter begins, esc goes back ",
            waiting="The interfaces are being read.",
        )
        self._target = target
        self._links: tuple[KernelLink, ...] = ()
        self._instances: Mapping[str, str] = {}
        self._chosen: set[str] = set()
        self.table = CheckTable(self.listing, console.glyphs)
        self.filter_line = FilterLine()

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.filter_line, self.table)

    def on_mount(self) -> None:
        self.footer.show(
            (
                Hint("enter", "begin"),
                Hint("space", "choose"),
                Hint("f", "filter"),
                Hint("/", "find"),
                Hint("esc", "back"),
            )
        )
        console, target = self.console, self._target

        def look() -> tuple[Status, Links, Path]:
            status = console.status or console.door.status()
            links = _links(console)
            return status, links, suggested(target, status, links)

        console.in_background(look, self._looked)

    def _looked(self, result: tuple[Status, Links, Path] | Exception) -> None:
        if isinstance(result, Exception):
            self.bar.say(f"the interfaces could not be read: {said(result)}", "bad")
            return
        status, links, path = result
        self._links = along(links)
        self._instances = {each.device: each.instance for each in status.allocations}
        self._chosen = set(path.points)
        self.filter_line.filter = path.expression
        self.filter_line.repaint()
        self._show()
        if path.points:
            self.listing.select(next(link.name for link in self._links if self._is_chosen(link)))
            self.table.follow()

    def _is_chosen(self, link: KernelLink) -> bool:
        return link.name in self._chosen

    def _show(self) -> None:
        self.set_rows(tuple(map(self._row, self._links)))

    def _row(self, link: KernelLink) -> Row:
        chosen = self._is_chosen(link)
        instance = self._instances.get(link.name, "")
        return Row(
            key=link.name,
            cells=("[x]" if chosen else "[ ]", link.name, described(link), instance or "-"),
            tone="good" if chosen else "plain",
        )

    def on_check_table_checked(self, message: CheckTable.Checked) -> None:
        message.stop()
        self._chosen ^= {message.row.key}
        self.bar.say("")
        self._show()

    def action_packets(self) -> None:
        hint = "empty: every packet; enter takes it, esc leaves it as it was"
        former = self.filter_line.filter
        self.bar.type_text("filter: ", hint, former, self._packets_typed, escape=former)

    def _packets_typed(self, text: str, done: bool) -> None:
        if done:
            self.filter_line.filter = " ".join(text.split())
            self.filter_line.repaint()
            self.table.take_focus()

    def on_live_table_chosen(self, message: LiveTable.Chosen) -> None:
        message.stop()
        names = tuple(link.name for link in self._links if self._is_chosen(link))
        if not names:
            self.bar.say(
                "no interface is chosen; space chooses the one under the cursor", "warning"
            )
            return
        self.bar.say("")
        request = CaptureRequest(names, self.filter_line.filter, seconds=None, limit=None)
        self.app.push_screen(LiveCapturePage(self.console, request), self._ended)

    def _ended(self, error: Exception | None) -> None:
        """The capture was left, or could not begin."""
        if error is not None:
            self.bar.say(said(error), "bad")


def described(link: KernelLink) -> str:
    """Return what an interface is and how it lies: `vlan 100 on eth0, port of br100`."""
    kind = f"vlan {link.vlan} on {link.parent}" if link.vlan is not None else link.kind
    parts = [kind or ("loopback" if link.name == "lo" else "network card")]
    parts += [f"port of {link.master}"] if link.master else []
    parts += [] if link.up else ["down"]
    return ", ".join(parts)
