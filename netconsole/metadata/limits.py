"""Limits: how many connections each guest may have, and make. Pure, but for what they count."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from netconsole.metadata.pacing import Pacing

OF_ONE_ADDRESS: Final = 16
FEWEST_A_SECOND: Final = 20
"""Connections, however seldom requests may be made."""


class ConnectionLimits:
    """Counts connections, by the address at their other end."""

    def __init__(self, most: int, rate: int, is_trusted: Callable[[str], bool]) -> None:
        """At `most` so many at once, and of one address as many a second as requests.

        `rate` is that of requests; 0 for any number. `is_trusted` says of an address that many
        guests may be behind it.
        """
        self._most = most
        self._pacing = Pacing(rate and max(rate, FEWEST_A_SECOND))
        self._is_trusted = is_trusted
        self._open: Counter[str] = Counter()
        self._total = 0

    def admits(self, address: str, now: float) -> bool:
        """Whether there may be one more; then it is counted."""
        if self._total >= self._most:
            return False
        if not self._is_trusted(address) and (
            self._open[address] >= OF_ONE_ADDRESS or self._pacing.wait(address, now)
        ):
            return False
        self._open[address] += 1
        self._total += 1
        return True

    def lost(self, address: str) -> None:
        """One that was counted has ended."""
        self._total -= 1
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
