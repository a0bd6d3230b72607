"""Real packets of one kind, that others send: by what they are matched, and one known again. Pure.

Of TCP that is the segment that begins a connection, known by its sequence number, of ICMP an echo
request by its identifier and sequence, and of UDP what comes from one port of the sender.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from netconsole.diagnostics.parts.journey import Reply, Way
from netconsole.diagnostics.tracing.traced_packet import (
    NUMBERS,
    NftMatch,
    Ports,
    Recognised,
    Transport,
)

_ECHO_REPLY, _ECHO_REQUEST = 0, 8
_ERRORS: Final = {
    3: "destination-unreachable",
    11: "time-exceeded",
    12: "parameter-problem",
}
"""Kinds of ICMP that say that a packet ended, in the words of nft(8)."""
_QUOTED: Final = 8
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_BEGINS: Final = "tcp flags & (fin | syn | rst | ack) == syn "
_ANSWERS: Final = "tcp flags & (syn | rst) != 0x0 "


@dataclass(frozen=True, slots=True)
class WaitedTraffic:
    """What is waited for."""

    protocol: Transport
    source: str
    """Empty for any."""
    destinations: tuple[str, ...]
    """As it is asked for, and as a floating address is translated to."""
    port: int

    def expression(self) -> str:
        """Return what passes it and what comes back, in the language of pcap-filter(7)."""
        there, back = (
            " or ".join(f"{end} host {each}" for each in self.destinations)
            for end in ("dst", "src")
        )
        errors = " or ".join(f"icmp[0] = {kind}" for kind in _ERRORS)
        if self.protocol == "icmp":
            asks, answers = f"(icmp[0] = 8 and ({there}))", f"(icmp[0] = 0 and ({back}))"
            return f"(icmp and ({asks} or {answers} or {errors}))"
        to, from_ = (f"{self.protocol} {end} port {self.port}" for end in ("dst", "src"))
        return f"({to} and ({there})) or ({from_} and ({back})) or (icmp and ({errors}))"

    def matches(self) -> tuple[NftMatch, ...]:
        """Return the same in the words of nft(8)."""
        ends = "ip saddr . ip daddr" if self.source else "ip daddr"
        given = f"{self.source} . " if self.source else ""
        found: list[NftMatch] = [("icmp type", kind) for kind in _ERRORS.values()]
        for each in self.destinations:
            if self.protocol == "icmp":
                found.append((f"{ends} . icmp type", f"{given}{each} . echo-request"))
                found.append(("ip saddr . icmp type", f"{each} . echo-reply"))
                continue
            begins, answers = (_BEGINS, _ANSWERS) if self.protocol == "tcp" else ("", "")
            to = f"{begins}{ends} . {self.protocol} dport"
            found.append((to, f"{given}{each} . {self.port}"))
            found.append((f"{answers}ip saddr . {self.protocol} sport", f"{each} . {self.port}"))
        return tuple(found)

    def arp_matches(self) -> tuple[NftMatch, ...]:
        """Return nothing: ARP is not waited for."""
        return ()

    def ports(self, way: Way) -> Ports:
        """Return its protocol, and the port that is asked for."""
        return Ports.on(way, self.protocol, 0, self.port)

    def carried(self) -> tuple[bytes, ...]:
        """Return nothing in particular, which everything has: it is waited for by itself."""
        return (b"",)

    def recognise(self, packet: bytes) -> Recognised | None:
        """Return what an IPv4 packet is, and its key; None where it is nothing of the kind."""
        if len(packet) < 20 or packet[0] >> 4 != 4:
            return None
        source, destination = (str(IPv4Address(packet[at : at + 4])) for at in (12, 16))
        body = packet[4 * (packet[0] & 15) :]
        if packet[9] == NUMBERS["icmp"] and len(body) > _QUOTED and body[0] in _ERRORS:
            about = self.recognise(body[_QUOTED:])
            if about is None or about.way != "there":
                return None
            return Recognised("back", source, destination, "error", (body[0], body[1]), about.key)
        if packet[9] != NUMBERS[self.protocol] or len(body) < 8:
            return None
        found = self._of_transport(body)
        if found is None:
            return None
        way, reply, key = found
        if (destination if way == "there" else source) not in self.destinations:
            return None
        return Recognised(way, source, destination, reply, None, key)

    def _of_transport(self, body: bytes) -> tuple[Way, Reply, int] | None:
        if self.protocol == "icmp":
            (key,) = struct.unpack_from("!I", body, 4)
            if body[0] == _ECHO_REQUEST:
                return "there", "", key
            return ("back", "answer", key) if body[0] == _ECHO_REPLY else None
        from_, to = struct.unpack_from("!HH", body)
        if self.protocol == "udp":
            if to == self.port:
                return "there", "", from_
            return ("back", "answer", to) if from_ == self.port else None
        if to == self.port and len(body) < 14:  # quoted in an error: no more has to be there
            return "there", "", struct.unpack_from("!I", body, 4)[0]
        return self._of_segment(from_, to, body) if len(body) >= 14 else None

    def _of_segment(self, from_: int, to: int, body: bytes) -> tuple[Way, Reply, int] | None:
        sequence, acknowledged, _, flags = struct.unpack_from("!IIBB", body, 4)
        if to == self.port and flags & _SYN and not flags & _ACK:
            return "there", "", sequence
        if from_ == self.port and flags & _ACK and flags & (_SYN | _RST):
            return "back", "refusal" if flags & _RST else "answer", acknowledged - 1 & 0xFFFFFFFF
        return None


@dataclass(frozen=True, slots=True)
class WaitedPacket:
    """One packet of what is waited for."""

    traffic: WaitedTraffic
    key: int

    def expression(self) -> str:
        """Return what passes it alone, what comes back, and errors."""
        match self.traffic.protocol:
            case "icmp":
                errors = " or ".join(f"icmp[0] = {kind}" for kind in _ERRORS)
                own = f"icmp[4:4] = {self.key} or {errors}"
            case "tcp":
                answered = self.key + 1 & 0xFFFFFFFF
                own = f"tcp[4:4] = {self.key} or tcp[8:4] = {answered} or icmp"
            case "udp":
                own = f"udp port {self.key} or icmp"
        return f"(({self.traffic.expression()}) and ({own}))"

    def matches(self) -> tuple[NftMatch, ...]:
        """Return what matches all of the kind."""
        return self.traffic.matches()

    def arp_matches(self) -> tuple[NftMatch, ...]:
        """Return nothing: ARP is not waited for."""
        return ()

    def ports(self, way: Way) -> Ports:
        """Return what all of the kind have."""
        return self.traffic.ports(way)

    def carried(self) -> tuple[bytes, ...]:
        """Return nothing in particular, which everything has: it is waited for by itself."""
        return (b"",)

    def recognise(self, packet: bytes) -> Recognised | None:
        """Return what an IPv4 packet is to this one; None where it is another or nothing to it."""
        found = self.traffic.recognise(packet)
        return found if found is not None and found.key == self.key else None
