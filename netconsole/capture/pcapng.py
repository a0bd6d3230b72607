"""Files of several interfaces that Wireshark and tcpdump read: pcapng.

Blocks and options as draft-ietf-opsawg-pcapng has them. Written are one section, an interface
description each, enhanced packets, and at the end the interface statistics.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from netconsole.backend.model.text import encoded
from netconsole.capture.packet import Sight
from netconsole.capture.topology import Point

SECTION, INTERFACE, SIMPLE, STATISTICS, ENHANCED = 0x0A0D0D0A, 1, 3, 5, 6
BYTE_ORDER = 0x1A2B3C4D
ETHERNET = 1
"""The link type of every interface here (LINKTYPE_ETHERNET)."""
NANOSECONDS = 9
"""The resolution of our time stamps, as a negative power of ten."""

END_OF_OPTIONS = 0
IF_NAME, IF_DESCRIPTION, IF_MAC, IF_RESOLUTION, IF_OFFSET = 2, 3, 6, 9, 14
ISB_START, ISB_END, ISB_RECEIVED, ISB_DROPPED = 2, 3, 4, 5
EPB_FLAGS = 2
SHB_APPLICATION = 4

_PACKET = struct.Struct("<IIIIIII")
_PACKET_END = struct.Struct("<HHIII")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


class Writer:
    """Writes one file; the interfaces are known from the beginning."""

    def __init__(self, file: BinaryIO, points: Sequence[Point], snaplen: int) -> None:
        self._file = file
        head = struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1)
        file.write(_block(SECTION, head + _options([(SHB_APPLICATION, b"netconsole")])))
        for point in points:
            head = struct.pack("<HHI", ETHERNET, 0, snaplen)
            options = [(IF_NAME, encoded(point.name))]
            if point.description:
                options.append((IF_DESCRIPTION, encoded(point.description)))
            if point.mac:
                options.append((IF_MAC, point.mac))
            options.append((IF_RESOLUTION, bytes((NANOSECONDS,))))
            file.write(_block(INTERFACE, head + _options(options)))

    def add(self, sights: Iterable[Sight]) -> None:
        """Write packets, each with the number of its interface."""
        parts: list[bytes] = []
        for index, (time, frame, length, flags) in sights:
            kept = len(frame)
            padding = _PADDING[kept & 3]
            whole = 28 + kept + len(padding) + 16
            high, low = time >> 32, time & 0xFFFFFFFF
            parts += (
                _PACKET.pack(ENHANCED, whole, index, high, low, kept, length),
                frame,
                padding,
                _PACKET_END.pack(EPB_FLAGS, 4, flags, END_OF_OPTIONS, whole),
            )
        self._file.write(b"".join(parts))

    def finish(self, packets: Sequence[int], dropped: Sequence[int], begin: int, end: int) -> None:
        """Write how many packets each interface had and lost, and when it was captured (ns)."""
        for index, counts in enumerate(zip(packets, dropped, strict=True)):
            head = struct.pack("<III", index, *divmod(end, 1 << 32))
            options = [
                (ISB_START, struct.pack("<II", *divmod(begin, 1 << 32))),
                (ISB_END, struct.pack("<II", *divmod(end, 1 << 32))),
                (ISB_RECEIVED, struct.pack("<Q", sum(counts))),
                (ISB_DROPPED, struct.pack("<Q", counts[1])),
            ]
            self._file.write(_block(STATISTICS, head + _options(options)))


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    parts = [
        struct.pack("<HH", code, len(value)) + value + _PADDING[len(value) & 3]
        for code, value in options
    ]
    return b"".join((*parts, bytes(4)))
