"""What every playbook is: an investigation, a cure through the one door, and the proof of it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netconsole.backend.errors import Conflict, NotFound
from netconsole.backend.steps import Plan
from netconsole.diagnostics.finding import Finding
from netconsole.diagnostics.snapshot import Unread

if TYPE_CHECKING:
    from netconsole.backend.service import Service


@dataclass(frozen=True, slots=True)
class Investigation:
    """What was found, the probes included."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Healing:
    """A cure that was applied, and the same evidence collected once more."""

    change_id: str
    plan: Plan
    after: Investigation

    @property
    def verified(self) -> bool:
        """Whether the evidence shows that the fault is gone."""
        return self.after.finding.verdict in ("ok", "info", "not-applicable")


class Playbook(ABC):
    """One guided sequence: evidence, verdict, cure, proof; undone on request."""

    name: str
    title: str
    summary: str
    explanation: str
    """The whole page: symptom, cause, what else looks like it, cure. Paragraphs, unwrapped."""

    @abstractmethod
    def investigate(
        self, service: "Service | Unread", probe: bool = True, sources: tuple[str, ...] = ()
    ) -> Investigation:
        """Collect the evidence and conclude from it. `probe` allows a few packets to be sent."""

    @property
    def change_title(self) -> str:
        """How its cure stands in the journal."""
        return f"playbook {self.name}"

    def cure(self, finding: Finding, *, apply: bool, persist: bool) -> Plan:
        """Answer the steps of the fix, of what makes it permanent, or of both.

        Raises Conflict when it is to be made permanent and another file has the last word.
        """
        if persist and finding.persist is None and finding.at_boot:
            raise Conflict(f"{self.name} cannot be made permanent: {finding.at_boot}")
        fix = finding.fix.steps if apply and finding.fix else ()
        kept = finding.persist.steps if persist and finding.persist else ()
        return Plan((*fix, *kept))

    def heal(
        self, service: "Service", plan: Plan, probe: bool = True, sources: tuple[str, ...] = ()
    ) -> Healing:
        """Apply a cure and collect the evidence again. Raises what `Service.do` raises."""
        from netconsole.backend.changes.converge import ApplyFix

        outcome = service.do(ApplyFix(name=self.change_title, plan=plan))
        return Healing(outcome.change_id, outcome.plan, self.investigate(service, probe, sources))

    def undo(self, service: "Service") -> Plan:
        """Take back the latest cure of this playbook.

        Raises NotFound when there is none that still stands.
        """
        mine = (
            entry
            for entry in service.history()
            if entry.title == self.change_title and entry.undoable and entry.end == "done"
        )
        entry = max(mine, key=lambda entry: entry.at, default=None)
        if entry is None:
            raise NotFound(f"{self.change_title}: it has changed nothing that could be undone")
        return service.undo(entry.id).plan
