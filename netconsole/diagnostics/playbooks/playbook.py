"""What every playbook is: checks in the order that finds the cause soonest, a cure, the proof."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from netconsole.backend.model.errors import (
    Conflict,
    DoneUntold,
    NetconsoleError,
    NotFound,
    PartlyDone,
    ReadOnly,
)
from netconsole.backend.plan.agreement import PlanChanged
from netconsole.backend.steps import Plan
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.collecting import PROBES, Request
from netconsole.diagnostics.doctor import judge, look, quick
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.playbooks.cure_evidence import after_cure, before_cure, quiet
from netconsole.diagnostics.playbooks.healing import Healing, Investigation
from netconsole.diagnostics.playbooks.path_trial import effect_since, without_named
from netconsole.diagnostics.reasoning.path_effect import NOTHING_TRIED, PathEffect

if TYPE_CHECKING:
    from netconsole.backend.changes.converge import ApplyFix
    from netconsole.backend.service.outcome import Confirm, Outcome
    from netconsole.backend.transaction.journal import JournalEntry


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a playbook: a check, and why it is its turn."""

    check: str
    why: str

    @property
    def checked(self) -> Check:
        """Return the check itself."""
        return CHECKS[self.check]


class Curing(Protocol):
    """Who makes cures and takes them back: the service of a host, or whoever leads to one."""

    def do(
        self, change: "ApplyFix", agreed: Plan | None = None, *, confirm: "Confirm | None" = None
    ) -> "Outcome[None]":
        """As `Service.do`."""

    def preview_undo(self, change_id: str | None = None) -> Plan:
        """As `Service.preview_undo`."""

    def undo(
        self,
        change_id: str | None = None,
        agreed: Plan | None = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[None]":
        """As `Service.undo`."""

    def history(self) -> "Sequence[JournalEntry]":
        """As `Service.history`."""


Deliver = Callable[[Request, Snapshot, tuple[Finding, ...]], str]
"""Writes what was found somewhere, and says so in a sentence."""


@dataclass(frozen=True, slots=True)
class Playbook:
    """One guided sequence: evidence, verdict, cure, proof; undone on request."""

    name: str
    title: str
    summary: str
    stages: tuple[Stage, ...]
    about: str
    """How it proceeds and what to know before. Paragraphs, unwrapped."""
    target: str = ""
    """What --target names: `a floating address`; empty where it is about the whole host."""
    deliver: Deliver | None = None
    """For a playbook whose target is where to deliver to, not what to look at."""
    suggest: Callable[[], str] = str
    """Returns a target to begin with; nothing by default."""

    @property
    def change_title(self) -> str:
        """How its cure stands in the journal."""
        return f"playbook {self.name}"

    def investigate(self, request: Request) -> Investigation:
        """Collect the evidence once and conclude from it, stage by stage.

        Raises NotFound for a target that means nothing on this host, ReadOnly where it would
        write a file and must not, Conflict where it writes what is on the host, which is another.
        """
        if self.deliver is not None and not request.may_save:
            raise ReadOnly(f"{self.change_title}: refused, it writes a file and this is read-only")
        if self.deliver is not None and request.collector is not None:
            raise Conflict(f"{self.change_title}: run it on the host itself, which it lists")
        checks = self._checks
        if self.deliver is None:
            return Investigation(judge(look(request, checks), checks))
        snapshot = look(replace(request, target=""), checks)
        findings = judge(snapshot, checks)
        return Investigation(findings, self.deliver(request, snapshot, findings))

    @property
    def _checks(self) -> tuple[Check, ...]:
        return tuple(stage.checked for stage in self.stages)

    def cure(self, finding: Finding, *, apply: bool, persist: bool) -> Plan:
        """Return the steps of the fix, of what makes it permanent, or of both.

        Raises Conflict when it is to be made permanent and another file has the last word.
        """
        if persist and finding.persist is None and finding.at_boot:
            raise Conflict(f"{finding.check} cannot be made permanent: {finding.at_boot}")
        fix = finding.fix.steps if apply and finding.fix else ()
        kept = finding.persist.steps if persist and finding.persist else ()
        return Plan((*fix, *kept))

    def heal(
        self,
        host: Curing,
        request: Request,
        finding: Finding,
        *,
        apply: bool,
        persist: bool,
        confirm: "Confirm | None" = None,
    ) -> Healing:
        """Apply the cure of a finding, collect the evidence again, and ask the doctor as well.

        Where packets may be sent, they go along the paths that matter before and after; a cure
        after which one is not answered that was answered before is taken back at once.

        The finding is made once more first, without its probes where the cure does not hang on
        them: raises PlanChanged where the host has changed since, so that another cure would be
        right now. `confirm` is as of `Service.do`; raises what that raises.
        """
        from netconsole.backend.changes.converge import ApplyFix

        plan = self.cure(finding, apply=apply, persist=persist)
        check = CHECKS[finding.check]
        others = tuple(each for each in quick() if each.id != finding.check)
        paths_matter = apply and request.probe
        before = before_cure(request, (check, *others), paths=paths_matter)
        cures = self._again(quiet(before, request.target), request, check, apply, persist)
        self._refuse_another(plan, cures)
        ailing = {each.check for each in _failing(quiet(before), others)}
        well = tuple(each for each in others if each.id not in ailing)
        change = ApplyFix(name=self.change_title, plan=plan)
        outcome = host.do(change, plan, confirm=confirm)
        try:
            paths = effect_since(before, request) if paths_matter else NOTHING_TRIED
            if paths.is_unchanged:
                paths = without_named(paths, request, check.id)
            back = self._taken_back(host, outcome, paths, confirm)
            after, broken = self._proof(request, () if back else well)
        except NetconsoleError as error:
            said = f"{self.change_title}: done, but not verified: {error}"
            raise PartlyDone(said) from error
        except Exception as error:
            raise DoneUntold(f"{self.change_title}: done") from error
        return Healing(outcome.change_id, outcome.plan, after, finding, broken, paths, back)

    def _proof(
        self, request: Request, well: Sequence[Check]
    ) -> tuple[Investigation, tuple[Finding, ...]]:
        """Look again; return what is found then, and what was well before and fails now."""
        seen = after_cure(request, self._checks, well)
        return Investigation(judge(seen, self._checks)), self._broken(request, quiet(seen), well)

    def _broken(
        self, request: Request, seen: Snapshot, well: Sequence[Check]
    ) -> tuple[Finding, ...]:
        """Return what fails of these; what does so for a moment only was not broken."""
        broken = _failing(seen, well)
        if not broken:
            return ()
        again = tuple(CHECKS[each.check] for each in broken)
        return _failing(look(replace(request, probe=False, target=""), again), again)

    def _taken_back(
        self,
        host: Curing,
        outcome: "Outcome[None]",
        paths: PathEffect,
        confirm: "Confirm | None",
    ) -> Plan | None:
        """Take a cure back by which a path has ended; return how, None where it stays.

        Raises PartlyDone where it cannot be taken back.
        """
        if not paths.severed or not outcome.plan.inverse:
            return None
        try:
            return host.undo(outcome.change_id, confirm=confirm).plan
        except NetconsoleError as error:
            said = f"{self.change_title}: done, and cannot be taken back: {error}"
            raise PartlyDone(" ".join((said, *paths.told))) from error

    def _refuse_another(self, agreed: Plan, cures: Iterable[Plan]) -> None:
        """Raise PlanChanged where none of the cures, as they look now, is the one agreed to."""
        now = Plan()
        for now in cures:
            if now == agreed:
                return
        raise PlanChanged(self.change_title, agreed, now)

    def _again(
        self, seen: Snapshot, request: Request, check: Check, apply: bool, persist: bool
    ) -> Iterator[Plan]:
        """Yield the cure as it looks now: without probes first, then with those that it has."""
        (now,) = judge(seen, (check,))
        yield self.cure(now, apply=apply, persist=persist)
        if request.probe and not (check.needs | check.uses).isdisjoint(PROBES):
            (now,) = judge(look(request, (check,)), (check,))
            yield self.cure(now, apply=apply, persist=persist)

    def undo(
        self, host: Curing, agreed: Plan | None = None, confirm: "Confirm | None" = None
    ) -> "Outcome[None]":
        """Take back the latest cure of this playbook, as far as it still stands.

        Raises NotFound when there is none that still stands, PlanChanged where that is not the
        one whose way back was agreed to.
        """
        entry = self._latest(host)
        return host.undo(entry.id, agreed, confirm=confirm)

    def way_back(self, host: Curing) -> Plan:
        """Return what `undo` would do; raises as it does."""
        return host.preview_undo(self._latest(host).id)

    def _latest(self, host: Curing) -> "JournalEntry":
        """Return the latest cure of this playbook that still stands. Raises NotFound."""
        mine = (
            entry
            for entry in host.history()
            if entry.title == self.change_title and entry.undoable and entry.end == "done"
        )
        entry = max(mine, key=lambda entry: entry.at, default=None)
        if entry is None:
            raise NotFound(f"{self.change_title}: it has changed nothing that could be undone")
        return entry


def _failing(snapshot: Snapshot, checks: Sequence[Check]) -> tuple[Finding, ...]:
    return tuple(each for each in judge(snapshot, checks) if each.verdict == "fail")


def of_check(check: Check) -> Playbook:
    """Return the playbook of one check alone."""
    stage = Stage(check.id, "")
    return Playbook(check.id, check.title, check.page.symptom, (stage,), "")
