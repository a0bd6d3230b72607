"""The packets of one interface, from a ring that the kernel fills: AF_PACKET with TPACKET_V3.

packet(7) and the kernel's Documentation/networking/packet_mmap.rst. A block is copied out whole
and given back at once, and taken apart when there is time: what a burst brings waits in memory.
"""

import mmap
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Self

from netconsole.backend.model.errors import InvalidValue, Unavailable
from netconsole.backend.system import packet_sockets, socket_filters
from netconsole.backend.system.socket_filters import Instruction
from netconsole.capture.packet import (
    BROADCAST,
    CHECKSUM_NOT_READY,
    INBOUND,
    MULTICAST,
    OUTBOUND,
    PROMISCUOUS,
    SEGMENTATION_OFFLOADED,
    UNICAST,
    Packet,
)

BLOCK = 1 << 20
BLOCKS = 64
FRAME = 1 << 11
RETIRE_MS = 60
"""After so long a block is handed over although it is not full."""

EVERY_PROTOCOL = 0x0003
SO_LOCK_FILTER = 44
SOL_PACKET = 263
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, PACKET_IGNORE_OUTGOING = 5, 6, 10, 23
TPACKET_V3 = 2
STATUS_KERNEL, STATUS_USER = 0, 1
STATUS_CHECKSUM_NOT_READY = 1 << 3
STATUS_VLAN_VALID = 1 << 4
STATUS_VLAN_TPID_VALID = 1 << 6
STATUS_GSO_TCP = 1 << 8
DOT1Q = 0x8100

RECEIVED = (INBOUND | UNICAST, INBOUND | BROADCAST, INBOUND | MULTICAST, INBOUND | PROMISCUOUS)
KINDS = (*RECEIVED, OUTBOUND)
"""By sll_pkttype: HOST, BROADCAST, MULTICAST, OTHERHOST, OUTGOING."""

ETHERNET_TYPES = frozenset({1, 772})
"""ARPHRD_ETHER, and ARPHRD_LOOPBACK, whose frames have the same head."""

_BLOCK_HEAD = struct.Struct("=8xIIII")
"""tpacket_block_desc: status, packets, offset of the first, length."""
_HEAD = struct.Struct("=IIIIIIHHIIH20xB")
"""tpacket3_hdr, and sll_pkttype of the sockaddr_ll behind it."""
_STATISTICS = struct.Struct("=III")


class Ring:
    """A capture on one interface that goes on until it is closed."""

    def __init__(
        self, interface: str, program: Sequence[Instruction], blocks: int = BLOCKS
    ) -> None:
        """Begin. The socket has no protocol until the filter is attached: nothing gets past it.

        `blocks` of 1 MiB are filled before packets are dropped.
        Raises Unavailable without the privilege, InvalidValue for an interface that is not there.
        """
        self._blocks = blocks
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError:
            raise Unavailable("no privileges: run as root (CAP_NET_RAW)") from None
        try:
            self._attach(program)
            self._memory = self._lay_out()
            if interface == "lo":  # every packet passes it out and in again
                self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            kind, _ = packet_sockets.bind(self._socket, interface, EVERY_PROTOCOL)
        except OSError as error:
            self._socket.close()
            raise InvalidValue("interface", interface, os.strerror(error.errno or 0)) from None
        if kind not in ETHERNET_TYPES:
            self.close()
            raise InvalidValue("interface", interface, "is not an Ethernet interface")
        self._next = 0
        self._dropped = 0

    def _attach(self, program: Sequence[Instruction]) -> None:
        socket_filters.attach(self._socket, program)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)

    def _lay_out(self) -> mmap.mmap:
        self._socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        frames = BLOCK // FRAME * self._blocks
        wanted = struct.pack("=7I", BLOCK, self._blocks, FRAME, frames, RETIRE_MS, 0, 0)
        self._socket.setsockopt(SOL_PACKET, PACKET_RX_RING, wanted)
        return mmap.mmap(self._socket.fileno(), BLOCK * self._blocks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """For poll(2): readable when a block is ready."""
        return self._socket.fileno()

    def blocks(self) -> Iterator[bytes]:
        """Take what is ready, the oldest first; every block goes back to the kernel at once."""
        memory = self._memory
        for _ in range(self._blocks):
            at = self._next * BLOCK
            status, _, _, length = _BLOCK_HEAD.unpack_from(memory, at)
            if not status & STATUS_USER:
                return
            block = memory[at : at + min(length, BLOCK)]
            struct.pack_into("=I", memory, at + 8, STATUS_KERNEL)
            self._next = (self._next + 1) % self._blocks
            yield block

    def dropped(self) -> int:
        """Return how many packets the kernel dropped so far, because the ring was full."""
        size = _STATISTICS.size
        answer = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, size)
        self._dropped += _STATISTICS.unpack(answer)[1]  # reading sets it back
        return self._dropped

    def clear_error(self) -> None:
        """Forget that the interface went down, of which poll(2) would tell without end."""
        self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def close(self) -> None:
        """End, and give the memory back."""
        self._memory.close()
        self._socket.close()


def count(block: bytes) -> int:
    """Return how many packets a block holds."""
    number: int = _BLOCK_HEAD.unpack_from(block)[1]
    return number


def packets(block: bytes) -> list[Packet]:
    """Take a block apart; the VLAN tag that the kernel keeps beside a frame is put back."""
    _, number, at, _ = _BLOCK_HEAD.unpack_from(block)
    unpack = _HEAD.unpack_from
    found: list[Packet] = []
    for _ in range(number):
        onward, seconds, fraction, kept, length, status, mac, _, _, tci, tpid, kind = unpack(
            block, at
        )
        frame = block[at + mac : at + mac + kept]
        flags = KINDS[kind] if kind < len(KINDS) else 0
        if status & (STATUS_VLAN_VALID | STATUS_CHECKSUM_NOT_READY | STATUS_GSO_TCP):
            if status & STATUS_VLAN_VALID:
                ethertype = tpid if status & STATUS_VLAN_TPID_VALID else DOT1Q
                frame = frame[:12] + struct.pack("!HH", ethertype, tci) + frame[12:]
                length += 4
            if status & STATUS_CHECKSUM_NOT_READY:
                flags |= CHECKSUM_NOT_READY
            if status & STATUS_GSO_TCP:
                flags |= SEGMENTATION_OFFLOADED
        found.append((seconds * 1_000_000_000 + fraction, frame, length, flags))
        at += onward
    return found
