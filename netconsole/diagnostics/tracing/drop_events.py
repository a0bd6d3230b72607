"""What the kernel tells of packets that it gives up, and which of these was ours. Pure.

The tracepoint skb:kfree_skb says function and reason (include/net/dropreason-core.h; Linux 5.17),
and neither device nor namespace. So a packet is followed there by its buffer: net:netif_receive_skb
tells where and when that came in, and so do our own sockets of our packet.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netconsole.diagnostics.parts.journey import KernelDrop
from netconsole.diagnostics.tracing.heard import TraceSighting
from netconsole.diagnostics.tracing.traced_packet import TracedPacket

_IPV4: Final = 0x0800
_SHORTEST: Final = 46
"""Bytes after the header of Ethernet: what is shorter is padded on a wire (IEEE 802.3, 3.2.8)."""
_ANSWERS_OF_TCP: Final = (40, 44)
"""Bytes: a reset, and what accepts a connection, with its segment size."""
_BEFORE, _AFTER = 1_000_000, 10_000_000
"""Nanoseconds. A packet keeps the time at which it came in first, so a bridge tells of it later."""
_AT_ONCE: Final = 2_000_000
"""Nanoseconds in which one is through the host that waits for nobody: later its buffer may be
another's."""
_EVENT: Final = re.compile(
    r"(?P<seconds>\d+)\.(?P<fraction>\d{6}): (?:"
    r"netif_receive_skb: dev=(?P<interface>\S+) skbaddr=(?P<received>\S+) len=(?P<length>\d+)"
    r"|kfree_skb: skbaddr=(?P<freed>\S+)(?: rx_sk=\S+)? protocol=(?P<protocol>\d+)"
    r" location=(?P<function>[^\s+]+)\S*(?: reason: (?P<reason>\w+))?)"
)


@dataclass(frozen=True, slots=True)
class BufferReceived:
    """A buffer with a packet came in at an interface."""

    at: int
    """Nanoseconds of CLOCK_MONOTONIC, as all here."""
    buffer: str
    interface: str
    length: int
    """Bytes of the packet, without the header of Ethernet."""


@dataclass(frozen=True, slots=True)
class BufferFreed:
    """A buffer was given up with its packet."""

    at: int
    buffer: str
    function: str
    """Of the kernel; empty where it has no name for the place."""
    reason: str
    """In the kernel's word; empty where it has none."""


BufferEvent = BufferReceived | BufferFreed


def lengths(packet: TracedPacket) -> frozenset[int]:
    """Return how long the packet and its likely answers are where they come in."""
    own = len(packet.packet("0.0.0.0"))  # noqa: S104  of any source
    found = {own, *(_ANSWERS_OF_TCP if packet.protocol == "tcp" else ())}
    return frozenset({*found, *(max(each, _SHORTEST) for each in found)})


def filters(interfaces: Iterable[str], lengths: Iterable[int]) -> Mapping[str, str]:
    """Return for each event what the kernel is to tell of it (Documentation/trace/events.rst)."""
    at = " || ".join(f'name == "{each}"' for each in interfaces)
    long = " || ".join(f"len == {each}" for each in sorted(lengths))
    return {"skb/kfree_skb": f"protocol == {_IPV4}", "net/netif_receive_skb": f"({at}) && ({long})"}


def parse_events(text: str) -> Iterator[BufferEvent]:
    """Yield what a trace tells, in the form in which tracefs prints it."""
    for found in _EVENT.finditer(text):
        at = int(found["seconds"]) * 1_000_000_000 + int(found["fraction"]) * 1_000
        if found["received"]:
            yield BufferReceived(at, found["received"], found["interface"], int(found["length"]))
        else:
            function = "" if found["function"].startswith("0") else found["function"]
            reason = found["reason"] or ""
            is_told = reason not in ("", "NOT_SPECIFIED")
            yield BufferFreed(at, found["freed"], function, reason if is_told else "")


def kernel_drop(
    events: Iterable[BufferEvent],
    sightings: Sequence[TraceSighting],
    packet: TracedPacket,
    ahead: int,
) -> KernelDrop | None:
    """Return where the kernel gave up one of what was seen to come in, the last of them.

    `ahead` is by how many nanoseconds the clock of the sightings is ahead of that of the events.
    """
    known = lengths(packet)
    arrived = [(each.interface, each.at - ahead, each) for each in sightings if not each.leaves]
    found: list[tuple[TraceSighting, BufferReceived, BufferFreed]] = []
    for received, freed in _given_up(events):
        for interface, at, sighting in arrived:
            is_then = -_BEFORE <= received.at - at <= _AFTER
            if received.interface == interface and received.length in known and is_then:
                found.append((sighting, received, freed))
    if not found:
        return None
    sighting, received, freed = found[-1]
    others = {each.buffer for one, each, _ in found if one is sighting} - {received.buffer}
    is_certain = not others and freed.at - received.at <= _AT_ONCE
    return KernelDrop(
        sighting.what.way, received.interface, freed.function, freed.reason, is_certain
    )


def _given_up(
    events: Iterable[BufferEvent],
) -> Iterator[tuple[BufferReceived, BufferFreed]]:
    """Yield each buffer that was given up, with where it had come in last."""
    last: dict[str, BufferReceived] = {}
    for each in events:
        if isinstance(each, BufferReceived):
            last[each.buffer] = each
        elif (received := last.pop(each.buffer, None)) is not None:
            yield received, each


def interfaces_to_name(interfaces: Collection[str]) -> tuple[str, ...]:
    """Return those that a filter has words for."""
    return tuple(each for each in interfaces if '"' not in each and "\\" not in each)
