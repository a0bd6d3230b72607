"""A check: a pure function from the snapshot to a finding, with what it needs to know."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.aside import aside
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import NOT_SENT, Snapshot


def _of_all(_: Snapshot) -> None:
    """What is found concerns whoever is asked about, or only such evidence is collected."""


@dataclass(frozen=True, slots=True)
class Check:
    """A registered check."""

    id: str
    rows: tuple[str, ...]
    """Its codes in the catalogue of checks: A1, A1b."""
    title: str
    """What is so on a host that is well."""
    needs: frozenset[type[object]]
    """The parts without which it cannot be made, probes among them."""
    seconds: float
    """How long its evidence takes to collect on a host of ordinary size, about."""
    judge: Callable[[Snapshot], Finding]
    page: Explanation
    uses: frozenset[type[object]] = frozenset()
    """Parts, or probes, that it uses where they are there, and does without where not.

    Before the fix is applied it is made again, without these probes where it does not hang on them.
    """
    watches: frozenset[type[object]] = frozenset()
    """Probes that it uses as well where it is asked for by name or in a playbook: they watch
    traffic for as long as that may last."""
    narrow: Callable[[Snapshot], Snapshot | None] = _of_all
    """Leaves out of the evidence what is of others than the target; None where nothing is."""
    reach: Reach = Reach.INSTANCE
    """Whom what it finds cuts off: HOST where every guest's packets, or every change, depend on it,
    NETWORK where the guests of a network share it."""
    shown_by_status: bool = False
    """Whether a status shows by itself, and at once, what it finds."""
    wrong: str = field(kw_only=True)
    """What is so instead, where it finds something: the title of such a finding."""

    def examine(self, snapshot: Snapshot) -> Finding:
        """Judge, or answer `unknown` with the reason when something needed could not be read.

        Of a snapshot with a target the verdict is about that; what is found of others is an aside.
        """
        for need in sorted(self.needs, key=lambda kind: kind.__name__):
            unread = snapshot.unread(need)
            if unread is None:
                continue
            if unread == NOT_SENT:
                because = f"Not made: {unread.because}."
                return Finding(self.id, self.title, "not-applicable", because)
            because = f"The check could not be made: {unread.because}."
            return Finding(self.id, self.title, "unknown", because)
        finding = self._of_target(snapshot, self.judge(snapshot))
        return replace(finding, title=self.wrong) if finding.found else finding

    def _of_target(self, snapshot: Snapshot, whole: Finding) -> Finding:
        """Return what is found of the target where there is one, else what is of others, aside."""
        if snapshot.target is None or not whole.found:
            return whole
        narrow = self.narrow(snapshot)
        if narrow is None:
            return whole
        own = self.judge(narrow)
        return own if own.found or own.verdict == "unknown" else aside(whole, snapshot.target)
