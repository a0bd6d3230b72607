"""The latest packets of a capture that goes on: to be shown, and saved when somebody asks."""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from netconsole.backend.system.saving import new_file
from netconsole.capture.packet import Packet, Sight
from netconsole.capture.pcapng import Writer
from netconsole.capture.topology import Point

MOST_KEPT = 100_000
"""Packets, all interfaces together: some 40 MB where 128 bytes of each are kept."""


class Kept:
    """Keeps a bounded number of packets; any thread may add and ask."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.most = most
        self._sights: deque[Sight] = deque(maxlen=most)
        self._lock = threading.Lock()
        self._points: tuple[Point, ...] = ()
        self._snaplen = 0
        self._begin = self._end = 0

    def start(self, points: tuple[Point, ...], snaplen: int, begin: int) -> None:
        """Begin with these interfaces at this time (nanoseconds)."""
        self._points, self._snaplen = points, snaplen
        self._begin = self._end = begin

    def add(self, sights: Sequence[Sight], until: int) -> None:
        """Take the packets that were captured until then, by time."""
        with self._lock:
            full = len(self._sights) + len(sights) > self.most
            self._sights.extend(sights)
            if full:
                self._begin = self._sights[0][1][0]
            self._end = max(self._end, until)

    def finish(self, packets: Sequence[int], dropped: Sequence[int], begin: int, end: int) -> None:
        """End: what is kept stays."""

    def latest(self, number: int) -> list[tuple[str, Packet]]:
        """Return the last packets, by time, each with the name of its interface."""
        with self._lock:
            newest = list(islice(reversed(self._sights), number))
        return [(self._points[index].name, packet) for index, packet in reversed(newest)]

    def save(self, path: Path, dropped: Sequence[int]) -> int:
        """Save what is kept as pcapng, for its owner only; return how many packets that are.

        `dropped` is how many the capture itself lost at each interface. Raises NotSaved, and
        AlreadyThere where the name is taken.
        """
        with self._lock:
            sights, begin, end = tuple(self._sights), self._begin, self._end
        packets = [0] * len(self._points)
        for index, _ in sights:
            packets[index] += 1
        with new_file(path) as file:
            writer = Writer(file, self._points, self._snaplen)
            writer.add(sights)
            writer.finish(packets, dropped, begin, end)
        return len(sights)
