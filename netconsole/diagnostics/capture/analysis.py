"""The analysis of captured packets, whether live or from files: pure, fed in batches."""

from collections.abc import Sequence
from itertools import pairwise

from netconsole.diagnostics.capture.comparison import (
    Comparison,
    PairReport,
    PointReport,
    Progress,
    Way,
    conclude,
)
from netconsole.diagnostics.capture.durations import times
from netconsole.diagnostics.capture.exchanges import Exchanges
from netconsole.diagnostics.capture.identity import depth, identity
from netconsole.diagnostics.capture.leftover import Leftover, judge
from netconsole.diagnostics.capture.packet import DIRECTION, OUTBOUND, Packet
from netconsole.diagnostics.capture.pairing import Pairing
from netconsole.diagnostics.capture.services import WATCHED
from netconsole.diagnostics.capture.summary import summary
from netconsole.diagnostics.capture.topology import Point, relation

MOST_EXAMPLES = 10


class Analysis:
    """Compares each point with the next; `add` packets in about the order of time."""

    def __init__(self, points: Sequence[Point], snaplen: int) -> None:
        self.points = tuple(points)
        self.packets = [0] * len(points)
        self.dropped = [0] * len(points)
        """Packets that the capture lost at each point; whoever captures sets them."""
        self.pairings = [Pairing(*pair) for pair in pairwise(points)]
        self._depth = depth(snaplen)
        self._exchanges = [Exchanges() for _ in points]
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
        for pairing in self.pairings:
            pairing.turn(first)

    def progress(self) -> Progress:
        """Answer how it stands."""
        return Progress(
            tuple(point.name for point in self.points),
            tuple(self.packets),
            tuple(self.dropped),
            tuple(pairing.pairs.matched for pairing in self.pairings),
            tuple(pairing.left_alone for pairing in self.pairings),
        )

    def conclude(self, begin: int | None = None, end: int | None = None) -> Comparison:
        """Answer what the packets say; all points were captured from `begin` to `end` (ns).

        Where that is not known, the first and the last packet stand for it.
        """
        timed = begin is not None and end is not None
        begin = begin if begin is not None else self._first or 0
        end = end if end is not None else self._last
        reports = tuple(
            PointReport(point.name, point.description, packets, dropped, exchanges.report(end))
            for point, packets, dropped, exchanges in zip(
                self.points, self.packets, self.dropped, self._exchanges, strict=True
            )
        )
        pairs = tuple(
            self._pair(number, reports, (begin, end), timed) for number in range(len(reports) - 1)
        )
        return Comparison(round((end - begin) / 1e9, 3), reports, pairs)

    def _pair(
        self, number: int, reports: Sequence[PointReport], span: tuple[int, int], timed: bool
    ) -> PairReport:
        pairing = self.pairings[number]
        behind = self._stations[number], self._stations[number + 1]
        leftover = judge(pairing, behind, *span)
        ways = _way(pairing, leftover, 0), _way(pairing, leftover, 1)
        changed = dict(pairing.pairs.changed.most_common())
        related = relation(*pairing.points)
        points = reports[number], reports[number + 1]
        return PairReport(
            first=points[0].interface,
            second=points[1].interface,
            relation=related,
            ways=ways,
            changed=changed,
            duplicates=pairing.pairs.duplicates,
            elsewhere=leftover.elsewhere,
            undecided=leftover.undecided,
            verdict=conclude(points, related, ways, changed, leftover.elsewhere, timed=timed),
        )


def _way(pairing: Pairing, leftover: Leftover, way: int) -> Way:
    latencies, lost = pairing.pairs.latencies[way], leftover.lost[way]
    return Way(
        pairing.points[way].name,
        pairing.points[1 - way].name,
        passed=len(latencies) + leftover.resegmented[way],
        lost=len(lost),
        unseen=leftover.unseen[way],
        latency=times(latencies),
        examples=tuple(summary(packet[1], packet[2]) for packet in lost[:MOST_EXAMPLES]),
    )
