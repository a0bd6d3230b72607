"""Sees which echo requests leave by an interface, and what of their answers comes in there.

A packet socket sees a frame before any rule of the packet filter does, and before the kernel looks
up its route (packet(7)): what arrives and is dropped by this host is told from what never came.
"""

import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from netconsole.backend.system import packet_sockets, socket_filters

_EVERY_PROTOCOL: Final = 0x0003
_OTHER_HOST, _OUTGOING = 3, 4
"""PACKET_OTHERHOST, a frame for another machine, and PACKET_OUTGOING, of linux/if_packet.h."""
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
        left, arrived, asked = (set[tuple[str, str]]() for _ in range(3))
        for name, watching in self._sockets.items():
            with suppress(BlockingIOError):
                while True:
                    frame, sender = watching.recvfrom(_SNAPLEN)
                    if sender[2] != _OTHER_HOST:
                        _note(name, frame, sender[2] == _OUTGOING, left, arrived, asked)
        return {
            each: Passed(each in left, each in arrived, each in asked)
            for each in left | arrived | asked
        }

    def watches(self, interface: str) -> bool:
        """Whether what passes there is seen."""
        return interface in self._sockets


def _watching(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        made.setblocking(False)
        socket_filters.attach(made, _PROGRAM)
        packet_sockets.bind(made, interface, _EVERY_PROTOCOL)
    except OSError:
        made.close()
        raise
    return made


def _note(
    interface: str,
    frame: bytes,
    outgoing: bool,
    left: set[tuple[str, str]],
    arrived: set[tuple[str, str]],
    asked: set[tuple[str, str]],
) -> None:
    kind = int.from_bytes(frame[12:14])
    if kind == _ARP and len(frame) >= _TARGET_OF_ARP.stop:
        if not outgoing and int.from_bytes(frame[20:22]) == _ARP_REQUEST:
            asked.add((interface, socket.inet_ntoa(frame[_TARGET_OF_ARP])))
        return
    place = _ETHERNET + (frame[_ETHERNET] & 0x0F) * 4 if len(frame) > _ETHERNET else 0
    if kind != _IPV4 or not place < len(frame):
        return
    source, destination = frame[26:30], frame[30:34]
    if outgoing and frame[place] == _ECHO_REQUEST:
        left.add((interface, socket.inet_ntoa(source)))
    elif not outgoing and frame[place] == _ECHO_REPLY:
        arrived.add((interface, socket.inet_ntoa(destination)))
