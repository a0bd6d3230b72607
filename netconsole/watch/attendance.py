"""Attendance: who looks on, how often they want counters, and who looks at the checks as well."""

import math
import threading
import time
from typing import Final

GLANCE_SECONDS: Final = 5.0
"""Who has asked for what there is asks again, likely: so long it is as if somebody attended."""
GLANCE_INTERVAL: Final = 1.0


class Attendance:
    """Used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = 0
        self._intervals: dict[int, float] = {}
        self._checking: frozenset[int] = frozenset()
        """Those of them who look at the checks as well."""
        self._glanced = self._glanced_at_checks = -math.inf
        """When somebody has asked for the latest picture, and for what the checks have found."""

    def begin(self, seconds: float, *, checks: bool) -> int:
        """Somebody looks on, and wants counters so often; return a number to end it by."""
        with self._lock:
            self._numbers += 1
            self._intervals[self._numbers] = seconds
            self._checking |= {self._numbers} if checks else frozenset()
            return self._numbers

    def end(self, number: int) -> None:
        """They do so no more."""
        with self._lock:
            self._intervals.pop(number, None)
            self._checking -= {number}

    def glance(self, *, checks: bool) -> bool:
        """Somebody asks once; return whether nobody had for a while."""
        now = time.monotonic()
        was_at_rest = now > self._glanced + GLANCE_SECONDS
        self._glanced = now
        if checks:
            self._glanced_at_checks = now
        return was_at_rest

    @property
    def stays_at_checks(self) -> bool:
        """Whether somebody looks at the checks who does not just ask once."""
        return bool(self._checking)

    @property
    def is_at_checks(self) -> bool:
        """Whether anybody looks at the checks."""
        recently = time.monotonic() <= self._glanced_at_checks + GLANCE_SECONDS
        return self.stays_at_checks or recently

    @property
    def interval(self) -> float | None:
        """How often counters are to be read for those who look; None where nobody does."""
        with self._lock:
            intervals = [*self._intervals.values()]
        if time.monotonic() <= self._glanced + GLANCE_SECONDS:
            intervals.append(GLANCE_INTERVAL)
        return min(intervals, default=None)
