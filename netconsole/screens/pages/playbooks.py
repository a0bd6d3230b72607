"""Playbooks: the checks of this host, and the list from which a guided one is opened."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.playbooks import PLAYBOOKS, Playbook, playbook
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import TablePage
from netconsole.screens.pages.guided import GuidedPage
from netconsole.screens.rows.marks import verdict_mark, verdict_tone
from netconsole.screens.rows.pane import Column, Row
from netconsole.screens.widgets.footer import Hint
from netconsole.screens.widgets.table import LiveTable

_COLUMNS = (
    Column("check or playbook", 20),
    Column("verdict", 17, state=True),
    Column("because", 30, grows=True),
)


class PlaybooksPage(TablePage[None], inherit_bindings=False):
    """Every playbook, and every check with its verdict, what needs a look first; enter opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *TablePage.BINDINGS,
        Binding("i", "examine", show=False),
    ]

    def __init__(self, console: Console) -> None:
        super().__init__(
            console,
            "Playbooks and checks",
            _COLUMNS,
            "There is no check.",
            waiting="The host is being checked.",
        )
        self._times = 0
        """How often it was asked what the checks say."""

    def on_mount(self) -> None:
        self.footer.show(
            (
                Hint("enter", "open"),
                Hint("i", "check again"),
                Hint("/", "filter"),
                Hint("esc", "back"),
            )
        )
        self.action_examine()

    def action_examine(self) -> None:
        self.bar.say("checking the host; nothing is changed and nothing is sent")
        self._times += 1
        times = self._times
        self.console.in_background(
            self.console.door.findings, lambda result: self._examined(result, times)
        )

    def _examined(self, result: tuple[Finding, ...] | Exception, times: int) -> None:
        if times < self._times:  # it was asked once more since
            return
        if isinstance(result, Exception):
            self.bar.say(f"the checks could not be made: {result}", "bad")
            return
        found = sum(finding.found for finding in result)
        unknown = sum(finding.verdict == "unknown" for finding in result)
        said = f"{len(result)} checks: {found} found something, {unknown} could not be made"
        self.bar.say(said, "bad" if found else "warning" if unknown else "good")
        playbooks = (self._playbook_row(each) for each in PLAYBOOKS.values())
        urgent = [each for each in result if each.found or each.verdict == "unknown"]
        calm = [each for each in result if each not in urgent]
        self.set_rows((*map(self._row, urgent), *playbooks, *map(self._row, calm)))

    def _playbook_row(self, each: Playbook) -> Row:
        return Row(
            key=each.name,
            cells=(each.name, "playbook", each.summary),
        )

    def _row(self, finding: Finding) -> Row:
        shown = verdict_mark(finding.verdict, self.console.glyphs)
        return Row(
            key=f"check {finding.check}",
            cells=(finding.check, shown, finding.because),
            tone=verdict_tone(finding.verdict),
            attention=finding.found,
        )

    def on_live_table_chosen(self, message: LiveTable.Chosen) -> None:
        message.stop()
        name = message.row.key
        chosen = PLAYBOOKS.get(name) or playbook(name.removeprefix("check "))
        self.app.push_screen(GuidedPage(self.console, chosen), lambda _: self.action_examine())
