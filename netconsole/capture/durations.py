"""Times in a few numbers."""

from array import array
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate

EXACT = 50_000
"""Durations kept as they are; more are counted by their first seven bits, within one in 128."""
_BITS = 8


@dataclass(frozen=True, slots=True)
class Times:
    """The middle, the twentieth from the top and the worst, in milliseconds; None without any."""

    p50_ms: float | None
    p95_ms: float | None
    max_ms: float | None

    @property
    def said(self) -> str:
        """Return them for people; empty without any."""
        if self.p50_ms is None or self.p95_ms is None or self.max_ms is None:
            return ""
        return f"p50 {self.p50_ms:.3f} ms, p95 {self.p95_ms:.3f} ms, max {self.max_ms:.3f} ms"


@dataclass(slots=True)
class Durations:
    """Durations in nanoseconds, however many, in bounded memory."""

    latest: "array[int]" = field(default_factory=lambda: array("q"))
    """Add to it directly: that is done for every packet. `fold` now and then."""
    _folded: Counter[int] = field(default_factory=Counter)
    _longest: int = 0

    def __len__(self) -> int:
        return len(self.latest) + self._folded.total()

    def fold(self) -> None:
        """Bring what was added into bounded memory, if it is much."""
        if len(self.latest) > EXACT:
            self._longest = max(self._longest, max(self.latest))
            self._folded.update(map(_rounded, self.latest))
            del self.latest[:]

    def times(self) -> Times:
        """Return the percentiles (nearest rank)."""
        if not len(self):
            return Times(None, None, None)
        counted = sorted((Counter(self.latest) + self._folded).items())
        last = len(self) - 1
        middle, upper = (_at(counted, round(last * share)) for share in (0.5, 0.95))
        longest = max(self._longest, counted[-1][0])
        return Times(*(round(each / 1e6, 6) for each in (middle, upper, longest)))


def _rounded(nanoseconds: int) -> int:
    shift = max(nanoseconds.bit_length() - _BITS, 0)
    return nanoseconds >> shift << shift


def _at(counted: list[tuple[int, int]], rank: int) -> int:
    """Return the value of a rank, counted from 0, in values with how often each was seen."""
    ends = list(accumulate(often for _, often in counted))
    return counted[bisect_right(ends, rank)][0]
