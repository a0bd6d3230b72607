"""Frames taken apart: Ethernet, 802.1Q, ARP, IPv4, IPv6, and where the transport begins.

What is not there, or cut off, is None; no byte outside the frame is read and nothing is raised.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

TAGS = frozenset({0x8100, 0x88A8})
"""802.1Q and 802.1ad."""
IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS = 0, 43, 44, 60
EXTENSIONS = frozenset({HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS})
MOST_TAGS = 4
MOST_EXTENSIONS = 8

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_TCP = struct.Struct("!HHIIBBH")


@dataclass(frozen=True, slots=True)
class Ethernet:
    """The head of a frame (IEEE 802.3, 802.1Q)."""

    destination: bytes
    source: bytes
    tags: tuple[int, ...]
    """VLAN ids, the outermost first."""
    ethertype: int
    at: int
    """Where what it carries begins."""


@dataclass(frozen=True, slots=True)
class Arp:
    """RFC 826, for IPv4 over Ethernet."""

    operation: int
    sender_mac: bytes
    sender: IPv4Address
    target: IPv4Address


@dataclass(frozen=True, slots=True)
class Internet:
    """The head of an IPv4 (RFC 791) or IPv6 (RFC 8200) packet."""

    source: IPv4Address | IPv6Address
    destination: IPv4Address | IPv6Address
    protocol: int
    ttl: int
    """Time to live, or hop limit."""
    service: int
    """DSCP and ECN."""
    identification: int
    fragment: int
    """Offset of this fragment in bytes; the transport's head is in the one at 0."""
    at: int
    """Where what it carries begins."""
    end: int
    """Where it ends by its own length; what follows in the frame is padding."""


@dataclass(frozen=True, slots=True)
class Tcp:
    """RFC 9293."""

    source: int
    destination: int
    sequence: int
    acknowledgement: int
    flags: int
    at: int


def ethernet(frame: bytes) -> Ethernet | None:
    """Read the head of a frame."""
    at = 14
    tags: list[int] = []
    while at <= len(frame):
        ethertype = int.from_bytes(frame[at - 2 : at], "big")
        if ethertype not in TAGS or len(tags) == MOST_TAGS:
            return Ethernet(frame[:6], frame[6:12], tuple(tags), ethertype, at)
        tags.append(int.from_bytes(frame[at : at + 2], "big") & 0x0FFF)
        at += 4
    return None


def untagged(frame: bytes) -> bytes:
    """Return the frame without its VLAN tags."""
    head = ethernet(frame)
    return frame[:12] + frame[head.at - 2 :] if head is not None and head.tags else frame


def arp(frame: bytes, at: int) -> Arp | None:
    """Read an ARP message."""
    if len(frame) < at + _ARP.size:
        return None
    hardware, kind, mac_length, length, operation, mac, sender, _, target = _ARP.unpack_from(
        frame, at
    )
    if (hardware, kind, mac_length, length) != (1, IPV4, 6, 4):
        return None
    return Arp(operation, mac, IPv4Address(sender), IPv4Address(target))


def internet(frame: bytes, head: Ethernet) -> Internet | None:
    """Read the head of an IP packet."""
    if head.ethertype == IPV4:
        return _ipv4(frame, head.at)
    return _ipv6(frame, head.at) if head.ethertype == IPV6 else None


def _ipv4(frame: bytes, at: int) -> Internet | None:
    if len(frame) < at + _IPV4.size:
        return None
    first, service, total, identification, fragment, ttl, protocol, _, source, destination = (
        _IPV4.unpack_from(frame, at)
    )
    length = (first & 15) * 4
    if first >> 4 != 4 or length < _IPV4.size:
        return None
    return Internet(
        *(IPv4Address(source), IPv4Address(destination), protocol, ttl, service, identification),
        fragment=(fragment & 0x1FFF) * 8,
        at=at + length,
        end=at + max(total, length),
    )


def _ipv6(frame: bytes, at: int) -> Internet | None:
    if len(frame) < at + _IPV6.size:
        return None
    first, length, protocol, hops, source, destination = _IPV6.unpack_from(frame, at)
    if first >> 28 != 6:
        return None
    end = at + _IPV6.size + length
    at += _IPV6.size
    identification = fragment = 0
    for _ in range(MOST_EXTENSIONS):
        if protocol not in EXTENSIONS or len(frame) < at + 8:
            break
        if protocol == FRAGMENT:
            offset, identification = struct.unpack_from("!HI", frame, at + 2)
            fragment = offset & 0xFFF8
        after = at + (8 if protocol == FRAGMENT else 8 + frame[at + 1] * 8)
        protocol, at = frame[at], after
    return Internet(
        *(IPv6Address(source), IPv6Address(destination), protocol, hops),
        service=first >> 20 & 0xFF,
        identification=identification,
        fragment=fragment,
        at=at,
        end=max(end, at),
    )


def ports(frame: bytes, packet: Internet) -> tuple[int, int] | None:
    """Read source and destination port of a UDP datagram or TCP segment."""
    if packet.protocol not in (UDP, TCP) or packet.fragment or len(frame) < packet.at + 4:
        return None
    source, destination = struct.unpack_from("!HH", frame, packet.at)
    return source, destination


def tcp(frame: bytes, packet: Internet) -> Tcp | None:
    """Read the head of a TCP segment."""
    if packet.protocol != TCP or packet.fragment or len(frame) < packet.at + _TCP.size:
        return None
    source, destination, sequence, acknowledgement, offset, flags, _ = _TCP.unpack_from(
        frame, packet.at
    )
    at = packet.at + (offset >> 4) * 4
    return Tcp(source, destination, sequence, acknowledgement, flags, at)
