"""Main: the page with the panes. It decides nothing: actions.py says what is possible."""

from collections import Counter
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from netconsole.backend.model.phrases import count
from netconsole.screens.pages import changing, group_changes
from netconsole.screens.pages.actions import ACTIONS, BY_ID, Action, Situation
from netconsole.screens.pages.capture import CapturePage
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import TextPage
from netconsole.screens.pages.metadata import MetadataPage
from netconsole.screens.pages.page import Page
from netconsole.screens.pages.palette import PalettePage
from netconsole.screens.pages.path import PathPage
from netconsole.screens.pages.playbooks import PlaybooksPage
from netconsole.screens.panes import PANES
from netconsole.screens.panes.live import View
from netconsole.screens.rows.listing import Listing
from netconsole.screens.rows.marks import STYLES
from netconsole.screens.rows.pane import Entry, Pane, Row, command, heading
from netconsole.screens.texts.change_log import log_entries
from netconsole.screens.widgets.footer import Hint
from netconsole.screens.widgets.lines import LineView, Separator
from netconsole.screens.widgets.table import LiveTable
from netconsole.screens.widgets.tabs import Tabs

_SPECIAL = ("describe", "quit")


class MainPage(Page[None], inherit_bindings=False):
    """The panes under one header; the keys come from the table of actions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(pane.key, f"open('{pane.id}')", show=False) for pane in PANES),
        *(
            Binding(action.key, f"perform('{action.id}')", action.title, show=False)
            for action in ACTIONS
            if action.id not in _SPECIAL
        ),
        Binding("tab,right", "next_pane(1)", show=False),
        Binding("shift+tab,left", "next_pane(-1)", show=False),
        Binding("escape", "clear", show=False),
        Binding("q,ctrl+c", "quit", show=False),
        Binding("ctrl+z", "app.suspend_process", show=False),
    ]

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.tabs = Tabs(PANES, console.glyphs)
        self.listings = {pane.id: Listing(pane.columns, pane.empty) for pane in PANES}
        self.table = LiveTable(self.listings[PANES[0].id], console.glyphs)
        self.detail = LineView(console.glyphs, id="detail")
        self.detail.can_focus = False
        self.rule = Separator(console.glyphs, id="rule")
        self.middle = Container(self.table, self.rule, self.detail, id="middle")
        self.pane: Pane = PANES[0]
        self._no_capture_because = console.door.no_capture_because

    def body(self) -> tuple[Widget, ...]:
        return (self.tabs, self.middle)

    @property
    def listing(self) -> Listing:
        """The open pane's rows."""
        return self.listings[self.pane.id]

    def focus_body(self) -> None:
        self.table.take_focus()

    def on_mount(self) -> None:
        self.action_open(self.pane.id)

    # What is shown

    def show_picture(self, picture: View | None, error: str) -> None:
        super().show_picture(picture, error)
        if picture is not None:
            for listing in self.listings.values():
                listing.incomplete = bool(picture.status.host.unreadable)
            for pane_id, rows in picture.rows.items():
                changed = self.listings[pane_id].set_rows(rows)
                if changed and pane_id == self.pane.id:
                    self.table.follow()
            self.table.repaint()
        self.refresh_around()

    def refresh_around(self) -> None:
        """Bring tabs, chips, footer and the description beside the table up to date."""
        picture = self.console.picture
        rows = picture.rows if picture else {}
        urgent = {
            pane: Counter(row.tone == "bad" for row in found if row.attention)
            for pane, found in rows.items()
        }
        self.tabs.show(self.pane.id, {pane: (n[True], n[False]) for pane, n in urgent.items()})
        self._chips()
        situation = self.situation()
        hints = [
            Hint(action.shown_key, action.title, action.reason(situation) is None)
            for action in ACTIONS
            if action.footer and action.offered(situation)
        ]
        # What can be done comes first: a narrow terminal has no room for both.
        self.footer.show(tuple(sorted(hints, key=lambda hint: not hint.possible)))
        self.bar.hint(self._hint())
        if self.detail.display and self.detail.size:
            self.detail.set_entries(self._description())

    def _hint(self) -> str:
        if self.console.complaint:
            return self.console.complaint
        status = self.console.status
        if status is None:
            return ""
        found = self.console.troubles
        if not found:
            return f"drift: {status.drift[0].commands[0]}" if status.drift else ""
        more = len(found) - 1 + len(status.drift)
        return found[0].sentence + (f" (+{more}, d)" if more else "")

    def _chips(self) -> None:
        listing = self.listing
        chips = [f"/{listing.filter}"] if listing.filter else []
        chips += ["faults only"] if listing.only_attention else []
        self.bar.chips("  ".join([*chips, listing.position]))

    def situation(self) -> Situation:
        """Return what decides which actions are possible."""
        row = self.listing.current
        door = self.console.door
        return Situation(
            pane=self.pane.id,
            row_key=row.key if row else None,
            status=self.console.status,
            read_only_because=door.read_only_because,
            busy=self.console.busy,
            no_capture_because=self._no_capture_because,
            no_evidence_because=door.no_evidence_because,
        )

    def _description(self) -> tuple[Entry, ...]:
        row, status = self.listing.current, self.console.status
        if row is None or status is None:
            return ()
        return self.pane.describe(status, row.key, self.console.glyphs)

    # Moving

    def action_open(self, pane_id: str) -> None:
        self.pane = next(pane for pane in PANES if pane.id == pane_id)
        self.table.show(self.listing)
        self.table.take_focus()
        self.bar.say("")
        self.refresh_around()

    def action_next_pane(self, by: int) -> None:
        at = PANES.index(self.pane) + by
        self.action_open(PANES[at % len(PANES)].id)

    def action_clear(self) -> None:
        self.listing.show_all()
        self.table.follow()
        self.bar.say("")
        self.refresh_around()

    def on_tabs_picked(self, message: Tabs.Picked) -> None:
        self.action_open(message.pane_id)

    def on_live_table_moved(self) -> None:
        self.refresh_around()

    def on_live_table_chosen(self, message: LiveTable.Chosen) -> None:
        pane, key = self.pane, message.row.key

        def text() -> tuple[Entry, ...]:
            status = self.console.status
            return pane.describe(status, key, self.console.glyphs) if status else ()

        title = f"{pane.title}: {' '.join(message.row.cells[:2])}"
        self.app.push_screen(TextPage(self.console, title, text))

    def filter_typed(self, text: str, done: bool) -> None:
        """Show what matches the filter so far."""
        self.listing.filter = text
        self.listing.rearrange()
        self.table.follow()
        if done:
            self.table.take_focus()
        self._chips()

    # Acting

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action != "perform":
            return True
        return BY_ID[str(parameters[0])].offered(self.situation())

    def unbound(self, key: str) -> None:
        because = self.console.door.read_only_because
        if because is not None and any(a.danger and a.key == key for a in ACTIONS):
            self.bar.say(f"read-only: {because}", "warning")
            return
        for action in (each for each in ACTIONS if each.key == key):
            places = " or ".join(f"{p.key} {p.title}" for p in PANES if p.id in action.panes)
            self.bar.say(f"{action.title}: only in {places}", "warning")

    def action_perform(self, action_id: str) -> None:
        situation = self.situation()
        action = BY_ID[action_id]
        if not action.offered(situation):
            return
        if why := action.reason(situation):
            self.bar.say(f"{action.title}: {why}", "warning")
            return
        self._perform(action, situation)

    def _perform(self, action: Action, situation: Situation) -> None:
        console = self.console
        floating, group = situation.floating, situation.group
        subject = situation.path_subject
        match action.id:
            case "associate" if floating:
                changing.associate(console, floating)
            case "disassociate" if floating:
                changing.disassociate(console, floating)
            case "allow" if group:
                group_changes.allow(console, group)
            case "revoke" if group:
                group_changes.revoke(console, group)
            case "repair":
                changing.repair(console)
            case "wrong":
                console.push_screen(TextPage(console, "What is wrong", self._wrong))
            case "log":
                title = "Commands run in this session"
                console.push_screen(TextPage(console, title, lambda: log_entries(console.changes)))
            case "playbooks":
                console.push_screen(PlaybooksPage(console))
            case "capture":
                console.push_screen(CapturePage(console, situation.target))
            case "path" if subject:
                console.push_screen(PathPage(console, self.pane.title, subject))
            case "metadata":
                console.push_screen(MetadataPage(console))
            case "palette":
                self._palette(situation)
            case "help":
                console.open_help()
            case "quit":
                console.quit()
            case _:
                self._arrange(action)

    def _arrange(self, action: Action) -> None:
        """Do what is about the rows that are shown."""
        match action.id:
            case "describe":
                self.table.action_choose()
            case "filter":
                self.bar.type_filter(self.listing.filter, self.filter_typed)
            case "sort":
                self.table.cycle_sort()
            case "reverse":
                self.listing.reverse_sort()
                self.table.follow()
            case "attention":
                self.listing.only_attention = not self.listing.only_attention
                self.listing.rearrange()
                self.table.follow()
                self._chips()
            case "copy":
                self._copy()

    def _copy(self) -> None:
        row = self.listing.current
        if row is not None:
            self.bar.say(self.console.copy("\t".join(row.cells)))

    def _palette(self, situation: Situation) -> None:
        rows = tuple(
            Row(action.id, (action.shown_key, action.title, action.help))
            for action in ACTIONS
            if action.id != "palette"
            and action.offered(situation)
            and action.reason(situation) is None
        )

        def chosen(action_id: str | None) -> None:
            if action_id is not None:
                self.action_perform(action_id)

        self.app.push_screen(PalettePage(self.console, rows), chosen)

    def _wrong(self) -> tuple[Entry, ...]:
        status = self.console.status
        if status is None:
            return (Entry(self.console.error or "The host has not been looked at yet."),)
        found = self.console.troubles
        picture, glyphs = self.console.picture, self.console.glyphs
        entries = [
            Entry(
                f"{glyphs.bad if each.certain else glyphs.unknown} {each.sentence}",
                STYLES["bad" if each.certain else "warning"],
            )
            for each in found
        ]
        if picture is None or picture.findings is None:
            entries.append(Entry(f"{glyphs.unknown} the checks are being made", STYLES["warning"]))
        if not entries and not status.drift:
            return (Entry("Nothing: the host is as the store says.", STYLES["good"]),)
        if status.drift:
            entries += [Entry()] if entries else []
            steps = count(len(status.drift), "step")
            entries.append(heading(f"Drift: {steps} would bring the host back"))
            entries += [command(text) for step in status.drift for text in step.commands]
        return tuple(entries)
