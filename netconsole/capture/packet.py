"""One captured packet, and what the kernel said of it, in the terms of pcapng."""

from typing import TypeAlias

Packet: TypeAlias = tuple[int, bytes, int, int]
"""Time in nanoseconds since 1970, the frame as far as it was kept and with its VLAN tags, its
length on the wire in bytes, and flags. A plain tuple: half a million are handled in a second."""
Sight: TypeAlias = tuple[int, Packet]
"""A packet, and the number of the point that it was seen at."""

INBOUND = 0b01
OUTBOUND = 0b10
DIRECTION = 0b11
"""Which way a packet passed the interface; 0 when nobody noted it (pcapng, epb_flags)."""
UNICAST, MULTICAST, BROADCAST, PROMISCUOUS = 1 << 2, 2 << 2, 3 << 2, 4 << 2
CHECKSUM_NOT_READY = 1 << 9
"""The checksum of the transport is left to the network card, and what stands there is none."""
SEGMENTATION_OFFLOADED = 1 << 11
"""One frame here is several on the wire."""

ARROWS = {INBOUND: "in", OUTBOUND: "out"}


def direction(flags: int) -> str:
    """Return `in`, `out`, or `-` where it is not known."""
    return ARROWS.get(flags & DIRECTION, "-")
