"""The packet that is sent to be followed, and by what it is known again wherever it comes. Pure.

Translations change addresses and seldom ports, so it is known by what they leave: an echo request
by its identifier and sequence (RFC 792), a segment of TCP by its sequence number, which who answers
acknowledges (RFC 9293), a datagram by what it carries, as a translation may change its port, and
its answer by the port. An error of ICMP quotes eight bytes of its transport at least (RFC 1122).
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, Literal, Protocol

from netconsole.diagnostics.probes.internet_checksum import internet_checksum

if TYPE_CHECKING:  # who sends starts anew for each trace, and needs no more than this
    from netconsole.diagnostics.parts.journey import Reply, Way

Transport = Literal["icmp", "tcp", "udp"]
NUMBERS: Final[dict[Transport, int]] = {"icmp": 1, "tcp": 6, "udp": 17}
"""Of protocols (RFC 790)."""
_ECHO_REPLY, _ECHO_REQUEST = 0, 8
_ERRORS: Final = frozenset({3, 4, 11, 12})
"""Kinds of ICMP that quote the packet that they are about, and say that it ended. A redirect (5)
quotes one that went on (RFC 792)."""
_QUOTED: Final = 8
"""Where the quoted packet begins in an error of ICMP."""
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
TEXT: Final = b"netconsole trace"
"""What is behind the mark where nothing else has to be."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a packet that came by is to the one that was sent."""

    way: "Way"
    source: str
    destination: str
    reply: "Reply" = ""
    kind: tuple[int, int] | None = None
    """Type and code of an error of ICMP."""
    key: int = 0
    """Of traffic that was waited for, by which one packet of it is known from others."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Protocol and ports of a packet, by which rules of routing may choose it (ip-rule(8))."""

    protocol: Transport
    source: int = 0
    destination: int = 0
    """0 where it has none, or it is not known."""

    @classmethod
    def on(cls, way: "Way", protocol: Transport, asks: int, asked: int) -> "Ports":
        """Return those on a way, by the ports of who asks and of who is asked."""
        if protocol == "icmp":
            return cls(protocol)
        return cls(protocol, asks, asked) if way == "there" else cls(protocol, asked, asks)

    def __str__(self) -> str:
        """Return them as `ip route get` takes them."""
        ports = (("sport", self.source), ("dport", self.destination))
        words = (f" {name} {port}" for name, port in ports if port)
        return f"ipproto {self.protocol}{''.join(words)}"


NftMatch = tuple[str, str]
"""What a rule of nft(8) looks at, and the value that it is to have there."""


class Recognisable(Protocol):
    """What is followed, of whichever kind."""

    def expression(self) -> str:
        """Return what passes it and what comes back, in the language of pcap-filter(7)."""

    def matches(self) -> tuple[NftMatch, ...]:
        """Return what matches both where IPv4 comes by, in the words of nft(8)."""

    def arp_matches(self) -> tuple[NftMatch, ...]:
        """Return the same of ARP, which other families meet."""

    def ports(self, way: "Way") -> "Ports | None":
        """Return its protocol and ports on a way; None of what is not routed."""

    def carried(self) -> tuple[bytes, ...]:
        """Return what everything that is something to it has one of, wherever in it."""

    def recognise(self, packet: bytes) -> Recognised | None:
        """Return what something is to it, from its network header on; None where nothing."""


class Keyed(Recognisable, Protocol):
    """One packet of some traffic."""

    @property
    def key(self) -> int:
        """By which it is known from others (`Recognised.key`)."""


class Traceable(Recognisable, Protocol):
    """What is sent to be followed."""

    def frame(self, source: str, source_mac: str, destination_mac: str) -> bytes:
        """Return it as a frame of Ethernet."""


@dataclass(frozen=True, slots=True)
class TracedPacket:
    """What is sent: an echo request, the first segment of a connection, or a datagram."""

    protocol: Transport
    destination: str
    port: int
    mark: int
    """32 random bits, by which it is known; of a datagram it says the port as well."""
    payload: bytes = b""
    """Behind the mark. Of a segment of TCP nothing as a rule, as in most that begin a connection;
    data is allowed there (RFC 9293, 3.4), and not acknowledged."""

    @property
    def source_port(self) -> int:
        """Of the dynamic ports of RFC 6335, from 49152 on."""
        return 49152 + (self.mark ^ self.mark >> 16) % 16384

    def transport(self, source: str) -> bytes:
        """Return header and payload of the transport, with its checksum."""
        match self.protocol:
            case "icmp":
                head = struct.pack("!BBHI", _ECHO_REQUEST, 0, 0, self.mark)
                return _with_sum(head + self.payload, 2, b"")
            case "tcp":
                ports = (self.source_port, self.port)
                head = struct.pack("!HHIIBBHHH", *ports, self.mark, 0, 0x50, _SYN, 1024, 0, 0)
                data = self.payload
                length = len(head) + len(data)
                return _with_sum(head + data, 16, self._pseudo(source, length))
            case "udp":
                data = struct.pack("!I", self.mark) + self.payload
                length = 8 + len(data)
                head = struct.pack("!HHHH", self.source_port, self.port, length, 0)
                return _with_sum(head + data, 6, self._pseudo(source, length))

    def packet(self, source: str) -> bytes:
        """Return the whole IPv4 packet (RFC 791), for who writes it past a kernel's own sockets."""
        body = self.transport(source)
        head = struct.pack(
            *("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), self.mark & 0xFFFF, 0, 64),
            *(NUMBERS[self.protocol], 0, _packed(source), _packed(self.destination)),
        )
        return _with_sum(head, 10, b"") + body

    def frame(self, source: str, source_mac: str, destination_mac: str) -> bytes:
        """Return it as a frame of Ethernet, for where it is written as if it had come in."""
        macs = bytes.fromhex(f"{destination_mac}{source_mac}".replace(":", ""))
        return macs + b"\x08\x00" + self.packet(source)

    def expression(self) -> str:
        """Return what passes it and what comes back, in the language of pcap-filter(7)."""
        error = f"(icmp and icmp[{_QUOTED + 20 + 4}:4] = {self.mark})"
        match self.protocol:
            case "icmp":
                return f"icmp[4:4] = {self.mark} or {error}"
            case "tcp":
                there = f"tcp[4:4] = {self.mark}"
                back = " or ".join(f"tcp[8:4] = {each}" for each in self._acknowledged)
                return f"{there} or {back} or {error}"
            case "udp":
                by_port = f"icmp[{_QUOTED + 20}:2] = {self.source_port}"
                by_data = f"icmp[{_QUOTED + 20 + 8}:4] = {self.mark}"
                error = f"(icmp and ({by_port} or {by_data}))"
                return f"udp[8:4] = {self.mark} or udp dst port {self.source_port} or {error}"

    def matches(self) -> tuple[NftMatch, ...]:
        """Return the same in the words of nft(8), one for each thing that there is to match.

        In the bits of the header of the transport, as no family but inet and ip has it by name.
        """
        quoted = 8 * (_QUOTED + 20)
        error = f"ip protocol icmp @th,{quoted + 32},32", str(self.mark)
        match self.protocol:
            case "icmp":
                return ("ip protocol icmp @th,32,32", str(self.mark)), error
            case "tcp":
                there = "ip protocol tcp @th,32,32", str(self.mark)
                answered = "ip protocol tcp @th,64,32"
                return there, *((answered, str(each)) for each in self._acknowledged), error
            case "udp":
                there = "ip protocol udp @th,64,32", str(self.mark)
                back = "ip protocol udp @th,16,16", str(self.source_port)
                by_port = f"ip protocol icmp @th,{quoted},16", str(self.source_port)
                return there, back, by_port, (f"ip protocol icmp @th,{quoted + 64},32", there[1])

    def arp_matches(self) -> tuple[NftMatch, ...]:
        """Return nothing: ARP does not carry it."""
        return ()

    def ports(self, way: "Way") -> Ports:
        """Return its protocol and ports on a way."""
        return Ports.on(way, self.protocol, self.source_port, self.port)

    def carried(self) -> tuple[bytes, ...]:
        """Return its mark, and what an answer has in its place."""
        mark = struct.pack("!I", self.mark)
        match self.protocol:
            case "icmp":
                return (mark,)
            case "tcp":
                return mark, *(struct.pack("!I", each) for each in self._acknowledged)
            case "udp":
                return mark, struct.pack("!H", self.source_port)

    def recognise(self, packet: bytes) -> Recognised | None:
        """Return what an IPv4 packet is to this one; None where it is nothing to it.

        A packet cut off after its headers is enough.
        """
        if len(packet) < 20 or packet[0] >> 4 != 4:
            return None
        found = self._of_transport(packet[9], packet[4 * (packet[0] & 15) :])
        if found is None:
            return None
        source, destination = (str(IPv4Address(packet[at : at + 4])) for at in (12, 16))
        way, reply, kind = found
        return Recognised(way, source, destination, reply, kind)

    def _of_transport(
        self, protocol: int, body: bytes
    ) -> "tuple[Way, Reply, tuple[int, int] | None] | None":
        if protocol == NUMBERS["icmp"] and len(body) >= 8:
            if body[0] in _ERRORS and self._is_quoted(body[_QUOTED:]):
                return "back", "error", (body[0], body[1])
            if self.protocol == "icmp" and struct.unpack_from("!I", body, 4)[0] == self.mark:
                return _echo(body[0])
        if protocol != NUMBERS[self.protocol]:
            return None
        if self.protocol == "tcp" and len(body) >= 14:
            return self._of_segment(body)
        if self.protocol == "udp" and len(body) >= 8:
            if self._is_carried(body):
                return "there", "", None
            if struct.unpack_from("!H", body, 2)[0] == self.source_port:
                return "back", "answer", None
        return None

    def _of_segment(self, body: bytes) -> "tuple[Way, Reply, None] | None":
        sequence, acknowledged, _, flags = struct.unpack_from("!IIBB", body, 4)
        if sequence == self.mark:
            return "there", "", None
        if flags & _ACK and acknowledged in self._acknowledged:
            return "back", "refusal" if flags & _RST else "answer", None
        return None

    def _is_quoted(self, packet: bytes) -> bool:
        """Whether an error is about it: at least eight bytes of its transport are there."""
        body = packet[4 * (packet[0] & 15) :] if packet else b""
        if len(body) < 8 or packet[9] != NUMBERS[self.protocol]:
            return False
        if self.protocol == "udp":
            port = struct.unpack_from("!H", body)[0]
            return bool(port == self.source_port) or self._is_carried(body)
        return bool(struct.unpack_from("!I", body, 4)[0] == self.mark)

    def _is_carried(self, datagram: bytes) -> bool:
        """Whether a datagram has our mark, which comes first."""
        return datagram[8:12] == struct.pack("!I", self.mark)

    @property
    def _acknowledged(self) -> tuple[int, ...]:
        """What an answer acknowledges, and a reset: all that it got (RFC 9293, 3.10.7.1)."""
        ends = dict.fromkeys((1, 1 + len(self.payload)))
        return tuple((self.mark + each) & 0xFFFFFFFF for each in ends)

    def _pseudo(self, source: str, length: int) -> bytes:
        """What the sums of TCP and UDP cover beside the transport itself."""
        numbers = struct.pack("!BBH", 0, NUMBERS[self.protocol], length)
        return _packed(source) + _packed(self.destination) + numbers


def _echo(kind: int) -> "tuple[Way, Reply, None] | None":
    if kind == _ECHO_REQUEST:
        return "there", "", None
    return ("back", "answer", None) if kind == _ECHO_REPLY else None


def _packed(address: str) -> bytes:
    return IPv4Address(address).packed


Offset = Literal[2, 6, 10, 16]
"""Where the checksum stands, in bytes: of ICMP, UDP, IPv4 and TCP."""


def _with_sum(data: bytes, at: Offset, covered: bytes) -> bytes:
    """Return the data with the sum of RFC 1071 over it and what else it covers."""
    found = internet_checksum(covered + data)
    if found == 0 and at == 6:
        found = 0xFFFF  # in UDP nothing stands for no sum (RFC 768)
    return data[:at] + struct.pack("!H", found) + data[at + 2 :]
