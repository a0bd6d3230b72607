"""Playbooks: the checks of this host, and the list from which a guided one is opened."""

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from netconsole.diagnostics.doctor import examine
from netconsole.diagnostics.finding import Finding
from netconsole.diagnostics.playbooks import PLAYBOOKS
from netconsole.screens.dialogs import TablePage, TextPage
from netconsole.screens.guided import GuidedPage, finding_entries
from netconsole.screens.marks import mark, tone
from netconsole.screens.pane import Column, Entry, Row
from netconsole.screens.widgets.footer import Hint
from netconsole.screens.widgets.table import LiveTable

if TYPE_CHECKING:
    from netconsole.screens.app import ConsoleApp

_COLUMNS = (
    Column("check", 18),
    Column("verdict", 17, state=True),
    Column("playbook", 8),
    Column("because", 30, grows=True),
)


class PlaybooksPage(TablePage[None], inherit_bindings=False):
    """Every check with its verdict; enter opens its playbook where it has one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *TablePage.BINDINGS,
        Binding("i", "examine", show=False),
    ]

    def __init__(self, app: "ConsoleApp") -> None:
        super().__init__(
            app,
            "Checks and playbooks",
            _COLUMNS,
            "There is no check.",
            waiting="The host is being checked.",
        )
        self._findings: tuple[Finding, ...] = ()

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
        service = self.console.service
        self.console.in_background(lambda: examine(service), self._examined)

    def _examined(self, result: tuple[Finding, ...] | Exception) -> None:
        if isinstance(result, Exception):
            self.bar.say(f"the checks could not be made: {result}", "bad")
            return
        self._findings = result
        found = sum(finding.found for finding in result)
        unknown = sum(finding.verdict == "unknown" for finding in result)
        said = f"{len(result)} checks: {found} found something, {unknown} could not be made"
        self.bar.say(said, "bad" if found else "warning" if unknown else "good")
        self.set_rows(tuple(self._row(finding) for finding in result))

    def _row(self, finding: Finding) -> Row:
        guided = "yes" if finding.check in PLAYBOOKS else "-"
        shown = mark(finding.verdict, self.console.glyphs)
        return Row(
            key=finding.check,
            cells=(finding.check, shown, guided, finding.because),
            tone=tone(finding.verdict),
            attention=finding.found,
        )

    def on_live_table_chosen(self, message: LiveTable.Chosen) -> None:
        message.stop()
        playbook = PLAYBOOKS.get(message.row.key)
        if playbook is not None:
            self.app.push_screen(
                GuidedPage(self.console, playbook), lambda _: self.action_examine()
            )
            return
        finding = next(f for f in self._findings if f.check == message.row.key)

        def text() -> tuple[Entry, ...]:
            return finding_entries(finding, self.console.glyphs)

        self.app.push_screen(TextPage(self.console, f"Check {finding.check}", text))
