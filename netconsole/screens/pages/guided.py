"""Guided: one playbook, step by step: evidence, verdict, cure, proof, and the way back."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from netconsole.backend.plan.agreement import PlanChanged
from netconsole.backend.steps import Plan
from netconsole.diagnostics.collecting import Request
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.playbooks import Investigation, Playbook
from netconsole.diagnostics.playbooks.healing import Healing
from netconsole.screens.pages.capture import CapturePage
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import WAYS, ConfirmPage, TextPage, differing
from netconsole.screens.pages.page import Page
from netconsole.screens.rows.marks import STYLES, Tone, verdict_mark, verdict_tone
from netconsole.screens.rows.pane import Entry, heading
from netconsole.screens.texts.change_log import LogEntry, failure
from netconsole.screens.texts.findings import explained, finding_entries
from netconsole.screens.widgets.footer import Hint
from netconsole.screens.widgets.lines import LineView

if TYPE_CHECKING:
    from netconsole.backend.service.outcome import Outcome


def _why_no_plan(finding: Finding | None) -> str:
    if finding is None:
        return "no evidence yet"
    if finding.found:
        return "no command cures this; e explains what does"
    return f"the verdict is {finding.verdict}"


def _outcome(healing: Healing) -> str:
    """Say what came of a cure."""
    paths = " ".join(healing.paths.told)
    if healing.taken_back:
        return f"done, and taken back at once. {paths}"
    if healing.broken:
        return f"done, and {healing.broken[0].check} fails now: press u to take it back"
    if healing.paths.severed or healing.paths.is_unchanged:
        return f"done, and not verified. {paths}"
    if not healing.verified:
        return "done, but the evidence still shows it"
    if healing.remains:
        return f"done and verified; what remains: {healing.remains.because}"
    if healing.paths.lost or healing.paths.moved:
        return f"done and verified. {paths}"
    return "done and verified"


class GuidedPage(Page[None], inherit_bindings=False):
    """Runs one playbook. It changes nothing before its plan was shown and agreed to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *WAYS,
        Binding("i", "investigate", show=False),
        Binding("a", "heal(False)", show=False),
        Binding("m", "heal(True)", show=False),
        Binding("u", "undo", show=False),
        Binding("e", "explain", show=False),
        Binding("t", "aim", show=False),
        Binding("c", "capture", show=False),
        Binding("y", "copy", show=False),
    ]

    def __init__(self, console: Console, playbook: Playbook) -> None:
        super().__init__(console, f"Playbook {playbook.name}: {playbook.title}")
        self._playbook = playbook
        self._found: Investigation | None = None
        self._target = playbook.suggest()
        self._outdated = threading.Event()
        """Set when what is being looked for, or was asked before a cure, is wanted no more."""
        self._progress: tuple[Entry, ...] = ()
        self.lines = LineView(console.glyphs)

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.lines)

    def on_mount(self) -> None:
        self.lines.take_focus()
        if self._playbook.deliver is None:
            self.action_investigate()
        else:
            self._show()
            self.action_aim()

    @property
    def _may_change(self) -> bool:
        return self.console.door.read_only_because is None

    @property
    def _captures(self) -> bool:
        """Whether it looks at packets, of which the admin may want to see more."""
        return any(stage.check == "packet_loss" for stage in self._playbook.stages)

    @property
    def _finding(self) -> Finding | None:
        return self._found.finding if self._found else None

    def _ask(self) -> Request:
        """Return what is asked for now, in place of all that was asked before."""
        self._outdated.set()
        self._outdated = outdated = threading.Event()
        request = Request(
            target=self._target,
            probe=self._may_change,
            may_save=self.console.access.may_save,
            progress=lambda line: self.console.tell(lambda: self._heard(line, outdated)),
            cancelled=outdated,
        )
        return self.console.door.asking(request)

    def _heard(self, line: str, outdated: threading.Event) -> None:
        """How a probe stands, as long as someone wants to know."""
        if not outdated.is_set():
            self.bar.say(line)

    def on_unmount(self) -> None:
        self._outdated.set()

    def _show(self) -> None:
        finding = self._finding
        entries = list(self._progress)
        if self._found is None or finding is None:
            entries += self._ahead()
        else:
            entries += [Entry(self._found.delivered), Entry()] if self._found.delivered else []
            entries += self._stages(self._found)
            entries += finding_entries(finding, self.console.glyphs)
        self.lines.set_entries(tuple(entries))
        hints = [Hint("i", "again"), Hint("e", "explain")]
        hints += [Hint("t", "target")] if self._playbook.target else []
        hints += [Hint("c", "capture")] if self._captures else []
        if self._may_change:
            curable = finding is not None and bool(finding.fix)
            lasting = finding is not None and bool(finding.persist)
            hints[:0] = [
                Hint("a", "apply the cure", curable),
                Hint("m", "make permanent", lasting),
                Hint("u", "undo"),
            ]
        hints += [Hint("y", "copy"), Hint("esc", "back")]
        # What can be done comes first: a narrow terminal has no room for both.
        self.footer.show(tuple(sorted(hints, key=lambda hint: not hint.possible)))

    def _ahead(self) -> list[Entry]:
        """What it is about, and the steps to come: evidence takes seconds."""
        stages = self._playbook.stages
        steps = [
            Entry(f"  {each.check}: {each.why}", STYLES["quiet"], hanging=4)
            for each in stages
            if each.why
        ]
        about = [Entry(self._playbook.summary), Entry()]
        return [*about, heading("Steps"), *steps] if len(stages) > 1 else about

    def _stages(self, found: Investigation) -> list[Entry]:
        """One line a stage, where there are several."""
        if len(found.findings) == 1:
            return []
        glyphs = self.console.glyphs
        entries = [heading("Steps")]
        for stage, each in zip(self._playbook.stages, found.findings, strict=True):
            why = f": {stage.why}" if stage.why else ""
            line = f"{verdict_mark(each.verdict, glyphs):8} {each.check}{why}"
            entries.append(Entry(line, STYLES[verdict_tone(each.verdict)], hanging=9))
        return [*entries, Entry()]

    # Evidence

    def action_aim(self) -> None:
        if self._playbook.target:
            way_out = "goes on without" if self._playbook.deliver is None else "does nothing"
            hint = f"{self._playbook.target}; enter takes it, esc {way_out}"
            self.bar.type_text("target: ", hint, self._target, self._aimed)

    def _aimed(self, text: str, done: bool) -> None:
        if done:
            self._target = text.strip()
            self.lines.take_focus()
            if self._target or self._playbook.deliver is None:
                self.action_investigate()

    def action_investigate(self) -> None:
        if self.console.busy:
            self.bar.say(f"wait: {self.console.busy}", "warning")
            return
        sent = "a few packets may be sent" if self._may_change else "nothing is sent"
        self.bar.say(f"collecting evidence; {sent}")
        self._show()
        playbook, request = self._playbook, self._ask()
        self.console.in_background(
            lambda: playbook.investigate(request),
            lambda result: self._investigated(result, request.cancelled),
        )

    def _investigated(self, result: Investigation | Exception, outdated: threading.Event) -> None:
        if outdated.is_set():
            return
        if isinstance(result, Exception):
            self.bar.say(f"no evidence: {result}", "bad")
            return
        self._found = result
        self.bar.say("")
        self._show()

    # Cure

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "capture":
            return self._captures
        return self._may_change or action not in ("heal", "undo")

    def action_heal(self, permanent: bool) -> None:
        finding, playbook = self._finding, self._playbook
        if finding is None or not (finding.persist if permanent else finding.fix):
            what = "to make permanent" if permanent else "to apply"
            self.bar.say(f"nothing {what}: {_why_no_plan(finding)}", "warning")
            return
        title = f"{playbook.title}: {'make the cure permanent' if permanent else 'cure'}"
        self._agree(
            title,
            lambda: playbook.cure(finding, apply=not permanent, persist=permanent),
            lambda title, _plan: self._heal(title, finding, permanent),
        )

    def _heal(self, title: str, finding: Finding, permanent: bool) -> None:
        def done(result: Healing | Exception) -> None:
            if isinstance(result, Exception):
                self._failed(title, result)
                return
            self._found = result.after
            tone: Tone = "good" if result.verified else "bad"
            self._done(LogEntry(title, result.plan.commands, _outcome(result), tone))

        playbook, request = self._playbook, self._ask()
        self.console.change(
            title,
            lambda: playbook.heal(
                *(self.console.door, request, finding),
                apply=not permanent,
                persist=permanent,
                confirm=self.console.confirm,
            ),
            done,
        )

    def action_undo(self) -> None:
        playbook, door = self._playbook, self.console.door
        title = f"{playbook.title}: take the latest cure back"
        self._agree(title, lambda: playbook.way_back(door), self._undo)

    def _undo(self, title: str, plan: Plan) -> None:
        def done(result: "Outcome[None] | Exception") -> None:
            if isinstance(result, Exception):
                self._failed(title, result)
                return
            said = "; ".join(("taken back", *result.notes))
            tone: Tone = "warning" if result.notes else "good"
            self._done(LogEntry(title, result.plan.commands, said, tone))
            self.action_investigate()

        playbook, console = self._playbook, self.console
        console.change(title, lambda: playbook.undo(console.door, plan, console.confirm), done)

    def _agree(
        self, title: str, preview: Callable[[], Plan], act: Callable[[str, Plan], None]
    ) -> None:
        if self.console.busy:
            self.bar.say(f"wait: {self.console.busy}", "warning")
            return

        def agreed(plan: Plan | None) -> None:
            if plan is not None:
                self.bar.say(f"being done: {title}")
                act(title, plan)

        self.app.push_screen(ConfirmPage(self.console, title, preview), agreed)

    def _done(self, entry: LogEntry) -> None:
        self.console.changed(entry)
        self._progress = (Entry(f"{entry.title}: {entry.outcome}", STYLES[entry.tone]), Entry())
        self.bar.say(f"{entry.title}: {entry.outcome}", entry.tone)
        self._show()

    def _failed(self, title: str, error: Exception) -> None:
        self._done(failure(title, error))
        if isinstance(error, PlanChanged):
            # What is right now stands below, to be agreed to anew.
            self._progress = (*differing(error.difference), Entry())
            self.action_investigate()

    # Reading

    def action_explain(self) -> None:
        """The page of the check that found the cause, or that comes first."""
        finding = self._finding
        stages = self._playbook.stages
        check = next(
            (stage.checked for stage in stages if finding and stage.check == finding.check),
            stages[0].checked,
        )
        text = tuple(explained(check.page))
        title = f"{check.id}: {check.title}"
        self.app.push_screen(TextPage(self.console, title, lambda: text))

    def action_capture(self) -> None:
        self.app.push_screen(CapturePage(self.console, self._target))

    def action_copy(self) -> None:
        self.bar.say(self.console.copy(self.lines.text))
