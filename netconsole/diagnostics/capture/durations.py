"""Times in a few numbers."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """The middle, the twentieth from the top and the worst, in milliseconds; None without any."""

    p50_ms: float | None
    p95_ms: float | None
    max_ms: float | None


def times(nanoseconds: Sequence[int]) -> Times:
    """Answer the percentiles (nearest rank) of durations."""
    if not nanoseconds:
        return Times(None, None, None)
    ordered = sorted(nanoseconds)
    last = len(ordered) - 1
    return Times(*(round(ordered[round(last * share)] / 1e6, 6) for share in (0.5, 0.95, 1)))
