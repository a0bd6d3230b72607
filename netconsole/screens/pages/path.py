"""Path: a packet is sent, and shown hop by hop, there and back, and where it ended."""

import threading
from dataclasses import replace
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from netconsole.backend.model.errors import NetconsoleError
from netconsole.diagnostics.parts.journey import Journey
from netconsole.diagnostics.tracing.asked import AskedTrace
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import ChoosePage, TablePage, TextPage, said
from netconsole.screens.rows.marks import BOLD, DIM, STYLES
from netconsole.screens.rows.pane import Entry, Row
from netconsole.screens.texts.path import (
    COLUMNS,
    END_COLUMNS,
    OUTER,
    PathEnd,
    PathSubject,
    decisive_key,
    ending_entries,
    hop_entries,
    other_ends,
    path_entries,
    path_rows,
)
from netconsole.screens.widgets.footer import Hint
from netconsole.screens.widgets.lines import LineView, Separator, wrapped
from netconsole.screens.widgets.surface import Part, Surface, strip_of
from netconsole.screens.widgets.table import LiveTable

_TYPED: Final = PathEnd("")
"""Chosen where an address is to be typed."""


class AskedLine(Surface):
    """Which packet goes from whom to whom."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: tuple[str, str, str] = ("", "", "")

    def show(self, sender: str, destination: str, packet: str) -> None:
        """Show these."""
        self._asked = sender, destination, packet
        self.repaint()

    def line(self, y: int) -> Strip:
        labels = (" from ", "  to ", "  packet ")
        pairs = zip(labels, self._asked, strict=True)
        parts: list[Part] = [part for label, text in pairs for part in ((label, DIM), (text, BOLD))]
        return strip_of(parts, self.size.width)


class PathPage(TablePage[None], inherit_bindings=False):
    """Has a packet traced when it opens, and again when asked; it changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *TablePage.BINDINGS,
        Binding("r", "run", show=False),
        Binding("o", "choose_end", show=False),
        Binding("t", "turn_round", show=False),
        Binding("p", "packet", show=False),
        Binding("d", "describe", show=False),
        Binding("y", "copy", show=False),
    ]

    def __init__(self, console: Console, pane: str, subject: PathSubject) -> None:
        places = ("all", pane, subject.end.name or subject.end.address, "path")
        title = f" {console.glyphs.into} ".join(places)
        super().__init__(console, title, COLUMNS, "No packet was followed.", waiting="Under way.")
        self._subject = subject
        self._other = OUTER
        self._packet = "icmp"
        self._journey: Journey | None = None
        self._under_way = False
        self._cancelled = threading.Event()
        """Set to end the one under way."""
        self._again = False
        """Whether something else was asked for since the one under way was sent."""
        self._entries: tuple[Entry, ...] = ()
        self.asked_line = AskedLine()
        self.separator = Separator(console.glyphs)
        self.ending = LineView(console.glyphs, id="ending")
        self.ending.can_focus = False

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.asked_line, self.table, self.separator, self.ending)

    def on_mount(self) -> None:
        self.footer.show(
            (
                *(Hint("enter, d", "hop"), Hint("r", "again"), Hint("o", "other end")),
                Hint("t", "turn round"),
                *(Hint("p", "packet"), Hint("y", "copy"), Hint("esc", "back"), Hint("/", "find")),
            )
        )
        self.action_run()

    def on_resize(self) -> None:
        self._fit_ending()

    def _show_ending(self, entries: tuple[Entry, ...]) -> None:
        self._entries = entries
        self.ending.set_entries(entries)
        self._fit_ending()

    def _fit_ending(self) -> None:
        """Give it the lines that it needs, and the hops what is left: most of the page."""
        width, most = self.size.width - 2, max(self.size.height // 3, 1)
        lines = sum(len(tuple(wrapped(each, width))) for each in self._entries)
        self.ending.styles.height = min(max(lines, 1), most)

    # Sending

    def action_run(self) -> None:
        asked = self._ask(self._subject, self._other, self._packet)
        if asked is None:
            return
        if self._under_way:
            self._again = True
            return
        self._under_way, self._again = True, False
        self._show_asked()
        who, whom = (str(each) for each in self._from_to())
        at = f"to {whom}" if asked.destination else "to everybody"
        sent = f"Sending {asked.packet} from {who} {at}, three times at most"
        self.bar.say("")
        self._journey = None
        self.listing.forget()
        self.table.follow()
        self._show_ending((Entry(f"{sent}, and following it; esc ends it.", DIM),))
        trace, self._cancelled = self.console.door.trace, threading.Event()
        cancelled = self._cancelled
        self.console.in_background(
            lambda: trace(asked, cancel=cancelled),
            lambda result: None if cancelled.is_set() else self._traced(result),
        )

    def action_back(self) -> None:
        """End the one under way; where there is none, go back."""
        if not self._under_way:
            super().action_back()
            return
        self._cancelled.set()
        self._under_way = False
        self.set_rows(())
        self._show_ending((Entry("Ended before it was over. r runs it again, esc goes back."),))

    def on_unmount(self) -> None:
        self._cancelled.set()

    def _ask(self, subject: PathSubject, other: PathEnd, packet: str) -> AskedTrace | None:
        """Return what would be traced; None, and why in the bar, for what makes no sense."""
        try:
            asked = subject.asked(other, packet)
            asked.request()
        except NetconsoleError as error:
            self.bar.say(str(error), "bad")
            return None
        return asked

    def _from_to(self) -> tuple[PathEnd, PathEnd]:
        ends = self._subject.end, self._other
        return (ends[1], ends[0]) if self._subject.receives else ends

    def _show_asked(self, journey: Journey | None = None) -> None:
        """Say what is asked for; of a journey the addresses as well that words stand for."""
        sender, destination = (str(each) for each in self._from_to())
        if self._packet == "dhcp":
            destination = "everybody"
        if journey is not None and journey.source and journey.source not in sender:
            sender = f"{sender} ({journey.source})"
        if journey is not None and journey.destination not in destination:
            destination = f"{destination} ({journey.destination})"
        self.asked_line.show(sender, destination, self._packet)

    def _traced(self, result: Journey | Exception) -> None:
        if not self.is_attached:
            return
        self._under_way = False
        if self._again:
            self.action_run()
            return
        self.bar.say("")
        if isinstance(result, Exception):
            self.set_rows(())
            self._show_ending((Entry(said(result), STYLES["bad"]),))
            return
        self._journey = result
        self._show_asked(result)
        self.set_rows(path_rows(result, self.console.glyphs))
        self.listing.select(decisive_key(result))
        self.table.follow()
        self._show_ending(ending_entries(result, self.console.glyphs))

    # Choosing

    def action_choose_end(self) -> None:
        def find() -> tuple[tuple[Row, PathEnd], ...]:
            status = self.console.door.status()
            typed = Row(key="typed", cells=("another", "-", "an address that you type"))
            return (*other_ends(self._subject, status), (typed, _TYPED))

        title = "Who sends it" if self._subject.receives else "Where it goes"
        page = ChoosePage[PathEnd](self.console, title, END_COLUMNS, find)
        self.app.push_screen(page, self._end_chosen)

    def _end_chosen(self, end: PathEnd | None) -> None:
        if end is _TYPED:
            hint = "an IPv4 address; enter takes it, esc leaves it as it was"
            self.bar.type_text("address: ", hint, "", self._end_typed)
        elif end is not None:
            self._take(end, self._packet)

    def _end_typed(self, text: str, done: bool) -> None:
        if done:
            self.table.take_focus()
            if text.strip():
                self._take(PathEnd(text.strip()), self._packet)

    def action_packet(self) -> None:
        prompt, hint = "packet: ", "icmp, tcp PORT, udp PORT, dns NAME, arp or dhcp"
        self.bar.type_text(prompt, hint, "", self._packet_typed)

    def _packet_typed(self, text: str, done: bool) -> None:
        if done:
            self.table.take_focus()
            if text.strip():
                self._take(self._other, " ".join(text.split()))

    def action_turn_round(self) -> None:
        """Have sent who was sent to, where that makes sense."""
        turned = replace(self._subject, receives=not self._subject.receives)
        if self._ask(turned, self._other, self._packet) is not None:
            self._subject = turned
            self.action_run()

    def _take(self, other: PathEnd, packet: str) -> None:
        """Send to or from another, or another packet, where that makes sense."""
        if self._ask(self._subject, other, packet) is not None:
            self._other, self._packet = other, packet
            self.action_run()

    # Reading

    def action_describe(self) -> None:
        self.table.action_choose()

    def on_live_table_chosen(self, message: LiveTable.Chosen) -> None:
        message.stop()
        journey, key = self._journey, message.row.key
        if journey is not None:
            entries = hop_entries(journey, key, self.console.glyphs)
            title = f"Hop {int(key) + 1}: {message.row.cells[1]}"
            self.app.push_screen(TextPage(self.console, title, lambda: entries))

    def action_copy(self) -> None:
        if self._journey is not None:
            text = "\n".join(each.text for each in path_entries(self._journey, self.console.glyphs))
            self.bar.say(self.console.copy(f"{text}\n"))
