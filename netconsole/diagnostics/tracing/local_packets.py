"""What is followed on an instance's own network: a DISCOVER of DHCP, a question of ARP. Pure.

A DISCOVER is known by its transaction, which every answer has as well (RFC 2131). A question of
ARP has no number: it is known by who asks about whom (RFC 826).
"""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from netconsole.diagnostics.parts.journey import Way
from netconsole.diagnostics.probes.dhcp_message import discover
from netconsole.diagnostics.probes.guest_frames import FOLLOWED
from netconsole.diagnostics.tracing.traced_packet import NftMatch, Ports, Recognised

_UDP: Final = 17
_CLIENT, _SERVER = 68, 67
"""Ports of DHCP."""
_TRANSACTION: Final = 12
"""Where it stands behind the beginning of the UDP header."""
_ANSWERS: Final = 2
"""In the first byte of a DHCP message, and as the operation of ARP."""
_ARP: Final = b"\x08\x06"
_ARP_OF_IPV4: Final = b"\0\1\x08\0\x06\x04"


@dataclass(frozen=True, slots=True)
class TracedDiscover:
    """A DISCOVER: no server keeps anything for it."""

    transaction: int

    def expression(self) -> str:
        """Return what passes both ways, in the language of pcap-filter(7)."""
        return f"udp[{_TRANSACTION}:4] = {self.transaction}"

    def matches(self) -> tuple[NftMatch, ...]:
        """Return the same in the words of nft(8)."""
        return ((f"ip protocol udp @th,{8 * _TRANSACTION},32", str(self.transaction)),)

    def arp_matches(self) -> tuple[NftMatch, ...]:
        """Return nothing: ARP does not carry it."""
        return ()

    def ports(self, way: Way) -> Ports:
        """Return those of DHCP."""
        return Ports.on(way, "udp", _CLIENT, _SERVER)

    def carried(self) -> tuple[bytes, ...]:
        """Return its transaction, which every answer has."""
        return (struct.pack("!I", self.transaction),)

    def recognise(self, packet: bytes) -> Recognised | None:
        """Return what an IPv4 packet is to this one; None where it is nothing to it."""
        if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != _UDP:
            return None
        body = packet[4 * (packet[0] & 15) :]
        transaction = struct.pack("!I", self.transaction)
        if len(body) < 16 or body[_TRANSACTION : _TRANSACTION + 4] != transaction:
            return None
        source, destination = (str(IPv4Address(packet[at : at + 4])) for at in (12, 16))
        if body[8] == _ANSWERS:
            return Recognised("back", source, destination, "answer")
        return Recognised("there", source, destination)

    def frame(self, source: str, source_mac: str, destination_mac: str) -> bytes:
        """Return it as a frame of Ethernet; it has no address yet, and goes to everybody."""
        return discover(source_mac, source_mac, self.transaction)


@dataclass(frozen=True, slots=True)
class TracedQuestion:
    """A question who has an address."""

    sender: str
    asked: str

    def expression(self) -> str:
        """Return what passes both ways, in the language of pcap-filter(7)."""
        sender, asked = (int(IPv4Address(each)) for each in (self.sender, self.asked))
        there = f"(arp[14:4] = {sender} and arp[24:4] = {asked})"
        return f"(arp and ({there} or (arp[14:4] = {asked} and arp[24:4] = {sender})))"

    def matches(self) -> tuple[NftMatch, ...]:
        """Return nothing: IPv4 does not carry it."""
        return ()

    def arp_matches(self) -> tuple[NftMatch, ...]:
        """Return what matches both ways, in the words of nft(8)."""
        looked_at = "arp saddr ip . arp daddr ip"
        there, back = f"{self.sender} . {self.asked}", f"{self.asked} . {self.sender}"
        return (looked_at, there), (looked_at, back)

    def ports(self, way: Way) -> None:
        """Return nothing: ARP is not routed."""

    def carried(self) -> tuple[bytes, ...]:
        """Return the address that is asked for, which answers are from."""
        return (socket.inet_aton(self.asked),)

    def recognise(self, packet: bytes) -> Recognised | None:
        """Return what a message of ARP is to it; None where it is nothing to it."""
        if len(packet) < 28 or packet[:6] != _ARP_OF_IPV4:
            return None
        source, about = (str(IPv4Address(packet[at : at + 4])) for at in (14, 24))
        if packet[7] == _ANSWERS:
            if (source, about) == (self.asked, self.sender):
                return Recognised("back", source, about, "answer")
        elif (source, about) == (self.sender, self.asked):
            return Recognised("there", source, about)
        return None

    def frame(self, source: str, source_mac: str, destination_mac: str) -> bytes:
        """Return it as a frame of Ethernet, to everybody."""
        mac = bytes.fromhex(source_mac.replace(":", ""))
        told = mac + socket.inet_aton(self.sender) + bytes(6) + socket.inet_aton(self.asked)
        return b"\xff" * 6 + mac + _ARP + _ARP_OF_IPV4 + b"\0\1" + told + FOLLOWED
