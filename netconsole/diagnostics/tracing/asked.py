"""What is asked to be traced, as it is typed or sent: judged before the host is looked at. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from netconsole.backend.model.errors import InvalidValue
from netconsole.diagnostics.parts.journey import Protocol
from netconsole.diagnostics.tracing.ends import DNS_PORT, HOST, OUTSIDE, TraceRequest
from netconsole.diagnostics.tracing.traced_packet import NUMBERS

WORDS: Final = "icmp, tcp PORT, udp PORT, dns NAME, arp, dhcp"
"""How a packet is named."""
WAITED_WORDS: Final = ("icmp", "tcp PORT", "udp PORT")
"""Those whose real packets can be waited for."""
LONGEST_TEXT: Final = 1000
"""Letters of a sender, a destination and a name."""
LONGEST_WAIT: Final = 600
"""Seconds for which real packets are waited for."""
_LARGEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class AskedTrace:
    """Which packet, from whom to whom."""

    sender: str
    """Name or address of an instance or of the host, `host`, `outside`, or an address out there."""
    destination: str = ""
    """An IPv4 address, the name of an instance or of the host, `host`, or `outside`; empty of dhcp
    alone."""
    protocol: Protocol = "icmp"
    port: int = 0
    """Of tcp and udp alone."""
    name: str = ""
    """Of dns alone; where empty, what dnsmasq itself knows is asked for."""

    def request(self) -> TraceRequest:
        """Return what is to be sent. Raises InvalidValue."""
        for what, text in self._texts():
            if len(text) > LONGEST_TEXT or not text.isprintable():
                rule = f"must be {LONGEST_TEXT} printable letters at most"
                raise InvalidValue(what, text, rule)
        if not self.sender:
            raise InvalidValue("sender", "", "must be named")
        if (self.protocol == "dhcp") == bool(self.destination):
            rule = "must be named, but of dhcp, which asks everybody"
            raise InvalidValue("destination", self.destination, rule)
        # an instance may well ask itself
        if self.destination == self.sender and self.sender in (HOST, OUTSIDE):
            raise InvalidValue("destination", self.destination, "is the sender itself")
        if self.name and self.protocol != "dns":
            raise InvalidValue("name", self.name, "is of dns alone")
        port = self.port
        if self.protocol in ("tcp", "udp"):
            _require_port(port)
        elif port:
            raise InvalidValue("port", port, "is of tcp and udp alone")
        if self.protocol == "dns":
            port = DNS_PORT
        return TraceRequest(self.sender, self.destination, self.protocol, port, self.name)

    def _texts(self) -> Sequence[tuple[str, str]]:
        return ("sender", self.sender), ("destination", self.destination), ("name", self.name)

    @property
    def packet(self) -> str:
        """Return the words that name the packet."""
        words = (self.protocol, str(self.port or ""), self.name)
        return " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class AskedWait:
    """Which real packets are waited for, and how long."""

    trace: AskedTrace
    seconds: int

    def request(self) -> TraceRequest:
        """Return what is waited for. Raises InvalidValue."""
        if self.trace.protocol not in NUMBERS:
            rule = f"is none of {', '.join(WAITED_WORDS)}, for which is waited"
            raise InvalidValue("packet", self.trace.packet, rule)
        if not 1 <= self.seconds <= LONGEST_WAIT:
            raise InvalidValue("seconds", self.seconds, f"is no number from 1 to {LONGEST_WAIT}")
        return self.trace.request()


def asked_trace(sender: str, destination: str, packet: Sequence[str]) -> AskedTrace:
    """Return what is asked for by the words of a packet. Raises InvalidValue for others."""
    match packet:
        case () | ("icmp",):
            return AskedTrace(sender, destination)
        case ("arp" | "dhcp" as protocol,):
            return AskedTrace(sender, destination, protocol)
        case ("dns", name):
            return AskedTrace(sender, destination, "dns", name=name)
        case ("tcp" | "udp" as protocol, port):
            return AskedTrace(sender, destination, protocol, _port(port))
    raise InvalidValue("packet", " ".join(packet), f"is none of {WORDS}")


def _port(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST_PORT))
    _require_port(int(text) if is_number else text)
    return int(text)


def _require_port(port: int | str) -> None:
    if not isinstance(port, int) or not 1 <= port <= _LARGEST_PORT:
        raise InvalidValue("port", port, f"is no number from 1 to {_LARGEST_PORT}")
