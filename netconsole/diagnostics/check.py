"""A check: a pure function from the snapshot to a finding, with what it needs to know."""

from collections.abc import Callable
from dataclasses import dataclass

from netconsole.diagnostics.finding import Finding
from netconsole.diagnostics.snapshot import Need, Snapshot, Unread


@dataclass(frozen=True, slots=True)
class Check:
    """A registered check."""

    id: str
    title: str
    needs: frozenset[Need]
    seconds: float
    """How long its evidence takes to collect on a host of ordinary size, about."""
    judge: Callable[[Snapshot], Finding]

    def examine(self, snapshot: Snapshot) -> Finding:
        """Judge, or answer `unknown` with the reason when something needed could not be read."""
        for need in sorted(self.needs):
            part = snapshot.part(need)
            if isinstance(part, Unread):
                because = f"The check could not be made: {part.because}."
                return Finding(self.id, self.title, "unknown", because)
        return self.judge(snapshot)
