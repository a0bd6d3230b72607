"""Pacing: how often each guest may ask. Pure, but for the state that it keeps."""

from collections import OrderedDict
from typing import Final

BURST_SECONDS: Final = 2.0
"""A guest that was quiet may ask as often at once as it may in so long."""
_MOST: Final = 8192


class Pacing:
    """Counts requests by who makes them: a bucket each, which fills evenly."""

    def __init__(self, rate: int) -> None:
        """`rate` is in requests a second; 0 for any number."""
        self._rate = rate
        self._burst = rate * BURST_SECONDS
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What is in it, and when that was so."""

    def wait(self, who: str, now: float) -> float:
        """Count a request; return in how many seconds it may be made, 0 where it may now."""
        if not self._rate:
            return 0.0
        left, then = self._buckets.get(who, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        is_in_time = left >= 1.0
        self._buckets[who] = (left - 1.0 if is_in_time else left, now)
        self._buckets.move_to_end(who)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return 0.0 if is_in_time else (1.0 - left) / self._rate
