"""Pace: how often is looked, however much happens. Pure."""

import math
from dataclasses import dataclass, replace
from typing import Final, Self

from netconsole.backend.model.facility import EVERYTHING, NOTHING, Again, Facility

BURST: Final = 5.0
"""So many looks may follow at once upon what happens on a host that was quiet."""
PER_SECOND: Final = 1.0
"""So many where things go on happening."""
UNTOLD_SHARE: Final = 1 / 1000
"""Of the time of one processor, looks at that of which nothing tells may take this part."""
LEAST_UNTOLD: Final = 10.0
"""Seconds between two of them, at least."""
WHOLE_SHARE: Final = 1 / 2000
LEAST_WHOLE: Final = 300.0
ATTENDED_SHARE: Final = 1 / 5
"""The part that counters, and that of which nothing tells, may take while somebody looks."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many looks are left at a moment, in seconds of a clock that is not set."""

    left: float = BURST
    at: float = 0.0

    def looked(self, now: float) -> Self:
        """Return the pace once one look is spent."""
        return replace(self, left=self._left(now) - 1, at=now)

    def pause(self, now: float) -> float:
        """Return for how many seconds no more is to be looked."""
        return max(0.0, (1 - self._left(now)) / PER_SECOND)

    def _left(self, now: float) -> float:
        return min(BURST, self.left + (now - self.at) * PER_SECOND)


@dataclass(frozen=True, slots=True)
class Beat:
    """A look that comes again: when it was made last, and how long it took, in seconds."""

    ended: float = -math.inf
    took: float = 0.0


@dataclass(frozen=True, slots=True)
class Beats:
    """The looks that come again though nothing is heard."""

    untold: Beat = Beat()
    """At that of which nothing tells."""
    whole: Beat = Beat()
    """At everything: should anything have been missed, it ends here."""
    counted: Beat = Beat()

    def after(
        self, facilities: frozenset[Facility], untold: frozenset[Facility], began: float, now: float
    ) -> "Beats":
        """Return the beats after a look at some facilities. What a look at more of them took says
        little of fewer."""
        this = Beat(now, now - began)
        is_whole = EVERYTHING - {Facility.COUNTERS} <= facilities
        of_untold = replace(self.untold, ended=now) if is_whole else this
        return Beats(
            of_untold if untold <= facilities else self.untold,
            this if is_whole else self.whole,
            this if Facility.COUNTERS in facilities else self.counted,
        )

    def due(self, attended: float | None) -> float:
        """When the next is to be made; `attended` is how often somebody asked for it, if any."""
        return min(self._untold_due(attended), self._whole_due, self._counted_due(attended))

    def again(self, now: float, attended: float | None, untold: frozenset[Facility]) -> Again:
        """Return what is to be looked at by now."""
        found: set[Facility] = set()
        if self._counted_due(attended) <= now:
            found.add(Facility.COUNTERS)
        if self._untold_due(attended) <= now:
            found |= untold
        if self._whole_due <= now:
            found |= EVERYTHING - {Facility.COUNTERS}
        return Again(frozenset(found)) if found else NOTHING

    def pause_of_counters(self, now: float) -> float:
        """For how many seconds they are not to be read again, whoever asks."""
        return max(0.0, self._counted_due(0.0) - now)

    def _untold_due(self, attended: float | None) -> float:
        least, share = LEAST_UNTOLD, UNTOLD_SHARE
        if attended is not None:
            least, share = attended, ATTENDED_SHARE
        return self.untold.ended + max(least, self.untold.took / share)

    @property
    def _whole_due(self) -> float:
        return self.whole.ended + max(LEAST_WHOLE, self.whole.took / WHOLE_SHARE)

    def _counted_due(self, attended: float | None) -> float:
        if attended is None:
            return math.inf
        return self.counted.ended + max(attended, self.counted.took / ATTENDED_SHARE)
