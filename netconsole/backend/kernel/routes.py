"""Asks the kernel how it routes one packet, rules and source check included (rtnetlink(7)).

As `ip route get` asks (ip-route(8)): with an interface of entry it is looked up as if the packet
had come in there. Nothing is sent.
"""

import socket
import struct
from dataclasses import dataclass
from typing import Final

from netconsole.backend.filtering.nf_messages import attribute, attributes
from netconsole.backend.kernel.rtnetlink import Rtnetlink

_GETROUTE: Final = 26
_MESSAGE = struct.Struct("=BBBBBBBBI")
"""rtmsg of linux/rtnetlink.h: family, lengths of both prefixes, type of service, table, protocol,
scope, type, flags."""
_DESTINATION, _SOURCE, _INTO, _OUT, _GATEWAY = 1, 2, 3, 4, 5
_MARK, _PROTOCOL, _SOURCE_PORT, _DESTINATION_PORT = 16, 27, 28, 29
"""RTA_DST to RTA_GATEWAY, RTA_MARK, RTA_IP_PROTO, RTA_SPORT and RTA_DPORT."""
UNICAST, LOCAL = 1, 2
"""RTN_UNICAST and RTN_LOCAL: types of routes."""


@dataclass(frozen=True, slots=True)
class RouteQuestion:
    """A packet, as far as rules and routes look at it; nothing of what is empty or 0."""

    destination: str
    source: str = ""
    into: int = 0
    """The index of the interface by which it comes in; 0 of what this host itself sends."""
    mark: int = 0
    """That of netfilter."""
    protocol: int = 0
    """Its number (RFC 790)."""
    source_port: int = 0
    destination_port: int = 0


@dataclass(frozen=True, slots=True)
class RouteAnswer:
    """Where it goes."""

    interface: int = 0
    """The index of the one by which it leaves; 0 where that is not told."""
    gateway: str = ""
    type: int = UNICAST
    """LOCAL where this host itself takes it."""


def route_of(kernel: Rtnetlink, asked: RouteQuestion) -> RouteAnswer:
    """Return where a packet goes.

    Raises OSError where it goes nowhere: EINVAL for a blackhole, EHOSTUNREACH for `unreachable`,
    EACCES for `prohibit`, ENETUNREACH where there is no route (fib_props of
    net/ipv4/fib_semantics.c); EXDEV and EINVAL also where the source is refused there.
    """
    family = socket.AF_INET6 if ":" in asked.destination else socket.AF_INET
    length = 128 if family == socket.AF_INET6 else 32
    head = (family, length, length if asked.source else 0)
    told = kernel.ask(_GETROUTE, _MESSAGE.pack(*head, 0, 0, 0, 0, 0, 0) + _told(family, asked))
    found = dict(attributes(told[_MESSAGE.size :]))
    gateway, (out,) = found.get(_GATEWAY), struct.unpack("=I", found.get(_OUT, bytes(4)))
    return RouteAnswer(
        out,
        socket.inet_ntop(family, gateway) if gateway else "",
        _MESSAGE.unpack_from(told)[7],
    )


def _told(family: int, asked: RouteQuestion) -> bytes:
    told = attribute(_DESTINATION, socket.inet_pton(family, asked.destination))
    if asked.source:
        told += attribute(_SOURCE, socket.inet_pton(family, asked.source))
    for kind, form, value in (
        (_INTO, "=I", asked.into),
        (_MARK, "=I", asked.mark),
        (_PROTOCOL, "=B", asked.protocol),
        (_SOURCE_PORT, "!H", asked.source_port),
        (_DESTINATION_PORT, "!H", asked.destination_port),
    ):
        if value:
            told += attribute(kind, struct.pack(form, value))
    return told
