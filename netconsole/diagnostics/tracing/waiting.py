"""Waits for real packets of one kind, and says what became of the first of them.

Nothing is sent. They are marked by the same tables of ours as packets of our own are, so many in a
second at most, and the tables go with this process.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from netconsole.backend.model.errors import InvalidValue, Unavailable
from netconsole.backend.survey.status import Status
from netconsole.backend.system.privileges import lacking
from netconsole.diagnostics.parts.journey import Journey
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.tracing.concluding import JourneyReader, conclude, watched_interfaces
from netconsole.diagnostics.tracing.ends import OUTSIDE, Ends, TraceRequest, ends
from netconsole.diagnostics.tracing.following import by_packet
from netconsole.diagnostics.tracing.heard import Heard, TraceSighting
from netconsole.diagnostics.tracing.listening import TraceListener
from netconsole.diagnostics.tracing.marking import Marked, marking
from netconsole.diagnostics.tracing.sending import SentPackets
from netconsole.diagnostics.tracing.traced_packet import NUMBERS, Recognised, Transport
from netconsole.diagnostics.tracing.waited_traffic import WaitedPacket, WaitedTraffic

MOST: Final = 3
"""Packets that are followed."""
ANSWER_SECONDS: Final = 2.0
"""For an answer, and for more packets after one."""
_RATE: Final = "limit rate 20/second burst 40 packets "
"""In the words of nft(8): of more the kernel need not tell."""

_UNHEARD: Final = "it is asked about packets of our own alone, whose length is known before"


@dataclass(frozen=True, slots=True)
class WaitedJourneys:
    """What came in that time, and what became of it."""

    journeys: tuple[Journey, ...]
    unanswered: str = ""
    """Where none came, the address for which the sender asks by ARP and gets no answer."""


def wait(
    request: TraceRequest, status: Status, links: Links, routing: Routing, seconds: float
) -> WaitedJourneys:
    """Wait so long, and follow the first few that come.

    Raises NotFound, InvalidValue, and Unavailable where this host traces nothing.
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
        marking(Marked(traffic.matches(), limit=_RATE), watched.ingress),
    ):
        awaited = _Awaited(listener, traffic, between)
        listener.hear(seconds, awaited.is_enough)
        if awaited.begun():
            listener.hear(ANSWER_SECONDS, awaited.is_enough)
        heard = replace(listener.of(traffic), messages=listener.messages())
    begun = awaited.begun()
    if not begun:
        return WaitedJourneys((), heard.unanswered(between.interface))
    packets = [WaitedPacket(traffic, first.what.key) for first in begun]
    own = [
        Heard(messages, _of_key(heard.sightings, packet.key), heard.arp)
        for packet, messages in zip(packets, by_packet(heard.messages, packets), strict=True)
    ]
    reading = JourneyReader.of(own, watched, listener.is_whole, status, links)
    found = []
    for first, packet, known in zip(begun, packets, own, strict=True):
        told = _told(first, known.sightings, between)
        followed = reading.followed(between, packet, known, told, None, _UNHEARD)
        found.append(conclude(request, followed, links))
    return WaitedJourneys(tuple(found))


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


@dataclass(frozen=True, slots=True)
class _Awaited:
    """What has come so far."""

    listener: TraceListener
    traffic: WaitedTraffic
    between: Ends

    def begun(self) -> tuple[TraceSighting, ...]:
        """Return where each of the first few was seen first."""
        found: dict[int, TraceSighting] = {}
        for each in self.listener.of(self.traffic).sightings:
            if each.what.key not in found and self._begins(each):
                found[each.what.key] = each
                if len(found) == MOST:
                    break
        return tuple(found.values())

    def _begins(self, each: TraceSighting) -> bool:
        """Whether it comes from the sender: in by its interface, or out of this host itself."""
        is_there = each.what.way == "there"
        if not self.between.interface:
            return is_there and each.leaves
        is_its = self.traffic.source in ("", each.what.source)
        return is_there and is_its and not each.leaves and each.interface == self.between.interface

    def is_enough(self) -> bool:
        """Whether all that are followed are answered, or had their time."""
        begun = self.begun()
        if not begun:
            return False
        if time.time_ns() - begun[0].at > ANSWER_SECONDS * 1_000_000_000:
            return True
        seen = self.listener.of(self.traffic).sightings
        return len(begun) == MOST and all(
            _told(each, _of_key(seen, each.what.key), self.between).reply for each in begun
        )


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
