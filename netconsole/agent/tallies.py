"""Tallies: what is counted while the agent runs, from one picture or line to the next. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from netconsole.backend.survey.status import DnsmasqStatus
from netconsole.backend.transaction.audit import AuditLine

OUTCOMES: Final = ("done", "refused", "failed", "killed")


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often the dnsmasq of each network was started anew."""

    counts: Mapping[str, int] = field(default_factory=dict)
    pids: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Of those that were seen last; of one that is gone they stay known."""

    def of(self, network: str) -> int:
        """Return how often it was started after the first time that it was seen."""
        return self.counts.get(network, 0)

    def seen(self, servers: Iterable[DnsmasqStatus]) -> Self:
        """Return what is counted once these were seen."""
        now = {s.network: frozenset(s.pids) for s in servers if s.network and s.pids}
        begun = [
            network
            for network, pids in now.items()
            if network in self.pids and pids.isdisjoint(self.pids[network])
        ]
        counts = {**self.counts, **{network: self.of(network) + 1 for network in begun}}
        return type(self)(counts, {**self.pids, **now})


def outcome_of(line: AuditLine) -> str:
    """Return in a word what became of a change: refused is what was not even begun."""
    if line.outcome == "done":
        return "done"
    if line.outcome.startswith("killed"):
        return "killed"
    return "refused" if line.end is None else "failed"
