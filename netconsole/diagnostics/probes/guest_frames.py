"""Frames at a guest's port, as values: what is asked there, and what comes by (RFC 826, 791)."""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from netconsole.diagnostics.probes.internet_checksum import internet_checksum

ETHERNET_ARP: Final = 0x0806
ETHERNET_IPV4: Final = 0x0800
BROADCAST: Final = "ff:ff:ff:ff:ff:ff"
ICMP: Final = socket.IPPROTO_ICMP
TCP: Final = socket.IPPROTO_TCP
UDP: Final = socket.IPPROTO_UDP
ECHO_REQUEST, ECHO_REPLY, UNREACHABLE = 8, 0, 3
_PORT_UNREACHABLE: Final = 3
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_BARE: Final = 5
"""Words of a head of TCP without options: one that begins a connection so is sent to be followed,
while programs tell how much they take (RFC 9293 section 3.7.1)."""
_ETHERNET: Final = struct.Struct("!6s6sH")
_ARP: Final = struct.Struct("!HHBBH6s4s6s4s")
_ARP_HEAD: Final = (1, ETHERNET_IPV4, 6, 4)
_REQUEST, _REPLY = 1, 2
_IP: Final = struct.Struct("!BBHHHBBH4s4s")
_ICMP: Final = struct.Struct("!BBHHH")
_PORTS: Final = struct.Struct("!HH")

FOLLOWED: Final = b"netconsole trace".ljust(18, b"\0")
"""What fills up a question of ARP that is sent to be followed, to the least that a frame of
Ethernet holds (IEEE 802.3): it comes in as if from the guest, and is not the guest's."""

_DROP, _TAKE = (0x06, 0, 0, 0), (0x06, 0, 0, 160)
FILTER: Final = (
    (0x28, 0, 0, 12),  # the kind of the frame
    (0x15, 21, 0, ETHERNET_ARP),
    (0x15, 0, 19, ETHERNET_IPV4),
    (0x30, 0, 0, 23),  # the protocol
    (0x15, 18, 0, ICMP),
    (0x15, 6, 0, UDP),
    (0x15, 0, 15, TCP),
    (0x28, 0, 0, 20),
    (0x45, 13, 0, 0x1FFF),  # not the first fragment
    (0xB1, 0, 0, 14),  # the length of its head
    (0x50, 0, 0, 27),
    (0x05, 0, 0, 9),
    (0x28, 0, 0, 20),
    (0x45, 8, 0, 0x1FFF),
    (0xB1, 0, 0, 14),
    (0x48, 0, 0, 14),  # ports: DNS, and both of DHCP
    (0x15, 6, 0, 53),
    (0x15, 5, 0, 68),
    (0x48, 0, 0, 16),
    (0x15, 3, 0, 53),
    (0x15, 2, 1, 68),
    (0x45, 1, 0, _SYN | _RST),
    _DROP,
    _TAKE,
)
"""Classic BPF, which lets by ARP, ICMP, DNS, DHCP, and what begins or refuses connections: of
other traffic a busy guest has too much."""


@dataclass(frozen=True, slots=True)
class PortArp:
    """A question or an answer of ARP at a port."""

    leaves: bool
    """Whether it goes out to the guest; it comes from it otherwise."""
    source_mac: str
    is_answer: bool
    sender_mac: str
    sender: str
    target: str
    """IPv4 addresses: who says it, and to or about whom."""


@dataclass(frozen=True, slots=True)
class PortPacket:
    """An IPv4 packet at a port."""

    leaves: bool
    source_mac: str
    destination_mac: str
    source: str
    destination: str
    protocol: int
    source_port: int = 0
    destination_port: int = 0
    begins: bool = False
    """Of TCP: whether it asks for a connection."""
    refuses: bool = False
    """Of TCP: whether it is a reset; of ICMP: an error that says that nobody listens at a port."""
    icmp: int = -1
    """The type of ICMP."""
    identifier: int = 0
    """Of an echo."""
    size: int = 0
    """Bytes of the whole packet, of UDP."""
    quoted: tuple[int, int] = (0, 0)
    """Of an error of ICMP: the protocol and the destination's port of what it is about."""


PortFrame = PortArp | PortPacket


def parse(frame: bytes, leaves: bool) -> PortFrame | None:
    """Return what a frame says; None of one that is neither ARP nor IPv4, or is cut off.

    Nor is a question of ARP told of that we send ourselves, to follow it.
    """
    if len(frame) < _ETHERNET.size:
        return None
    destination, source, kind = _ETHERNET.unpack_from(frame)
    body = frame[_ETHERNET.size :]
    try:
        if kind == ETHERNET_ARP:
            return _arp(body, source.hex(":"), leaves)
        if kind == ETHERNET_IPV4:
            return _packet(body, source.hex(":"), destination.hex(":"), leaves)
    except struct.error:
        return None
    return None


def _arp(body: bytes, source: str, leaves: bool) -> PortArp | None:
    *head, kind, sender_mac, sender, _, target = _ARP.unpack_from(body)
    if tuple(head) != _ARP_HEAD or kind not in (_REQUEST, _REPLY):
        return None
    if body[_ARP.size :] == FOLLOWED:
        return None
    told = str(IPv4Address(sender)), str(IPv4Address(target))
    return PortArp(leaves, source, kind == _REPLY, sender_mac.hex(":"), *told)


def _packet(body: bytes, source_mac: str, destination_mac: str, leaves: bool) -> PortPacket:
    version, _, size, _, _, _, protocol, _, source, destination = _IP.unpack_from(body)
    inner = body[(version & 0x0F) * 4 :]
    ways = (leaves, source_mac, destination_mac)
    ends = (str(IPv4Address(source)), str(IPv4Address(destination)), protocol)
    if protocol == ICMP:
        kind, code, _, identifier, _ = _ICMP.unpack_from(inner)
        quoted = _quoted(inner[_ICMP.size :]) if kind == UNREACHABLE else (0, 0)
        refuses = kind == UNREACHABLE and code == _PORT_UNREACHABLE
        return PortPacket(
            *ways, *ends, refuses=refuses, icmp=kind, identifier=identifier, quoted=quoted
        )
    if protocol not in (TCP, UDP):
        return PortPacket(*ways, *ends)
    ports = _PORTS.unpack_from(inner)
    offset, flags = inner[12:14] if protocol == TCP and len(inner) > 13 else (0, 0)
    begins = flags & (_SYN | _ACK) == _SYN and offset >> 4 > _BARE
    refuses = bool(flags & _RST)
    return PortPacket(*ways, *ends, ports[0], ports[1], begins=begins, refuses=refuses, size=size)


def _quoted(body: bytes) -> tuple[int, int]:
    version, _, _, _, _, _, protocol, *_ = _IP.unpack_from(body)
    _, port = _PORTS.unpack_from(body, (version & 0x0F) * 4)
    return protocol, port


def arp_request(own_mac: bytes, asker: str, address: str) -> bytes:
    """Return the frame that asks everybody who has an address."""
    sender, target = socket.inet_aton(asker), socket.inet_aton(address)
    ethernet = _ETHERNET.pack(b"\xff" * 6, own_mac, ETHERNET_ARP)
    return ethernet + _ARP.pack(*_ARP_HEAD, _REQUEST, own_mac, sender, bytes(6), target)


def echo_request(
    own_mac: bytes, guest_mac: str, source: str, destination: str, identifier: int
) -> bytes:
    """Return the frame of an echo request (RFC 792) to a guest."""
    echo = _ICMP.pack(ECHO_REQUEST, 0, 0, identifier, 1)
    echo = _ICMP.pack(ECHO_REQUEST, 0, internet_checksum(echo), identifier, 1)
    ends = socket.inet_aton(source), socket.inet_aton(destination)
    length = _IP.size + len(echo)
    head = _IP.pack(0x45, 0, length, 0, 0, 64, ICMP, 0, *ends)
    head = _IP.pack(0x45, 0, length, 0, 0, 64, ICMP, internet_checksum(head), *ends)
    mac = bytes.fromhex(guest_mac.replace(":", ""))
    return _ETHERNET.pack(mac, own_mac, ETHERNET_IPV4) + head + echo
