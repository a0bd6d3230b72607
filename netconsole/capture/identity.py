"""What makes a packet the same packet at another interface.

Compared are the addresses, the protocol, IPv4's identification and fragment, and the transport's
head and first bytes. Left out is what a hop may change: MAC addresses, VLAN tags, type of service,
time to live, checksums, and what pads a short frame.
"""

from netconsole.capture.layers import ICMP, ICMPV6, TCP, UDP, ethernet, internet, tcp, untagged

DEEPEST = 64
"""Bytes of the transport compared: its head and at least 32 bytes of payload."""
HEADS = 14 + 4 + 40
"""What comes before the transport at most: Ethernet with a tag, IPv6."""

_TAGGED = frozenset({b"\x81\x00", b"\x88\xa8"})
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_CHECKSUMS = {UDP: 6, TCP: 16, ICMP: 2, ICMPV6: 2}
"""Where in the transport's head the two bytes of its checksum are."""


def depth(snaplen: int) -> int:
    """Return how many bytes of the transport can be compared where so much of a frame is kept."""
    return max(8, min(DEEPEST, snaplen - HEADS))


def identity(frame: bytes, depth: int = DEEPEST) -> bytes:
    """Return the bytes that tell this packet from every other; its ports come first.

    This is where the time goes when packets are matched: slices of the frame, no objects.
    """
    at = 14
    kind = frame[12:14]
    while kind in _TAGGED:
        kind = frame[at + 2 : at + 4]
        at += 4
    if kind == _IPV4 and len(frame) >= at + 20:
        transport = at + (frame[at] & 15) * 4
        end = at + (frame[at + 2] << 8 | frame[at + 3])
        if end > transport + depth or end <= transport:  # 0: left to the network card (TSO)
            end = transport + depth
        head = frame[at + 2 : at + 8] + frame[at + 9 : at + 10] + frame[at + 12 : at + 20]
        if frame[at + 6] & 0x1F or frame[at + 7]:
            return frame[transport:end] + head  # not the first fragment: no ports, no checksum
        checksum = _CHECKSUMS.get(frame[at + 9])
    elif kind == _IPV6 and len(frame) >= at + 40:
        transport = at + 40
        end = transport + min(frame[at + 4] << 8 | frame[at + 5] or depth, depth)
        head = frame[at + 4 : at + 7] + frame[at + 8 : at + 40]
        checksum = _CHECKSUMS.get(frame[at + 6])
    else:
        return frame[at : at + depth] + kind
    if checksum is None:
        return frame[transport:end] + head
    checksum += transport
    return frame[transport:checksum] + frame[checksum + 2 : end] + head


def rewritten(frame: bytes) -> tuple[bytes, ...]:
    """Return looser identities: those that survive address translation, or a changed payload.

    For packets only that found no partner by `identity`.
    """
    head = ethernet(frame)
    packet = internet(frame, head) if head is not None else None
    if packet is None or packet.fragment:
        return ()
    transport = frame[packet.at : min(packet.end, packet.at + DEEPEST)]
    length = packet.end - packet.at
    told = f"{packet.protocol} {packet.identification} {length} ".encode()
    ends = f"{packet.source} {packet.destination} ".encode()
    untranslated = {UDP: transport[8:], TCP: transport[4:14]}.get(packet.protocol, transport[4:])
    if len(untranslated) < 4:
        return ()
    same_head = (ends + told + transport[:4],) if packet.identification else ()
    return (told + untranslated, *same_head)


def stretch(frame: bytes) -> tuple[bytes, int, int] | None:
    """Return what a packet is a piece of, and the range of bytes it holds of that.

    A TCP segment is a piece of its connection: offloading cuts and joins segments. Anything else
    is one of its datagram: a bridge whose packets are filtered puts fragments together.
    """
    head = ethernet(frame)
    packet = internet(frame, head) if head is not None else None
    if packet is None:
        return None
    ends = f"{packet.source} {packet.destination} {packet.protocol}"
    segment = tcp(frame, packet)
    if segment is not None:
        connection = f"{ends} {segment.source} {segment.destination}".encode()
        length = packet.end - segment.at
        return (connection, segment.sequence, segment.sequence + length) if length > 0 else None
    if not packet.identification:
        return None
    datagram = f"{ends} {packet.identification}".encode()
    return datagram, packet.fragment, packet.fragment + packet.end - packet.at


def changes(before: bytes, after: bytes, *, checksums: bool = True) -> tuple[str, ...]:
    """Return the fields in which two sights of one packet differ.

    `checksums` is False where a network card had yet to fill them in. What every router does
    (MAC addresses, one less time to live) is one change, `routed`.
    """
    if before == after:
        return ()
    first, second = ethernet(before), ethernet(after)
    if first is None or second is None:
        return ()
    found = []
    if first.tags and second.tags and first.tags != second.tags:
        found.append("VLAN")
    one, two = internet(before, first), internet(after, second)
    macs = [
        name
        for name, differs in (
            ("source MAC", first.source != second.source),
            ("destination MAC", first.destination != second.destination),
        )
        if differs
    ]
    if one is None or two is None:
        rest = untagged(before)[14:] != untagged(after)[14:]
        return (*found, *macs, *(("payload",) if rest else ()))
    hops = one.ttl - two.ttl
    found += ["routed"] if macs and abs(hops) == 1 else [*macs, *(("TTL",) if hops else ())]
    found += [
        name
        for name, differs in (
            ("type of service", one.service != two.service),
            ("source address", one.source != two.source),
            ("destination address", one.destination != two.destination),
        )
        if differs
    ]
    translated = one.source != two.source or one.destination != two.destination
    if one.fragment or two.fragment:
        return tuple(found)
    size = min(one.end, len(before)) - one.at, min(two.end, len(after)) - two.at
    kept = min(size)
    old, new = before[one.at : one.at + kept], after[two.at : two.at + kept]
    return (*found, *_transport(one.protocol, old, new, checksums and not translated))


def _transport(protocol: int, old: bytes, new: bytes, checksums: bool) -> tuple[str, ...]:
    if old == new:
        return ()
    fields = {"source port": (0, 2), "destination port": (2, 4)} if protocol in (UDP, TCP) else {}
    found = [name for name, (at, end) in fields.items() if old[at:end] != new[at:end]]
    at = _CHECKSUMS.get(protocol, len(old))
    if checksums and not found and old[at : at + 2] != new[at : at + 2]:
        found.append("checksum")
    start = 4 if fields else 0
    if old[start:at] + old[at + 2 :] != new[start:at] + new[at + 2 :]:
        found.append("payload")
    return tuple(found)
