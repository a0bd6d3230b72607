"""Sees which echo requests leave by an interface, and what of their answers comes in there.

A packet socket sees a frame before any rule of the packet filter does, and before the kernel looks
up its route (packet(7)): what arrives and is dropped by this host is told from what never came.
"""

import socket
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from netconsole.backend.system import packet_sockets, socket_filters

_EVERY_PROTOCOL: Final = 0x0003
_OTHER_HOST, _OUTGOING = 3, 4
"""PACKET_OTHERHOST, a frame for another machine, and PACKET_OUTGOING, of linux/if_packet.h."""
_SOL_PACKET, _ADD_MEMBERSHIP, _PROMISCUOUS = 263, 1, 1
"""PACKET_ADD_MEMBERSHIP and PACKET_MR_PROMISC of the same: as long as the socket is open."""
_MEMBERSHIP: Final = struct.Struct("@iHH8s")
"""packet_mreq: interface, kind, and an address that this kind has not."""
_ARP, _IPV4, _ICMP = 0x0806, 0x0800, 1
_ECHO_REPLY, _ECHO_REQUEST = 0, 8
_ARP_REQUEST: Final = 1
_ETHERNET: Final = 14
_TARGET_OF_ARP: Final = slice(38, 42)
_SNAPLEN: Final = 64
_PROGRAM: Final = (
    (0x28, 0, 0, 12),  # the ethertype
    (0x15, 3, 0, _ARP),
    (0x15, 0, 3, _IPV4),
    (0x30, 0, 0, 23),  # the protocol
    (0x15, 0, 1, _ICMP),
    (0x06, 0, 0, _SNAPLEN),
    (0x06, 0, 0, 0),
)
"""ARP and ICMP alone (Linux Documentation/networking/filter.rst)."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Of one address at one interface."""

    left: bool = False
    """Whether an echo request from it went out."""
    arrived: bool = False
    """Whether an echo reply to it came in."""
    asked: bool = False
    """Whether somebody asked by ARP who has it."""
    strayed: str = ""
    """The hardware address of another machine for which an echo reply to it came by."""


class Arrivals:
    """Watches from when it is opened; use it as a context manager."""

    def __init__(self, interfaces: Iterable[str]) -> None:
        """Open a socket for each that can be watched; of the others nothing is known."""
        self._sockets: dict[str, socket.socket] = {}
        for name in interfaces:
            with suppress(OSError):  # without the right to it, or a link that has gone
                self._sockets[name] = _watching(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets.values():
            each.close()

    def seen(self) -> Mapping[tuple[str, str], Passed]:
        """Return what was seen since, by interface and address."""
        seen: dict[tuple[str, str], Passed] = {}
        for name, watching in self._sockets.items():
            with suppress(BlockingIOError):
                while True:
                    frame, sender = watching.recvfrom(_SNAPLEN)
                    if (told := told_by(frame, sender[2])) is not None:
                        address, change = told
                        seen[name, address] = _both(seen.get((name, address), Passed()), change)
        return seen

    def watches(self, interface: str) -> bool:
        """Whether what passes there is seen."""
        return interface in self._sockets


def _watching(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        made.setblocking(False)
        socket_filters.attach(made, _PROGRAM)
        packet_sockets.bind(made, interface, _EVERY_PROTOCOL)
        _hear_all(made, interface)
    except OSError:
        made.close()
        raise
    return made


def _hear_all(watching: socket.socket, interface: str) -> None:
    """Have the interface take frames for other machines as well, as far as it can."""
    index = socket.if_nametoindex(interface)
    request = _MEMBERSHIP.pack(index, _PROMISCUOUS, 0, b"")
    with suppress(OSError):
        watching.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, request)


def told_by(frame: bytes, kind: int) -> tuple[str, Passed] | None:
    """Return what a frame tells, and of which address; None of one that tells nothing.

    `kind` is that of packet(7): whether it went out, or was for another machine.
    """
    ethertype, outgoing = int.from_bytes(frame[12:14]), kind == _OUTGOING
    if ethertype == _ARP and len(frame) >= _TARGET_OF_ARP.stop:
        is_question = int.from_bytes(frame[20:22]) == _ARP_REQUEST
        if outgoing or kind == _OTHER_HOST or not is_question:
            return None
        return socket.inet_ntoa(frame[_TARGET_OF_ARP]), Passed(asked=True)
    place = _ETHERNET + (frame[_ETHERNET] & 0x0F) * 4 if len(frame) > _ETHERNET else 0
    if ethertype != _IPV4 or not place < len(frame):
        return None
    source, destination = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
    if outgoing:
        return (source, Passed(left=True)) if frame[place] == _ECHO_REQUEST else None
    if frame[place] != _ECHO_REPLY:
        return None
    if kind == _OTHER_HOST:
        return destination, Passed(strayed=frame[:6].hex(":"))
    return destination, Passed(arrived=True)


def _both(one: Passed, other: Passed) -> Passed:
    return Passed(
        one.left or other.left,
        one.arrived or other.arrived,
        one.asked or other.asked,
        one.strayed or other.strayed,
    )
