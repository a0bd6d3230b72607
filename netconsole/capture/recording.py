"""Reads captured packets back: pcapng with its interfaces, and the older pcap.

A file can come from anywhere: every length is checked before it is believed. A file that was cut
off is read as far as it goes.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.text import decoded
from netconsole.capture import pcapng
from netconsole.capture.packet import Packet, Sight
from netconsole.capture.topology import Point

PCAP_MAGIC = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
"""What a pcap file begins with, and how many nanoseconds the unit of its fractions has."""
PCAP_HEAD = 24
PACKET_HEAD = 20
"""Of an enhanced packet block: interface, time, bytes kept, bytes there were."""
SECTION_MAGIC = pcapng.SECTION.to_bytes(4, "big")
HEADS = {order: struct.Struct(f"{order}II") for order in "<>"}
"""Of a block: kind and length."""
PACKET_HEADS = {order: struct.Struct(f"{order}IIIII") for order in "<>"}
FLAGS = {order: struct.Struct(f"{order}HHI") for order in "<>"}
"""The head of an option, and the word that it holds where it is this one."""
OPTION_HEADS = {order: struct.Struct(f"{order}HH") for order in "<>"}
DESCRIPTIONS = frozenset({pcapng.INTERFACE, pcapng.STATISTICS})
LARGEST = 1 << 24
"""Bytes of one block; larger ones are damage."""
BATCH = 4096
BATCH_NS = 250_000_000
"""A batch spans no more packets and time, so that interfaces are read in step."""
DEFAULT_RESOLUTION = 6
SECOND_NS = 1_000_000_000
LATEST = 1 << 62
"""Nanoseconds since 1970: the year 2116."""

Batch: TypeAlias = dict[int, list[Packet]]
"""Packets by the number of their interface."""


class BadFile(NetconsoleError):
    """A file that is no capture, or one of a kind that cannot be compared."""


@dataclass(slots=True)
class RecordedInterface:
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
        """Return the time of a stamp; nonsense is brought into the range of the others."""
        stamp = high << 32 | low
        if self.per_second != SECOND_NS:
            stamp = stamp * SECOND_NS // self.per_second
        return (stamp + self.offset) % LATEST


class Recording:
    """A file of packets, and the interfaces in it."""

    def __init__(self, name: str, data: bytes | mmap.mmap) -> None:
        """`name` is for the interface of a pcap file, which has none. Raises BadFile."""
        self.interfaces: list[RecordedInterface] = []
        self._data = data
        self._name = name
        if data[:4] == SECTION_MAGIC:
            self._packets = self._pcapng
            self._read_interfaces()
        else:
            self._packets = self._pcap
            self._read_pcap_head()

    def batches(self) -> Iterator[Batch]:
        """Read the packets, in the order of the file."""
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
        for order in "<>" if len(self._data) >= PCAP_HEAD else "":
            magic, snaplen, link = struct.unpack_from(f"{order}I12xII", self._data)
            if magic in PCAP_MAGIC:
                self._head = struct.Struct(f"{order}IIII")
                self._unit = PCAP_MAGIC[magic]
                self._add_interface(Point(self._name), link & 0xFFFF, snaplen)
                return
        raise BadFile(f"{self._name}: is no capture file")

    def _add_interface(self, point: Point, link: int, snaplen: int) -> RecordedInterface:
        if link != pcapng.ETHERNET:
            raise BadFile(f"{point.name}: link type {link} is not Ethernet and cannot be compared")
        made = RecordedInterface(point, snaplen)
        self.interfaces.append(made)
        return made

    def _pcap(self) -> Iterator[Sight]:
        data, at = self._data, PCAP_HEAD
        while at + 16 <= len(data):
            seconds, fraction, kept, length = self._head.unpack_from(data, at)
            at += 16
            if kept > LARGEST or at + kept > len(data):
                return
            time = seconds * SECOND_NS + fraction * self._unit
            yield 0, (time, data[at : at + kept], length, 0)
            at += kept

    def _blocks(self, kinds: frozenset[int]) -> Iterator[tuple[int, int, int, str, int]]:
        """Walk the blocks of a pcapng file and answer some kinds of them: the kind of each, where
        its body begins and ends, its byte order, and how many interfaces the sections before have.
        """
        data, size, at, order, base, interfaces = self._data, len(self._data), 0, "<", 0, 0
        head = HEADS[order].unpack_from
        while at + 12 <= size:
            kind, length = head(data, at)
            if kind == pcapng.SECTION:
                order = "<" if data[at + 8] == pcapng.BYTE_ORDER & 0xFF else ">"
                head = HEADS[order].unpack_from
                length = head(data, at)[1]
                base = interfaces
            if length < 12 or length % 4 or length > LARGEST or at + length > size:
                return
            if kind == pcapng.INTERFACE:
                interfaces += 1
            if kind in kinds:
                yield kind, at + 8, at + length - 4, order, base
            at += length

    def _pcapng(self) -> Iterator[Sight]:
        data, interfaces = self._data, self.interfaces
        for _, at, end, order, base in self._blocks(frozenset({pcapng.ENHANCED})):
            if end - at < PACKET_HEAD:
                continue
            number, high, low, kept, length = PACKET_HEADS[order].unpack_from(data, at)
            at += PACKET_HEAD
            number += base
            if at + kept > end or number >= len(interfaces):
                continue
            flags = _flags(data, at + kept + (-kept & 3), end, order)
            time = interfaces[number].nanoseconds(high, low)
            yield number, (time, data[at : at + kept], length, flags)

    def _read_interfaces(self) -> None:
        """Read what the file says of its interfaces, wherever it does."""
        for kind, at, end, order, base in self._blocks(DESCRIPTIONS):
            if kind == pcapng.INTERFACE:
                self._read_interface(self._data[at:end], order)
            else:
                self._read_statistics(self._data[at:end], order, base)
        if not self.interfaces:
            raise BadFile(f"{self._name}: holds no interface")

    def _read_interface(self, body: bytes, order: str) -> None:
        if len(body) < 8:
            raise BadFile(f"{self._name}: is damaged")
        link, _, snaplen = struct.unpack_from(f"{order}HHI", body)
        options = _options(body[8:], order)
        name = decoded(options.get(pcapng.IF_NAME, b""))
        description = decoded(options.get(pcapng.IF_DESCRIPTION, b""))
        mac = options.get(pcapng.IF_MAC, b"")
        point = Point.described(name or self._name, mac, description)
        made = self._add_interface(point, link, snaplen)
        if resolution := options.get(pcapng.IF_RESOLUTION):
            power = resolution[0]
            made.per_second = 1 << (power & 0x7F) if power & 0x80 else 10**power
        if len(offset := options.get(pcapng.IF_OFFSET, b"")) == 8:
            made.offset = struct.unpack(f"{order}q", offset)[0] * SECOND_NS

    def _read_statistics(self, body: bytes, order: str, base: int) -> None:
        if len(body) < 12:
            return
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


def _flags(data: bytes | mmap.mmap, at: int, end: int, order: str) -> int:
    """Return the flags among the options of a packet."""
    unpack = FLAGS[order].unpack_from
    while at + 8 <= end:
        code, length, flags = unpack(data, at)
        if code == pcapng.EPB_FLAGS and length == 4:
            return int(flags)
        if code == pcapng.END_OF_OPTIONS:
            return 0
        at += 4 + length + (-length & 3)
    return 0


def _options(data: bytes | mmap.mmap, order: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        code, length = OPTION_HEADS[order].unpack_from(data, at)
        if code == pcapng.END_OF_OPTIONS or at + 4 + length > len(data):
            break
        found[code] = data[at + 4 : at + 4 + length]
        at += 4 + length + (-length & 3)
    return found
