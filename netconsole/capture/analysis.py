"""The analysis of captured packets, whether live or from files: pure, fed in batches."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from netconsole.capture.comparison import (
    Comparison,
    FollowedQuestion,
    PairReport,
    PointReport,
    Way,
    conclude,
)
from netconsole.capture.exchanges import MOST_LATEST, Exchanges, Sighting
from netconsole.capture.identity import depth, identity
from netconsole.capture.leftover import EDGE_NS, Leftover, judge
from netconsole.capture.packet import DIRECTION, OUTBOUND, Packet
from netconsole.capture.pairing import Pairing
from netconsole.capture.services import WATCHED
from netconsole.capture.summary import summary
from netconsole.capture.topology import Point, relation

MOST_STATIONS = 65_536
"""MAC addresses that are remembered of each point: as many as a large bridge learns."""
ENDLESS = 1 << 62


class Analysis:
    """Compares each point with the next; `add` packets in about the order of time.

    What it keeps does not grow with the number of packets, only with how many come in seconds.
    """

    def __init__(
        self,
        points: Sequence[Point],
        snaplen: int,
        begin: int | None = None,
        end: int | None = None,
    ) -> None:
        """All points are captured from `begin` to `end` (nanoseconds), as far as that is known.

        Where it is not, the first and the last packet stand for it.
        """
        self.points = tuple(points)
        self.packets = [0] * len(points)
        self.dropped = [0] * len(points)
        """Packets that the capture lost at each point; whoever captures sets them."""
        self.end = end
        """Whoever captures sets it before `conclude`."""
        self.pairings = [Pairing(*pair) for pair in pairwise(points)]
        self._begin = begin
        self._depth = depth(snaplen)
        self._exchanges = [Exchanges() for _ in points]
        self._leftovers = [Leftover() for _ in self.pairings]
        self._stations: list[set[bytes]] = [set() for _ in points]
        self._first: int | None = None
        self._last = 0

    def add(self, index: int, packets: Sequence[Packet]) -> None:
        """Take packets that were captured at one point."""
        if not packets:
            return
        self.packets[index] += len(packets)
        deep = self._depth
        keys = [identity(packet[1], deep) for packet in packets]
        for key, packet in zip(keys, packets, strict=True):
            if key[2:4] in WATCHED or key[:2] in WATCHED:
                self._exchanges[index].add(packet)
        if len(self._stations[index]) < MOST_STATIONS:
            self._stations[index].update(
                [packet[1][6:12] for packet in packets if packet[3] & DIRECTION != OUTBOUND]
            )
        if index < len(self.pairings):
            self.pairings[index].add(0, keys, packets)
        if index:
            self.pairings[index - 1].add(1, keys, packets)
        self._note_time(packets)

    def _note_time(self, packets: Sequence[Packet]) -> None:
        first, last = packets[0][0], packets[-1][0]
        self._first = first if self._first is None else min(first, self._first)
        self._last = max(last, self._last)
        for number, pairing in enumerate(self.pairings):
            if (complete := pairing.turn(first)) is not None:
                self._judge(number, complete - EDGE_NS)
        for exchanges in self._exchanges:
            exchanges.give_up(first)

    def _judge(self, number: int, until: int | None = None) -> None:
        behind = self._stations[number], self._stations[number + 1]
        end = ENDLESS if self.end is None else self.end
        judge(self._leftovers[number], self.pairings[number], behind, (self._start, end), until)

    @property
    def _start(self) -> int:
        return self._begin if self._begin is not None else self._first or 0

    def so_far(self, now: int) -> Comparison:
        """Return what is decided at this time (nanoseconds)."""
        return self._compared(now)

    def conclude(self) -> Comparison:
        """Return what the packets say, now that there will be no more."""
        if self.end is None:
            self.end = self._last
        for number, pairing in enumerate(self.pairings):
            pairing.finish()
            self._judge(number)
        return self._compared(self.end)

    def asked(self) -> tuple[FollowedQuestion, ...]:
        """Return the latest questions to DNS, by time, each with what every point saw of it."""
        found: dict[tuple[object, int], list[Sighting | None]] = {}
        for index, exchanges in enumerate(self._exchanges):
            often: Counter[object] = Counter()
            for seen in exchanges.latest():
                often[seen.key] += 1
                row = found.setdefault((seen.key, often[seen.key]), [None] * len(self.points))
                row[index] = seen
        rows = (
            FollowedQuestion(
                min(seen.at for seen in row if seen is not None),
                tuple(None if seen is None else seen.question for seen in row),
            )
            for row in found.values()
        )
        return tuple(sorted(rows, key=lambda each: each.at))[-MOST_LATEST:]

    def _compared(self, end: int) -> Comparison:
        reports = tuple(
            PointReport(point.name, point.description, packets, dropped, exchanges.report(end))
            for point, packets, dropped, exchanges in zip(
                self.points, self.packets, self.dropped, self._exchanges, strict=True
            )
        )
        pairs = tuple(self._pair(number, reports) for number in range(len(reports) - 1))
        return Comparison(round((end - self._start) / 1e9, 3), reports, pairs)

    def _pair(self, number: int, reports: Sequence[PointReport]) -> PairReport:
        pairing, leftover = self.pairings[number], self._leftovers[number]
        ways = _way(pairing, leftover, 0), _way(pairing, leftover, 1)
        changed = dict(pairing.pairs.changed.most_common())
        related = relation(*pairing.points)
        points = reports[number], reports[number + 1]
        timed = self._begin is not None
        return PairReport(
            first=points[0].interface,
            second=points[1].interface,
            relation=related,
            ways=ways,
            changed=changed,
            duplicates=pairing.pairs.duplicates,
            elsewhere=leftover.elsewhere,
            undecided=leftover.undecided + len(pairing.left),
            verdict=conclude(points, related, ways, changed, leftover.elsewhere, timed=timed),
        )


def _way(pairing: Pairing, leftover: Leftover, way: int) -> Way:
    latencies = pairing.pairs.latencies[way]
    return Way(
        pairing.points[way].name,
        pairing.points[1 - way].name,
        passed=len(latencies) + leftover.resegmented[way],
        lost=leftover.lost[way],
        unseen=leftover.unseen[way],
        latency=latencies.times(),
        examples=tuple(summary(packet[1], packet[2]) for packet in leftover.examples[way]),
    )
