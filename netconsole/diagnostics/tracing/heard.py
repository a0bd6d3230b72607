"""What was heard and seen of a packet that is followed, as values."""

from collections.abc import Container
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

from netconsole.diagnostics.tracing.trace_messages import TraceMessage
from netconsole.diagnostics.tracing.traced_packet import Recognised

_ARP_END: Final = 14 + 28
_ARP_OF_IPV4: Final = b"\0\1\x08\0\6\4"
"""Ethernet, IPv4, and the lengths of their addresses in bytes."""


@dataclass(frozen=True, slots=True)
class TraceSighting:
    """The packet, or what came back, at an interface."""

    at: int
    """Nanoseconds since 1970, by the kernel."""
    interface: str
    leaves: bool
    """Whether it goes out there; it comes in otherwise."""
    what: Recognised
    length: int
    """Bytes of the packet, without the header of Ethernet and what pads a short frame."""
    mac: str = ""
    """For whom its frame is."""


@dataclass(frozen=True, slots=True)
class TracedArp:
    """A question or an answer of ARP (RFC 826) at an interface, meanwhile."""

    interface: str
    leaves: bool
    is_answer: bool
    sender: str
    target: str
    """IPv4 addresses: who says it, and to or about whom."""
    mac: str = ""
    """The MAC address that who says it gives as its own."""


def parse_arp(frame: bytes, interface: str, leaves: bool) -> TracedArp | None:
    """Return what a frame says; None of one that is no ARP of IPv4 over Ethernet."""
    if len(frame) < _ARP_END or frame[12:14] != b"\x08\x06" or frame[14:20] != _ARP_OF_IPV4:
        return None
    sender, target = (str(IPv4Address(frame[at : at + 4])) for at in (28, 38))
    mac = frame[22:28].hex(":")
    return TracedArp(interface, leaves, frame[20:22] == b"\0\2", sender, target, mac)


@dataclass(slots=True)
class Heard:
    """All of it, in the order of its coming."""

    messages: list[TraceMessage] = field(default_factory=list)
    sightings: list[TraceSighting] = field(default_factory=list)
    arp: list[TracedArp] = field(default_factory=list)

    def unanswered(self, interface: str, addresses: Container[str]) -> str:
        """Return that of these addresses for which who is at an interface asks, and gets no
        answer; what else they ask there is about something else."""
        return next((each for each in self.asked_in_vain(interface) if each in addresses), "")

    def sought(self, interface: str, addresses: Container[str], *, is_guests: bool) -> str:
        """Return the same, and of a guest any other: it may take another for its router. Out there
        others ask as well."""
        others = self.asked_in_vain(interface) if is_guests else ()
        return self.unanswered(interface, addresses) or next(iter(others), "")

    def asked_in_vain(self, interface: str) -> tuple[str, ...]:
        """Return every address for which who is at an interface asks, and gets no answer."""
        here = [each for each in self.arp if each.interface == interface]
        told = {each.sender for each in here if each.is_answer and each.leaves}
        asked = (each.target for each in here if not each.is_answer and not each.leaves)
        return tuple(each for each in asked if each not in told)

    def asks_as_another(self, interface: str, mac: str, address: str) -> bool:
        """Whether who is at an interface asks there with another MAC or IPv4 address than these."""
        return any(
            (each.mac, each.sender) != (mac, address)
            for each in self.arp
            if each.interface == interface and not each.leaves
        )
