"""Reads captured packets back: pcapng with its interfaces, and the older pcap.

A file can come from anywhere: every length is checked before it is believed. A file that was cut
off is read as far as it goes.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from netconsole.backend.errors import NetconsoleError
from netconsole.diagnostics.capture import pcapng
from netconsole.diagnostics.capture.packet import Packet
from netconsole.diagnostics.capture.topology import Point

PCAP_MAGIC = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
"""What a pcap file begins with, and how many nanoseconds the unit of its fractions has."""
PCAP_HEAD = 24
LARGEST = 1 << 24
"""Bytes of one block; larger ones are damage."""
BATCH = 4096
BATCH_NS = 250_000_000
"""A batch spans no more packets and time, so that interfaces are read in step."""
DEFAULT_RESOLUTION = 6

Batch: TypeAlias = dict[int, list[Packet]]
"""Packets by the number of their interface."""


class BadFile(NetconsoleError):
    """A file that is no capture, or one of a kind that cannot be compared."""


@dataclass(slots=True)
class Interface:
    """An interface of a file: its point, and how its time stamps count."""

    point: Point
    snaplen: int
    per_second: int = 10**DEFAULT_RESOLUTION
    offset: int = 0
    """Nanoseconds to add."""
    dropped: int = 0
    begin: int | None = None
    end: int | None = None
    """When it was captured, in nanoseconds, where the file says so."""

    def nanoseconds(self, high: int, low: int) -> int:
        """Answer the time of a stamp."""
        return (high << 32 | low) * 1_000_000_000 // self.per_second + self.offset


class Recording:
    """A file of packets. `interfaces` grows while it is read."""

    def __init__(self, name: str, data: memoryview) -> None:
        """`name` is for the interface of a pcap file, which has none. Raises BadFile."""
        self.interfaces: list[Interface] = []
        self._data = data
        self._name = name
        if len(data) < PCAP_HEAD:
            raise BadFile(f"{name}: is no capture file")
        self._packets = self._pcapng if self._begins_section() else self._pcap
        if not self._begins_section():
            self._read_pcap_head()

    def _begins_section(self) -> bool:
        return bytes(self._data[:4]) == b"\x0a\x0d\x0d\x0a"

    def batches(self) -> Iterator[Batch]:
        """Read the packets, in the order of the file. Raises BadFile."""
        batch: Batch = {}
        count, since = 0, 0
        for index, packet in self._packets():
            if count and (count >= BATCH or packet[0] - since > BATCH_NS):
                yield batch
                batch, count = {}, 0
            if not count:
                since = packet[0]
            batch.setdefault(index, []).append(packet)
            count += 1
        if batch:
            yield batch

    def _read_pcap_head(self) -> None:
        for order in "<>":
            magic, snaplen, link = struct.unpack_from(f"{order}I12xII", self._data)
            if magic in PCAP_MAGIC:
                self._head = struct.Struct(f"{order}IIII")
                self._unit = PCAP_MAGIC[magic]
                self._add_interface(Point(self._name), link & 0xFFFF, snaplen)
                return
        raise BadFile(f"{self._name}: is no capture file")

    def _add_interface(self, point: Point, link: int, snaplen: int) -> Interface:
        if link != pcapng.ETHERNET:
            raise BadFile(f"{point.name}: link type {link} is not Ethernet and cannot be compared")
        made = Interface(point, snaplen)
        self.interfaces.append(made)
        return made

    def _pcap(self) -> Iterator[tuple[int, Packet]]:
        data, at = self._data, PCAP_HEAD
        while at + 16 <= len(data):
            seconds, fraction, kept, length = self._head.unpack_from(data, at)
            at += 16
            if kept > LARGEST or at + kept > len(data):
                return
            time = seconds * 1_000_000_000 + fraction * self._unit
            yield 0, (time, bytes(data[at : at + kept]), length, 0)
            at += kept

    def _pcapng(self) -> Iterator[tuple[int, Packet]]:
        data, at, order, base = self._data, 0, "<", 0
        while at + 12 <= len(data):
            kind, length = struct.unpack_from(f"{order}II", data, at)
            if kind == pcapng.SECTION:
                order = "<" if data[at + 8] == pcapng.BYTE_ORDER & 0xFF else ">"
                (length,) = struct.unpack_from(f"{order}I", data, at + 4)
                base = len(self.interfaces)
                packet = struct.Struct(f"{order}IIIII")
            if length < 12 or length % 4 or length > LARGEST or at + length > len(data):
                return
            if kind == pcapng.ENHANCED and length >= 32:
                number, high, low, kept, size = packet.unpack_from(data, at + 8)
                if kept <= length - 32 and base + number < len(self.interfaces):
                    frame = bytes(data[at + 28 : at + 28 + kept])
                    after = at + 28 + kept + (-kept & 3)
                    flags = _flags(data, after, at + length - 4, order)
                    time = self.interfaces[base + number].nanoseconds(high, low)
                    yield base + number, (time, frame, size, flags)
            elif kind == pcapng.INTERFACE and length >= 20:
                self._read_interface(data[at + 8 : at + length - 4], order)
            elif kind == pcapng.STATISTICS and length >= 24:
                self._read_statistics(data[at + 8 : at + length - 4], order, base)
            at += length

    def _read_interface(self, body: memoryview, order: str) -> None:
        link, _, snaplen = struct.unpack_from(f"{order}HHI", body)
        options = _options(body[8:], order)
        name = options.get(pcapng.IF_NAME, b"").decode(errors="replace")
        description = options.get(pcapng.IF_DESCRIPTION, b"").decode(errors="replace")
        mac = options.get(pcapng.IF_MAC, b"")
        point = Point.described(name or self._name, mac, description)
        made = self._add_interface(point, link, snaplen)
        if resolution := options.get(pcapng.IF_RESOLUTION):
            power = resolution[0]
            made.per_second = 2 ** (power & 0x7F) if power & 0x80 else 10 ** min(power, 30)
        if len(offset := options.get(pcapng.IF_OFFSET, b"")) == 8:
            made.offset = struct.unpack(f"{order}q", offset)[0] * 1_000_000_000

    def _read_statistics(self, body: memoryview, order: str, base: int) -> None:
        (number,) = struct.unpack_from(f"{order}I", body)
        if base + number >= len(self.interfaces):
            return
        found = self.interfaces[base + number]
        options = _options(body[12:], order)
        if len(dropped := options.get(pcapng.ISB_DROPPED, b"")) == 8:
            (found.dropped,) = struct.unpack(f"{order}Q", dropped)
        if len(begin := options.get(pcapng.ISB_START, b"")) == 8:
            found.begin = found.nanoseconds(*struct.unpack(f"{order}II", begin))
        if len(end := options.get(pcapng.ISB_END, b"")) == 8:
            found.end = found.nanoseconds(*struct.unpack(f"{order}II", end))


def _flags(data: memoryview, at: int, end: int, order: str) -> int:
    """Answer the flags among the options of a packet."""
    while at + 4 <= end:
        code, length = struct.unpack_from(f"{order}HH", data, at)
        if code == pcapng.EPB_FLAGS and length == 4 and at + 8 <= end:
            return int.from_bytes(data[at + 4 : at + 8], "little" if order == "<" else "big")
        if code == pcapng.END_OF_OPTIONS:
            return 0
        at += 4 + length + (-length & 3)
    return 0


def _options(data: memoryview, order: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(f"{order}HH", data, at)
        if code == pcapng.END_OF_OPTIONS or at + 4 + length > len(data):
            break
        found[code] = bytes(data[at + 4 : at + 4 + length])
        at += 4 + length + (-length & 3)
    return found
