"""DNS and DHCP messages, as far as a question and its answer are told by them.

Like `layers`: what is not there is None, nothing is raised.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from netconsole.backend.model.text import decoded
from netconsole.capture.layers import UDP, Internet, ports, tcp

DNS_PORT = 53
DHCP_PORTS = frozenset({67, 68})
WATCHED = frozenset(port.to_bytes(2, "big") for port in (DNS_PORT, *DHCP_PORTS))
"""The ports of both as they stand in a datagram."""

TYPES = {0: "?", 1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA"}
TYPES |= {33: "SRV", 35: "NAPTR", 64: "SVCB", 65: "HTTPS", 255: "ANY"}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
MESSAGES = ("", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM")

_UDP_HEAD = 8
_TCP_LENGTH = 2
_DNS = struct.Struct("!HHHHHH")
_BOOTP = struct.Struct("!BBBBI20x16s")
_COOKIE_AT = 236
_COOKIE = b"\x63\x82\x53\x63"
_PAD, _END, _MESSAGE_TYPE = 0, 255, 53
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Dns:
    """The head and the first question of a DNS message (RFC 1035 section 4.1)."""

    id: int
    response: bool
    truncated: bool
    """The TC bit: the answer did not fit, and the client asks again over TCP."""
    rcode: int
    name: str
    """As far as it was captured; a trailing `…` says that it was cut off. Empty: no question."""
    type: int


@dataclass(frozen=True, slots=True)
class Dhcp:
    """What tells a DHCP exchange (RFC 2131): who asks, and under which number."""

    xid: int
    reply: bool
    chaddr: bytes
    """The client's MAC address."""
    message: str
    """DISCOVER, OFFER …; empty where the capture ends before it."""


def dns_messages(frame: bytes, packet: Internet) -> Iterator[Dns]:
    """Read the DNS messages that a datagram or a TCP segment carries.

    Over TCP each is led by its length (RFC 1035 section 4.2.2), and clients send it in one segment
    with that. A segment that begins inside a message gives nothing that anybody asked for.
    """
    found = ports(frame, packet)
    if found is None or DNS_PORT not in found:
        return
    segment = tcp(frame, packet)
    if segment is None:
        datagram = frame[packet.at + _UDP_HEAD : packet.end] if packet.protocol == UDP else b""
        if (message := _dns(datagram)) is not None:
            yield message
        return
    payload = frame[segment.at : packet.end]
    at = 0
    while at + _TCP_LENGTH < len(payload):
        length = int.from_bytes(payload[at : at + _TCP_LENGTH], "big")
        at += _TCP_LENGTH
        message = _dns(payload[at : at + length])
        if message is None or not message.name:
            return
        yield message
        at += length


def _dns(message: bytes) -> Dns | None:
    if len(message) < _DNS.size:
        return None
    id_, flags, questions, *_ = _DNS.unpack_from(message)
    name, at = _name(message, _DNS.size) if questions else ("", len(message))
    kind = int.from_bytes(message[at : at + 2], "big")
    return Dns(id_, bool(flags >> 15), bool(flags >> 9 & 1), flags & 15, name, kind)


def dhcp(frame: bytes, packet: Internet) -> Dhcp | None:
    """Read a DHCP message."""
    found = ports(frame, packet)
    if packet.protocol != UDP or found is None or not DHCP_PORTS.intersection(found):
        return None
    payload = frame[packet.at + _UDP_HEAD : packet.end]
    if len(payload) < _BOOTP.size:
        return None
    operation, hardware, length, _, xid, address = _BOOTP.unpack_from(payload)
    if operation not in (1, 2) or (hardware, length) != (1, 6):
        return None
    return Dhcp(xid, operation == 2, address[:6], _message(payload))


def _name(payload: bytes, at: int) -> tuple[str, int]:
    """Return the name at a place and where it ends; a question's is never compressed."""
    labels: list[str] = []
    start = at
    while at < len(payload) and at - start < _LONGEST_NAME:
        length = payload[at]
        if length == 0:
            return ".".join(labels) or ".", at + 1
        if length > 63 or at + 1 + length > len(payload):
            break
        labels.append(decoded(payload[at + 1 : at + 1 + length]))
        at += 1 + length
    return ".".join((*labels, "…")), len(payload)


def _message(payload: bytes) -> str:
    if payload[_COOKIE_AT : _COOKIE_AT + 4] != _COOKIE:
        return ""
    at = _COOKIE_AT + 4
    while at + 2 < len(payload) and payload[at] != _END:
        if payload[at] == _MESSAGE_TYPE:
            value = payload[at + 2]
            return MESSAGES[value] if value < len(MESSAGES) else str(value)
        at += 1 if payload[at] == _PAD else 2 + payload[at + 1]
    return ""
