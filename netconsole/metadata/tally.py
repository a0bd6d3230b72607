"""Tally: what was asked and answered, counted and kept within bounds."""

from bisect import bisect_left
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final

from netconsole.backend.model.guest_requests import GuestRequest, GuestRequests

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0)
"""Seconds; the histogram's upper bounds, beside which there is what took longer."""
RECENT: Final = 20
"""Requests kept of one instance."""
MOST_INSTANCES: Final = 4096
LONGEST_PATH: Final = 200


@dataclass(frozen=True, slots=True)
class Counted:
    """The figures of the metadata service since it began."""

    statuses: Mapping[int, int] = field(default_factory=dict)
    """Requests by how they were answered."""
    buckets: tuple[tuple[float, int], ...] = ()
    """How many took no longer than so many seconds."""
    seconds: float = 0.0
    """All of them together."""
    impostors: int = 0
    """Requests by an address of an instance that did not come from it."""
    turned_away: int = 0
    """Connections that were not taken, as their guest had or made too many."""
    silent: int = 0
    """Instances of this host that got their address since then, and have asked for nothing."""

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(self.statuses.values())


@dataclass(slots=True)
class _OfInstance:
    requests: int = 0
    refused: int = 0
    recent: deque[GuestRequest] = field(default_factory=lambda: deque(maxlen=RECENT))


class Tally:
    """Counts, in the thread of the event loop; what it returns may be read in any other."""

    def __init__(self) -> None:
        self._statuses: Counter[int] = Counter()
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self._impostors = 0
        self._turned_away = 0
        self._instances: OrderedDict[str, _OfInstance] = OrderedDict()

    def impostor(self) -> None:
        """One was refused that had another's address."""
        self._impostors += 1

    def turned_away(self) -> None:
        """A connection was not taken."""
        self._turned_away += 1

    def answered(
        self, instance: str | None, method: str, path: str, status: int, seconds: float
    ) -> None:
        """A request was answered; `instance` is the name of whose it was, where that is known."""
        self._statuses[status] += 1
        self._buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds
        if instance is None:
            return
        known = self._instances.get(instance)
        if known is None:
            known = self._instances[instance] = _OfInstance()
            if len(self._instances) > MOST_INSTANCES:
                self._instances.popitem(last=False)
        known.requests += 1
        known.refused += status >= 400
        shown = path.partition("?")[0][:LONGEST_PATH]
        known.recent.append(GuestRequest(datetime.now(UTC), method, shown, status, seconds))

    def counted(self, leased: Iterable[str] = ()) -> Counted:
        """Return the figures as they are now; `leased` are instances that may be silent, by
        name."""
        sums = tuple(accumulate(self._buckets))
        return Counted(
            dict(self._statuses),
            tuple(zip((*BUCKETS, float("inf")), sums, strict=True)),
            self._seconds,
            self._impostors,
            self._turned_away,
            sum(each not in self._instances for each in leased),
        )

    def of(self, instances: Iterable[str], leased: frozenset[str]) -> tuple[GuestRequests, ...]:
        """Return what each of these instances has asked; those in `leased` have their addresses."""
        return tuple(self._of(name, name in leased) for name in instances)

    def _of(self, name: str, is_leased: bool) -> GuestRequests:
        known = self._instances.get(name)
        if known is None:
            return GuestRequests(name, is_silent=is_leased)
        recent = tuple(known.recent)
        return GuestRequests(name, known.requests, known.refused, recent[-1], recent)
