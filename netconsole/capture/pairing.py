"""Pairs the packets of two capture points: the n-th sight here with the n-th sight there.

Fed with both as they come, in about the order of time. What finds no partner within the window
is left over, for `leftover` to judge.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from netconsole.capture.durations import Durations
from netconsole.capture.identity import changes
from netconsole.capture.packet import CHECKSUM_NOT_READY, Packet, Sight
from netconsole.capture.topology import Point, relation, towards

WINDOW_NS = 2_000_000_000
"""How far apart two sights of one packet can be: what queues in between is long gone."""
DUPLICATE_NS = 1_000_000
"""The same packet at the same point again within so little is a copy that a mirror or a flood
made, not one sent again."""


@dataclass(slots=True)
class Pairs:
    """What came of the pairs so far."""

    latencies: tuple[Durations, Durations] = field(
        default_factory=lambda: (Durations(), Durations())
    )
    """Of those from the first point to the second, and of the others."""
    changed: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0


class Pairing:
    """Two points, the packets that wait for their partner, and those that will find none."""

    def __init__(self, first: Point, second: Point) -> None:
        self.points = (first, second)
        self.pairs = Pairs()
        self.left: list[Sight] = []
        self._relation = relation(first, second)
        self._waiting: dict[bytes, int | Sight | list[Sight]] = {}
        self._before: dict[bytes, int | Sight | list[Sight]] = {}
        self._turns = (0, 0, 0)

    def add(self, side: int, keys: Iterable[bytes], packets: Iterable[Packet]) -> None:
        """Take packets of one point, with their identities.

        By identity are kept: one packet that waits, several, or the time of the last pair.
        """
        waiting, before = self._waiting, self._before
        pair, again = self.pair, self._again
        for key, packet in zip(keys, packets, strict=True):
            known = waiting.get(key)
            if known is None:
                known = before.pop(key, None)
            if known is None:
                waiting[key] = (side, packet)
            elif known.__class__ is tuple and known[0] != side:
                waiting[key] = packet[0]
                pair(side, packet, known[1])
            else:
                waiting[key] = again(side, packet, known)

    def turn(self, now: int) -> int | None:
        """Give up what has waited for more than the window at this time (nanoseconds).

        Answers the time before which everything without a partner is left over by now, also
        where one point is read as much as a window later than the other; None in between.
        """
        if now - self._turns[-1] <= WINDOW_NS:
            return None
        self._leave(self._before)
        self._before, self._waiting = self._waiting, {}
        self._turns = (*self._turns[1:], now)
        for latencies in self.pairs.latencies:
            latencies.fold()
        return self._turns[0]

    def finish(self) -> None:
        """Give up everything that still waits."""
        self._leave(self._before)
        self._leave(self._waiting)
        self._before, self._waiting = {}, {}

    def _leave(self, waiting: dict[bytes, int | Sight | list[Sight]]) -> None:
        for known in waiting.values():
            if isinstance(known, list):
                self.left.extend(known)
            elif not isinstance(known, int):
                self.left.append(known)

    def _again(
        self, side: int, packet: Packet, known: int | Sight | list[Sight]
    ) -> int | Sight | list[Sight]:
        """Take a packet whose like is known, and return what is known now."""
        if isinstance(known, int):
            if abs(packet[0] - known) > DUPLICATE_NS:
                return (side, packet)
            self.pairs.duplicates += 1
            return known
        sights = known if isinstance(known, list) else [known]
        if sights[0][0] == side:
            if abs(packet[0] - sights[-1][1][0]) <= DUPLICATE_NS:
                self.pairs.duplicates += 1
                return known
            return [*sights, (side, packet)]
        nearest = min(sights, key=lambda sight: abs(sight[1][0] - packet[0]))
        self.pair(side, packet, nearest[1])
        return [sight for sight in sights if sight is not nearest] or packet[0]

    def pair(self, side: int, packet: Packet, other: Packet) -> None:
        """Note that a packet of one side is a packet of the other."""
        first, second = (other, packet) if side else (packet, other)
        taken = second[0] - first[0]
        pairs = self.pairs
        # A packet that comes in keeps its time stamp on its way up through the interfaces.
        backwards = taken < 0 if taken else not towards(self._relation, first[3])
        pairs.latencies[backwards].latest.append(-taken if backwards else taken)
        if first[1] != second[1]:
            self._note_changes(first, second, backwards=backwards)

    def _note_changes(self, first: Packet, second: Packet, *, backwards: bool) -> None:
        """Count the fields that changed on the way."""
        ready = not (first[3] | second[3]) & CHECKSUM_NOT_READY
        before, after = (second, first) if backwards else (first, second)
        self.pairs.changed.update(changes(before[1], after[1], checksums=ready))
