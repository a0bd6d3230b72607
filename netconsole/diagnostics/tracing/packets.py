"""From what is asked for to the packet that is sent. Pure."""

import struct
from collections.abc import Container
from typing import Final

from netconsole.backend.model.errors import InvalidValue
from netconsole.diagnostics.parts.journey import Protocol
from netconsole.diagnostics.probes.dns_message import question, question_of_its_own
from netconsole.diagnostics.tracing.ends import DNS_PORT, Ends, TraceRequest
from netconsole.diagnostics.tracing.local_packets import TracedDiscover, TracedQuestion
from netconsole.diagnostics.tracing.traced_packet import TEXT, Traceable, TracedPacket

LOCAL: Final[Container[Protocol]] = ("arp", "dhcp")
"""What stays on the sender's own network, and is not routed."""
_LONGEST_LABEL, _LONGEST_NAME = 63, 253


def packet_of(request: TraceRequest, between: Ends, mark: int) -> Traceable:
    """Return it, known by 31 random bits. Raises InvalidValue for a name that no DNS has."""
    match request.protocol:
        case "arp":
            return TracedQuestion(between.source, between.destination)
        case "dhcp":
            return TracedDiscover(mark)
        case "dns":
            number = mark >> 16
            asked = (
                question(_name(request.name), number)
                if request.name
                else question_of_its_own(number)
            )
            (begins,) = struct.unpack_from("!I", asked)  # a question begins with number and flags
            return TracedPacket("udp", between.destination, DNS_PORT, begins, asked[4:])
        case "tcp":
            return TracedPacket("tcp", between.destination, request.port, mark, request.data)
        case "icmp" | "udp":
            return TracedPacket(request.protocol, between.destination, request.port, mark, TEXT)


def _name(text: str) -> str:
    labels = text.rstrip(".").split(".")
    fits = all(0 < len(each) <= _LONGEST_LABEL and each.isascii() for each in labels)
    if not fits or len(text) > _LONGEST_NAME:
        raise InvalidValue("name", text, "is no name of the DNS (RFC 1035, 2.3.4)")
    return ".".join(labels)
