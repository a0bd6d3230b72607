"""Waits for real packets of one kind, and says what became of the first of them.

Nothing is sent. They are marked by the same tables of ours as packets of our own are, so many in a
second at most, and the tables go with this process.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

from netconsole.backend.model.errors import Cancelled, InvalidValue, Unavailable
from netconsole.backend.survey.status import Status
from netconsole.backend.system.privileges import lacking
from netconsole.diagnostics.parts.journey import Journey, WaitedJourneys
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.tracing.concluding import conclude
from netconsole.diagnostics.tracing.drop_events import (
    BufferEvent,
    is_missed,
    kernel_drop,
)
from netconsole.diagnostics.tracing.ends import OUTSIDE, Ends, TraceRequest, ends
from netconsole.diagnostics.tracing.followed_packets import JourneyReader
from netconsole.diagnostics.tracing.following import by_packet, traversals
from netconsole.diagnostics.tracing.heard import Heard, TraceSighting
from netconsole.diagnostics.tracing.kernel_drops import KernelDrops, kernel_drops
from netconsole.diagnostics.tracing.legacy_counters import read_legacy_tables
from netconsole.diagnostics.tracing.listening import TraceListener
from netconsole.diagnostics.tracing.marking import Marked, marking
from netconsole.diagnostics.tracing.sending import SentPackets
from netconsole.diagnostics.tracing.traced_packet import NUMBERS, Recognised, Transport
from netconsole.diagnostics.tracing.waited_traffic import WaitedPacket, WaitedTraffic
from netconsole.diagnostics.tracing.watched_interfaces import watched_interfaces

MOST: Final = 3
"""Packets that are followed."""
ANSWER_SECONDS: Final = 2.0
"""For an answer, and for more packets after one."""
_RATE, _BURST = 20, 12
"""Packets that are marked of each kind: in a second, and at once."""
_LIMIT: Final = f"limit rate {_RATE}/second burst {_BURST} packets "
"""In the words of nft(8): of more the kernel need not tell."""
_LENGTHS: Final[dict[Transport, range]] = {
    "icmp": range(1 << 16),
    "tcp": range(121),
    "udp": range(1 << 16),
}
"""Bytes of packets that may be given up: of TCP what begins a connection is headers alone."""
_UNMARKED: Final = f"rules: of more than {_RATE} packets a second not each is marked"


@dataclass(frozen=True, slots=True)
class _Waited:
    """What was heard in that time."""

    packets: Sequence[tuple[TraceSighting, WaitedPacket]]
    """Those that are followed, with where each was seen first."""
    heard: Heard
    missed: tuple[str, ...]
    unmarked: frozenset[int]
    """Keys of those that were not marked, there or back: of too many not each is."""
    freed: Sequence[BufferEvent]
    ahead: int
    unheard: str
    """As of `KernelDrops`."""


def wait(
    request: TraceRequest,
    status: Status,
    links: Links,
    routing: Routing,
    seconds: float,
    cancelled: threading.Event,
    began: Callable[[], None],
) -> WaitedJourneys:
    """Wait so long, and follow the first few that come; `began` is called once that has begun.

    Raises InvalidValue, Unavailable where this host traces nothing or the instance is not here, and
    Cancelled where that is set meanwhile.
    """
    if (reason := lacking()) is not None:
        raise Unavailable(reason)
    if request.protocol not in NUMBERS:
        raise InvalidValue("packet", request.protocol, "is none that can be waited for")
    between = ends(request, status, links, routing)
    traffic = _traffic(request, between, status)
    watched = watched_interfaces((between,), status, links)
    with (
        TraceListener((traffic,), watched.seen) as listener,
        kernel_drops(watched.seen, (_LENGTHS[traffic.protocol],)) as drops,
        marking(Marked(traffic.matches(), limit=_LIMIT), watched.ingress),
    ):
        listener.forget()  # what came before it was marked
        counted = read_legacy_tables()
        began()
        awaited = _Awaited(listener, drops, traffic, between, cancelled)
        found = awaited.waited(seconds)
    if not found.packets:
        is_guests = bool(between.guest_mac)
        sought = found.heard.sought(between.interface, between.asks, is_guests=is_guests)
        return WaitedJourneys((), sought)
    own = _own(found)
    legacy = read_legacy_tables().since(counted)
    reading = JourneyReader.of(own, watched, found.missed, status, links, legacy)
    return WaitedJourneys(tuple(_journeys(request, between, found, own, reading, links)))


def _journeys(
    request: TraceRequest,
    between: Ends,
    found: _Waited,
    own: Sequence[Heard],
    reading: JourneyReader,
    links: Links,
) -> Iterator[Journey]:
    """Yield what became of each that has come, with what was heard of it."""
    for (first, packet), known in zip(found.packets, own, strict=True):
        told = _told(first, known.sightings, between)
        dropped = kernel_drop(found.freed, known.sightings, found.ahead)
        unheard = found.unheard or _lost(found, known.sightings)
        is_unmarked = packet.key in found.unmarked
        followed = reading.followed(
            *(between, packet, known, told, dropped, unheard), is_unmarked=is_unmarked
        )
        yield conclude(request, followed, links)


def _own(found: _Waited) -> list[Heard]:
    """Return what was heard of each of the packets."""
    packets = [packet for _, packet in found.packets]
    return [
        Heard(messages, _of_key(found.heard.sightings, packet.key), found.heard.arp)
        for packet, messages in zip(packets, by_packet(found.heard.messages, packets), strict=True)
    ]


def _lost(found: _Waited, seen: Sequence[TraceSighting]) -> str:
    is_lost = is_missed(found.freed, seen, found.ahead)
    return "the kernel told of more than could be heard" if is_lost else ""


def _traffic(request: TraceRequest, between: Ends, status: Status) -> WaitedTraffic:
    """What of it is known before: from outside anybody may send."""
    source = "" if request.sender == OUTSIDE else between.source
    fixed = (
        each.fixed_address
        for each in status.floating_ips
        if each.address == between.destination and each.fixed_address
    )
    destinations = (between.destination, *fixed)
    return WaitedTraffic(cast(Transport, request.protocol), source, destinations, request.port)


@dataclass(slots=True)
class _Awaited:
    """What has come so far."""

    listener: TraceListener
    drops: KernelDrops
    traffic: WaitedTraffic
    between: Ends
    cancelled: threading.Event
    _marked: set[int] = field(default_factory=set)
    """Keys of those of which the kernel has told."""
    _read: int = 0
    """Messages of the kernel that were looked at."""
    _is_narrow: bool = False

    def waited(self, seconds: float) -> _Waited:
        """Wait so long, and for answers to what came. Raises Cancelled."""
        self.listener.hear(seconds, self.is_enough)
        if self._begun():
            self.listener.hear(ANSWER_SECONDS, self.is_enough)
        if self.cancelled.is_set():
            raise Cancelled("the wait was ended before it was over")
        heard = replace(self.listener.of(self.traffic), messages=self.listener.messages())
        packets = [(each, WaitedPacket(self.traffic, each.what.key)) for each in self._begun()]
        missed = self.listener.missed()
        is_crowd = self.listener.times() > _BURST
        unmarked = frozenset(
            each.key for _, each in packets if is_crowd and _is_unmarked(each, heard)
        )
        missed += (_UNMARKED,) if unmarked else ()
        freed = self.drops.events() if packets else ()
        drops = self.drops
        return _Waited(packets, heard, missed, unmarked, freed, drops.ahead, drops.unheard)

    def is_enough(self) -> bool:
        """Whether all that are followed are answered, or had their time."""
        if self.cancelled.is_set():
            return True
        begun = self._begun()
        marked = [each for each in begun if each.what.key in self._marked]
        if self.listener.is_full(self.traffic) and not (marked or self._is_narrow):
            self.listener.forget()
            self._read = 0
            return False
        if not begun:
            return False
        self.drops.take()
        if time.time_ns() - begun[0].at > ANSWER_SECONDS * 1_000_000_000:
            return True
        are_all = len(marked) == MOST
        if (are_all or self.listener.is_full(self.traffic)) and not self._is_narrow:
            self._is_narrow = True
            self.listener.narrow([WaitedPacket(self.traffic, each.what.key) for each in marked])
        seen = self.listener.of(self.traffic).sightings
        return are_all and all(
            _told(each, _of_key(seen, each.what.key), self.between).reply for each in begun
        )

    def _begun(self) -> tuple[TraceSighting, ...]:
        """Return where each of the first few was seen first: where there are more than are marked,
        of those that are."""
        found: dict[int, TraceSighting] = {}
        for each in self.listener.of(self.traffic).sightings:
            if each.what.key not in found and self._begins(each):
                found[each.what.key] = each
        if not found:
            return ()
        self._look_at_marked()
        ordered = sorted(found.values(), key=lambda each: each.what.key not in self._marked)
        return tuple(ordered[:MOST])

    def _look_at_marked(self) -> None:
        told = self.listener.messages()
        for each in told[self._read :]:
            if each.packet and (what := self.traffic.recognise(each.packet)) is not None:
                self._marked.add(what.key)
        self._read = len(told)

    def _begins(self, each: TraceSighting) -> bool:
        """Whether it comes from the sender: in by its interface, or out of this host itself."""
        is_there = each.what.way == "there"
        if not self.between.interface:
            return is_there and each.leaves
        is_its = self.traffic.source in ("", each.what.source)
        return is_there and is_its and not each.leaves and each.interface == self.between.interface


def _is_unmarked(packet: WaitedPacket, heard: Heard) -> bool:
    """Whether it came in, or its answer, and the kernel told of no rule that this met."""
    came = {each.what.way for each in _of_key(heard.sightings, packet.key) if not each.leaves}
    return bool(came - {each.what.way for each in traversals(heard.messages, packet)})


def _of_key(sightings: Sequence[TraceSighting], key: int) -> list[TraceSighting]:
    return [each for each in sightings if each.what.key == key]


def _told(first: TraceSighting, seen: Sequence[TraceSighting], between: Ends) -> SentPackets:
    """What came back to the sender: out where its own came in, or in to this host itself."""
    came: Recognised | None = next(
        (
            each.what
            for each in seen
            if each.what.way == "back"
            and (not between.interface or (each.leaves and each.interface == between.interface))
        ),
        None,
    )
    if came is None:
        return SentPackets(first.what.source)
    return SentPackets(first.what.source, "", came.reply, came.source, came.kind)
