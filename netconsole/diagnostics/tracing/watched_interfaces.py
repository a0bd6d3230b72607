"""Interfaces at which packets that are followed may come by, the likeliest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from netconsole.backend.survey.status import Status
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.tracing.ends import Ends

_MOST: Final = 32


@dataclass(frozen=True, slots=True)
class WatchedInterfaces:
    """Where packets that are followed are seen to come by."""

    seen: tuple[str, ...]
    there: int
    """How many there are at which one may come by."""

    @property
    def ingress(self) -> tuple[str, ...]:
        """Return those for which nft(8) has words."""
        return tuple(name for name in self.seen if '"' not in name)

    def unseen(self) -> tuple[str, ...]:
        """Return a sentence on those that are not watched, where there are any."""
        left = self.there - len(self.seen)
        return (f"{left} of {self.there} interfaces were not watched",) if left else ()


def watched_interfaces(between: Sequence[Ends], status: Status, links: Links) -> WatchedInterfaces:
    """Choose where to watch for what goes between these ends."""
    found = [each.name for each in _watchable(between, status, links)]
    return WatchedInterfaces(tuple(found[:_MOST]), len(found))


def _watchable(between: Sequence[Ends], status: Status, links: Links) -> tuple[KernelLink, ...]:
    """Return the interfaces at which one may come by, the likeliest first: not the ports of other
    instances, and after all others the ports of anything else."""
    own = {name for each in between for name in (each.interface, each.receiver)}
    others = {each.device for each in status.allocations} - own
    found = [each for each in links.links if each.up and each.name not in (*others, "lo")]
    likely = own | {each.master for each in found if each.name in own}
    likely.add(status.host.public_interface)
    return tuple(sorted(found, key=lambda each: (each.name not in likely, bool(each.master))))
