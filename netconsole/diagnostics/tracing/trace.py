"""Sends packets from instances, this host or outside, and says what became of each."""

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from netconsole.backend.model.errors import Cancelled, NetconsoleError, Unavailable
from netconsole.backend.survey.status import Status
from netconsole.backend.system.privileges import lacking
from netconsole.diagnostics.parts.journey import Journey
from netconsole.diagnostics.parts.links import Links, without_carrier
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.tracing import following
from netconsole.diagnostics.tracing.concluding import conclude, sent_on
from netconsole.diagnostics.tracing.drop_events import kernel_drop, lengths
from netconsole.diagnostics.tracing.ends import Ends, TraceRequest, ends
from netconsole.diagnostics.tracing.followed_packets import (
    FollowedPacket,
    JourneyReader,
    handed_to,
    is_lost,
)
from netconsole.diagnostics.tracing.forgetting import forget_connections
from netconsole.diagnostics.tracing.heard import Heard
from netconsole.diagnostics.tracing.kernel_drops import kernel_drops
from netconsole.diagnostics.tracing.legacy_counters import read_legacy_tables
from netconsole.diagnostics.tracing.listening import TraceListener
from netconsole.diagnostics.tracing.marking import Marked, marking
from netconsole.diagnostics.tracing.packets import packet_of
from netconsole.diagnostics.tracing.port_questions import PortQuestion, ask_at_ports
from netconsole.diagnostics.tracing.sending import AddressedPacket, Sender, SentPackets, sending
from netconsole.diagnostics.tracing.traced_packet import Recognised, Traceable, TracedPacket
from netconsole.diagnostics.tracing.watched_interfaces import watched_interfaces

COUNT: Final = 3
"""Packets sent at most: a neighbour may have to be asked for before the first."""
PAUSE_SECONDS: Final = 0.15
LAST_SECONDS: Final = 0.35
"""After the last, for what comes back."""
LONGEST_SECONDS: Final = 4.0
"""In which all are sent, also on a busy host."""


def trace(
    request: TraceRequest,
    status: Status,
    links: Links,
    routing: Routing,
    cancelled: threading.Event,
) -> Journey:
    """Send it, and return what became of it; takes less than a second.

    What is made for it is gone afterwards, also where this process is killed. Raises
    InvalidValue, Unavailable where this host traces nothing or the instance is not here, and
    Cancelled where that is set meanwhile.
    """
    (found,) = trace_all((request,), status, links, routing, cancelled)
    if isinstance(found, NetconsoleError):
        raise found
    return found


def trace_all(
    requests: Sequence[TraceRequest],
    status: Status,
    links: Links,
    routing: Routing,
    cancelled: threading.Event,
) -> tuple[Journey | NetconsoleError, ...]:
    """Send them all at the same time, and return what became of each, or why it was not sent.

    Takes hardly longer than one: one table marks them all, and one process sends them. Raises
    Unavailable where this host traces nothing, and Cancelled where that is set meanwhile.
    """
    if (reason := lacking()) is not None:
        raise Unavailable(reason)
    found: dict[int, Journey | NetconsoleError] = {}
    addressed: dict[int, AddressedPacket] = {}
    for number, request in enumerate(requests):
        try:
            addressed[number] = _addressed(request, status, links, routing)
        except NetconsoleError as error:
            found[number] = error
    if addressed:
        found.update(_journeys(requests, addressed, status, links, cancelled))
    return tuple(found[number] for number in range(len(requests)))


def _journeys(
    requests: Sequence[TraceRequest],
    addressed: Mapping[int, AddressedPacket],
    status: Status,
    links: Links,
    cancelled: threading.Event,
) -> dict[int, Journey]:
    """Follow them; once more, and fewer, those that got lost when not all was heard of them.

    Those are others then: of the first packet of a connection alone the table nat is asked.
    """
    followed, is_whole = _followed(tuple(addressed.values()), status, links, cancelled)
    found = dict(zip(addressed, followed, strict=True))
    lost = {
        number: _with_packet(requests[number], each.ends)
        for number, each in found.items()
        if is_lost(each)
    }
    if lost and not is_whole and len(lost) < len(addressed):
        again, _ = _followed(tuple(lost.values()), status, links, cancelled)
        found.update(zip(lost, again, strict=True))
    handed = {number: handed_to(each) for number, each in found.items()}
    onward = {number: sent_on(requests[number], each, links) for number, each in found.items()}
    said = ask_at_ports(_questions(handed.values(), links))
    return {
        number: conclude(*(requests[number], each, links, said.get(handed[number]), onward[number]))
        for number, each in found.items()
    }


def _questions(handed: Iterable[tuple[str, str] | None], links: Links) -> Iterator[PortQuestion]:
    """Yield what is asked at the ports: in the name of the bridge, so that answers go nowhere
    else."""
    for port, address in dict.fromkeys(each for each in handed if each is not None):
        link = links.get(port)
        bridge = links.get(link.master) if link is not None else None
        if bridge is not None and bridge.mac:
            yield PortQuestion(port, address, bridge.mac)


def _addressed(
    request: TraceRequest, status: Status, links: Links, routing: Routing
) -> AddressedPacket:
    return _with_packet(request, ends(request, status, links, routing))


def _with_packet(request: TraceRequest, between: Ends) -> AddressedPacket:
    return AddressedPacket(between, packet_of(request, between, secrets.randbits(31) | 1))


def _followed(
    addressed: Sequence[AddressedPacket], status: Status, links: Links, cancelled: threading.Event
) -> tuple[tuple[FollowedPacket, ...], bool]:
    """Send these and return what became of them, and whether all was heard that was told of it."""
    packets = [each.packet for each in addressed]
    watched = watched_interfaces([each.ends for each in addressed], status, links)
    marked = Marked(
        tuple(match for each in packets for match in each.matches()),
        tuple(match for each in packets for match in each.arp_matches()),
    )
    long = {each for one in packets if isinstance(one, TracedPacket) for each in lengths(one)}
    with (
        sending(addressed, COUNT, PAUSE_SECONDS, LAST_SECONDS) as sender,
        TraceListener(packets, watched.seen) as listener,
        marking(marked, watched.ingress),
        kernel_drops(watched.seen, long) as drops,
    ):
        counted = read_legacy_tables()
        told = _sent(addressed, sender, listener, links, cancelled)
        freed = drops.events()
        heard = _heard(listener, packets)
        missed = listener.missed()
    legacy = read_legacy_tables().since(counted)
    reading = JourneyReader.of(heard, watched, missed, status, links, legacy)
    found = tuple(
        reading.followed(
            *(one.ends, one.packet, known, each),
            kernel_drop(freed, known.sightings, drops.ahead),
            drops.unheard,
        )
        for one, known, each in zip(addressed, heard, told, strict=True)
    )
    _forget(found)
    return found, listener.is_whole


def _heard(listener: TraceListener, packets: Sequence[Traceable]) -> list[Heard]:
    """Return what was heard and seen of each of them."""
    own = following.by_packet(listener.messages(), packets)
    return [
        replace(listener.of(packet), messages=mine)
        for packet, mine in zip(packets, own, strict=True)
    ]


def _forget(followed: Iterable[FollowedPacket]) -> None:
    forget_connections(
        (each.hops[0].source, each.packet)
        for each in followed
        if isinstance(each.packet, TracedPacket)
        # who answers a segment of TCP may do so again, which would belong to no connection then
        and each.packet.protocol != "tcp"
        and each.hops[0].source
    )


def _sent(
    addressed: Sequence[AddressedPacket],
    sender: Sender,
    listener: TraceListener,
    links: Links,
    cancelled: threading.Event,
) -> tuple[SentPackets, ...]:
    """Send them, and listen; return what who sends has told, and was seen to come back."""

    def returned(number: int) -> Recognised:
        return _returned(listener.of(addressed[number].packet), addressed[number].ends)

    def is_enough() -> bool:
        told = sender.told()
        return (
            cancelled.is_set()
            or sender.is_done
            or all(
                returned(number).reply if number in sender.written else _is_told(told, number)
                for number in range(len(addressed))
            )
        )

    sender.begin()
    listener.hear(LONGEST_SECONDS, is_enough)
    if cancelled.is_set():
        raise Cancelled("the trace was ended before it was over")
    told = sender.end()
    seen = {number: returned(number) for number in sender.written}
    return tuple(
        _with_return(told.get(number, SentPackets()), seen.get(number), one, listener, links)
        for number, one in enumerate(addressed)
    )


def _is_told(told: Mapping[int, SentPackets], number: int) -> bool:
    """Whether who sends it has heard of an answer, or could not send it."""
    found = told.get(number)
    return found is not None and bool(found.reply or found.refusal)


def _with_return(
    told: SentPackets,
    seen: Recognised | None,
    one: AddressedPacket,
    listener: TraceListener,
    links: Links,
) -> SentPackets:
    between = one.ends
    if seen is not None and not told.refusal:
        told = replace(told, reply=seen.reply, answered_by=seen.source, error=seen.kind)
    at = links.get(between.interface)
    if at is not None and not at.carrier and not listener.of(one.packet).sightings:
        return replace(told, refusal=without_carrier(at))
    return told


_NOTHING: Final = Recognised("back", "", "")


def _returned(heard: Heard, between: Ends) -> Recognised:
    """What came back to a sender that cannot tell: what left by where its own came in."""
    for each in heard.sightings:
        if each.what.way == "back" and each.leaves and each.interface == between.interface:
            return each.what
    return _NOTHING
