"""Sink: who takes the packets of a capture while it goes on."""

from collections.abc import Sequence
from typing import BinaryIO, Protocol

from netconsole.capture.packet import Sight
from netconsole.capture.pcapng import Writer
from netconsole.capture.topology import Point


class Sink(Protocol):
    """Takes packets in the order of time; times are nanoseconds since 1970."""

    def start(self, points: tuple[Point, ...], snaplen: int, begin: int) -> None:
        """Begin with these interfaces, of whose packets so many bytes are kept."""

    def add(self, sights: Sequence[Sight], until: int) -> None:
        """Take the packets that were captured until then; there may be none."""

    def finish(self, packets: Sequence[int], dropped: Sequence[int], begin: int, end: int) -> None:
        """End: so many packets each interface had, and the capture itself lost."""


class WrittenPackets:
    """Writes them to a file, as pcapng."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writer: Writer | None = None

    def start(self, points: tuple[Point, ...], snaplen: int, begin: int) -> None:
        self._writer = Writer(self._file, points, snaplen)

    def add(self, sights: Sequence[Sight], until: int) -> None:
        if self._writer is not None and sights:
            self._writer.add(sights)

    def finish(self, packets: Sequence[int], dropped: Sequence[int], begin: int, end: int) -> None:
        if self._writer is not None:
            self._writer.finish(packets, dropped, begin, end)
