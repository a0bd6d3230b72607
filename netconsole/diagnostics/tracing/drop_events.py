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
    r"\[LOST \d+ EVENTS\]"
    r"|(?P<seconds>\d+)\.(?P<fraction>\d{6}): (?:"
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


@dataclass(frozen=True, slots=True)
class EventsLost:
    """Some that a processor told of found no room."""

    until: int
    """When the next was told."""


BufferEvent = BufferReceived | BufferFreed | EventsLost


def lengths(packet: TracedPacket) -> frozenset[range]:
    """Return how long the packet and its likely answers are where they come in."""
    own = len(packet.packet("0.0.0.0"))  # noqa: S104  of any source
    found = {own, *(_ANSWERS_OF_TCP if packet.protocol == "tcp" else ())}
    return frozenset(range(each, each + 1) for each in {*found, *map(_on_wire, found)})


def _on_wire(length: int) -> int:
    return max(length, _SHORTEST)


def filters(interfaces: Iterable[str], lengths: Iterable[range]) -> Mapping[str, str]:
    """Return for each event what the kernel is to tell of it (Documentation/trace/events.rst)."""
    at = " || ".join(f'name == "{each}"' for each in interfaces)
    ordered = sorted(lengths, key=lambda each: (each.start, each.stop))
    long = " || ".join(
        f"len == {each.start}" if len(each) == 1 else f"(len >= {each.start} && len < {each.stop})"
        for each in ordered
    )
    return {"skb/kfree_skb": f"protocol == {_IPV4}", "net/netif_receive_skb": f"({at}) && ({long})"}


def parse_events(text: str) -> Iterator[BufferEvent]:
    """Yield what a trace tells, in the form in which tracefs prints it."""
    is_lost = False
    for found in _EVENT.finditer(text):
        if found["seconds"] is None:
            is_lost = True
            continue
        at = int(found["seconds"]) * 1_000_000_000 + int(found["fraction"]) * 1_000
        if is_lost:
            is_lost = False
            yield EventsLost(at)
        if found["received"]:
            yield BufferReceived(at, found["received"], found["interface"], int(found["length"]))
        else:
            function = "" if found["function"].startswith("0") else found["function"]
            reason = found["reason"] or ""
            is_told = reason not in ("", "NOT_SPECIFIED")
            yield BufferFreed(at, found["freed"], function, reason if is_told else "")


def kernel_drop(
    events: Iterable[BufferEvent], sightings: Iterable[TraceSighting], ahead: int
) -> KernelDrop | None:
    """Return where the kernel gave up one of what was seen to come in, the last of them.

    `ahead` is by how many nanoseconds the clock of the sightings is ahead of that of the events.
    """
    arrivals = _arrivals(events)
    found: list[tuple[int, KernelDrop]] = []
    for each in sightings:
        near = [] if each.leaves else _near(each, arrivals, ahead)
        if not near:
            continue
        ours = min(near, key=lambda one: abs(one.received.at + ahead - each.at))
        freed = ours.freed
        if freed is None:
            continue
        is_alone = len({one.received.buffer for one in near}) == 1
        is_certain = is_alone and freed.at - ours.received.at <= _AT_ONCE
        where = (each.what.way, each.interface, freed.function, freed.reason)
        found.append((freed.at, KernelDrop(*where, is_certain)))
    return max(found, key=lambda one: one[0])[1] if found else None


def is_missed(
    events: Iterable[BufferEvent], sightings: Sequence[TraceSighting], ahead: int
) -> bool:
    """Whether something was lost that may have told of what was seen."""
    began = min((each.at - ahead for each in sightings), default=0)
    return any(isinstance(each, EventsLost) and each.until >= began for each in events)


@dataclass(slots=True)
class _Arrival:
    """A buffer that came in, and where it was given up before it came in anew."""

    received: BufferReceived
    freed: BufferFreed | None = None


def _near(each: TraceSighting, arrivals: Iterable[_Arrival], ahead: int) -> list[_Arrival]:
    """Those that came in where and when something was seen to, as long as that."""
    at, long = each.at - ahead, (each.length, _on_wire(each.length))
    return [
        one
        for one in arrivals
        if one.received.interface == each.interface
        and one.received.length in long
        and -_BEFORE <= one.received.at - at <= _AFTER
    ]


def _arrivals(events: Iterable[BufferEvent]) -> list[_Arrival]:
    last: dict[str, _Arrival] = {}
    found: list[_Arrival] = []
    for each in events:
        if isinstance(each, BufferReceived):
            last[each.buffer] = _Arrival(each)
            found.append(last[each.buffer])
        elif isinstance(each, BufferFreed) and (arrival := last.pop(each.buffer, None)):
            arrival.freed = each
    return found


def interfaces_to_name(interfaces: Collection[str]) -> tuple[str, ...]:
    """Return those that a filter has words for."""
    return tuple(each for each in interfaces if '"' not in each and "\\" not in each)
