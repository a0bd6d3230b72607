"""Makes the kernel forget the connections that it has tracked for packets that were followed.

What was translated while something was broken would be translated so for the time that the entry
lasts, and looks like a connection that somebody has begun. One message of nfnetlink deletes an
entry by its first tuple (Linux include/uapi/linux/netfilter/nfnetlink_conntrack.h).
"""

import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from netconsole.backend.filtering.nf_messages import HEADER, attribute
from netconsole.diagnostics.tracing.traced_packet import NUMBERS, TracedPacket

_NETLINK_NETFILTER: Final = 12
_DELETE: Final = 1 << 8 | 2
"""NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_DELETE."""
_REQUEST: Final = 0x1
_ABOUT: Final = struct.pack("!BBH", socket.AF_INET, 0, 0)
"""nfgenmsg: family, version, resource."""
_NESTED: Final = 0x8000
_TUPLE_ORIGINAL, _TUPLE_ADDRESSES, _TUPLE_PROTOCOL = 1, 1, 2
_SOURCE, _DESTINATION = 1, 2
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT, _ICMP_ID, _ICMP_TYPE, _ICMP_CODE = range(1, 7)
_ECHO_REQUEST: Final = 8


def forget_connections(sent: Iterable[tuple[str, TracedPacket]]) -> None:
    """Delete what is tracked of these, each with the address that it was sent from.

    What is not tracked any more, or never was, is no error.
    """
    with (
        suppress(OSError),
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel,
    ):
        for source, packet in sent:
            kernel.send(deletion(source, packet))


def deletion(source: str, packet: TracedPacket) -> bytes:
    """Return the message that deletes the entry of a packet with this source. Pure."""
    addresses = attribute(_SOURCE, socket.inet_aton(source)) + attribute(
        _DESTINATION, socket.inet_aton(packet.destination)
    )
    body = _ABOUT + _nested(
        _TUPLE_ORIGINAL,
        _nested(_TUPLE_ADDRESSES, addresses) + _nested(_TUPLE_PROTOCOL, _protocol(packet)),
    )
    return HEADER.pack(HEADER.size + len(body), _DELETE, _REQUEST, 0, 0) + body


def _protocol(packet: TracedPacket) -> bytes:
    number = attribute(_NUMBER, bytes([NUMBERS[packet.protocol]]))
    if packet.protocol == "icmp":
        identifier = attribute(_ICMP_ID, struct.pack("!H", packet.mark >> 16))
        kind = attribute(_ICMP_TYPE, bytes([_ECHO_REQUEST]))
        return number + identifier + kind + attribute(_ICMP_CODE, bytes(1))
    ports = (packet.source_port, packet.port)
    source, destination = (struct.pack("!H", port) for port in ports)
    return number + attribute(_SOURCE_PORT, source) + attribute(_DESTINATION_PORT, destination)


def _nested(kind: int, content: bytes) -> bytes:
    return attribute(kind | _NESTED, content)
