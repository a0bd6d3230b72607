"""What became of the packets that found no partner: lost, changed, or never meant to come by."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from netconsole.capture.identity import rewritten, stretch
from netconsole.capture.layers import ethernet, internet
from netconsole.capture.packet import Packet, Sight
from netconsole.capture.pairing import Pairing
from netconsole.capture.topology import passes, relation, towards

EDGE_NS = 100_000_000
"""So near the end of a capture, a packet may still have been on its way."""
NEAR_NS = 500_000_000
"""Pieces of one packet come by within less."""
MOST_EXAMPLES = 10
MOST_CANDIDATES = 16
"""Packets of like content that are looked through for the one that was rewritten."""


@dataclass(slots=True)
class Leftover:
    """What became of the packets without a partner that were judged so far."""

    lost: list[int] = field(default_factory=lambda: [0, 0])
    """On their way from the first point to the second and not seen there; and the other way."""
    examples: tuple[list[Packet], list[Packet]] = field(default_factory=lambda: ([], []))
    """The first of the lost, each way."""
    unseen: list[int] = field(default_factory=lambda: [0, 0])
    """Arrived at the second point and not seen at the first before; and the other way."""
    resegmented: list[int] = field(default_factory=lambda: [0, 0])
    """TCP segments and fragments that arrived cut or joined; and the other way."""
    elsewhere: int = 0
    """Not to be expected at the other point: for or from somebody else."""
    undecided: int = 0
    """Seen while the other point was not captured, or too near the end."""
    recent: list[Sight] = field(default_factory=list)
    """Those judged last: their pieces may have come by the other point a moment later."""


def judge(
    found: Leftover,
    pairing: Pairing,
    behind: tuple[Collection[bytes], Collection[bytes]],
    span: tuple[int, int],
    until: int | None = None,
) -> None:
    """Judge what a pairing has left over, captured at both points in the span (nanoseconds).

    `behind` are the MAC addresses heard at each point. Rewritten packets become pairs. What was
    seen later than `until` stays for the next time.
    """
    begin, end = span
    inside = []
    for sight in pairing.left:
        if begin <= sight[1][0] <= end - EDGE_NS:
            inside.append(sight)
        else:
            found.undecided += 1
    alone = list(_pair_rewritten(pairing, sorted(inside, key=_time)))
    there = _ranges((*found.recent, *alone))
    settled = len(alone) if until is None else bisect_right(alone, until, key=_time)
    pairing.left = alone[settled:]
    relations = relation(*pairing.points), relation(*reversed(pairing.points))
    for side, packet in alone[:settled]:
        onward = towards(relations[side], packet[3])
        way = side if onward else 1 - side
        if _covered(packet[1], there[1 - side]):
            found.resegmented[way] += onward
        elif not passes(
            packet[1],
            pairing.points[side],
            pairing.points[1 - side],
            behind[1 - side],
            onward=onward,
        ):
            found.elsewhere += 1
        elif onward:
            found.lost[way] += 1
            if len(found.examples[way]) < MOST_EXAMPLES:
                found.examples[way].append(packet)
        else:
            found.unseen[way] += 1
    latest = alone[settled - 1][1][0] if settled else 0
    found.recent = [sight for sight in alone[:settled] if sight[1][0] >= latest - NEAR_NS]


def _time(sight: Sight) -> int:
    return sight[1][0]


def _pair_rewritten(pairing: Pairing, sights: Sequence[Sight]) -> Iterator[Sight]:
    """Pair sights that are one packet under another address or with another payload.

    Answers those that stay alone.
    """
    waiting: dict[bytes, list[int]] = {}
    paired: set[int] = set()
    for number, (side, packet) in enumerate(sights):
        keys = rewritten(packet[1])
        candidates = (other for key in keys for other in waiting.get(key, ())[-MOST_CANDIDATES:])
        for other in candidates:
            if other in paired or sights[other][0] == side:
                continue
            if _share_an_end(packet[1], sights[other][1][1]):
                paired |= {number, other}
                pairing.pair(side, packet, sights[other][1])
                break
        else:
            for key in keys:
                waiting.setdefault(key, []).append(number)
    return (sight for number, sight in enumerate(sights) if number not in paired)


def _share_an_end(one: bytes, two: bytes) -> bool:
    """Whether source or destination is the same: translation changes one of them at a time."""
    heads = ethernet(one), ethernet(two)
    if heads[0] is None or heads[1] is None:
        return False
    first, second = internet(one, heads[0]), internet(two, heads[1])
    if first is None or second is None:
        return False
    return first.source == second.source or first.destination == second.destination


Part: TypeAlias = tuple[bytes, int, int]
Ranges: TypeAlias = dict[bytes, tuple[list[int], list[int]]]
"""By connection or datagram: where stretches of its bytes begin and end; disjoint, ascending."""


def _ranges(sights: Iterable[Sight]) -> tuple[Ranges, Ranges]:
    """Return which bytes of which connections and datagrams were seen at each point."""
    seen: tuple[set[Part], set[Part]] = (set(), set())
    for side, packet in sights:
        if (part := stretch(packet[1])) is not None:
            seen[side].add(part)
    return _joined(seen[0]), _joined(seen[1])


def _joined(parts: Iterable[Part]) -> Ranges:
    ranges: Ranges = {}
    for connection, begin, end in sorted(parts):
        begins, ends = ranges.setdefault(connection, ([], []))
        if ends and begin <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            begins.append(begin)
            ends.append(end)
    return ranges


def _covered(frame: bytes, ranges: Ranges) -> bool:
    """Whether every byte of a segment or fragment was seen."""
    part = stretch(frame) if ranges else None
    if part is None or part[0] not in ranges:
        return False
    begins, ends = ranges[part[0]]
    place = bisect_right(begins, part[1]) - 1
    return place >= 0 and part[2] <= ends[place]
