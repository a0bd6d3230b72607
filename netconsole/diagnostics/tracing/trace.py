"""Sends packets from instances, this host or outside, and says what became of each."""

import secrets
import socket
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.model.trace_table import is_trace_table
from netconsole.backend.survey.status import Status
from netconsole.backend.system.privileges import lacking
from netconsole.diagnostics.parts.journey import Hop, Journey, KernelDrop, Way
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.tracing import following
from netconsole.diagnostics.tracing.attachments import read_attached
from netconsole.diagnostics.tracing.drop_events import BufferEvent, kernel_drop, lengths
from netconsole.diagnostics.tracing.ending import Ending, NextHop, TraceOutcome, cannot_send, ending
from netconsole.diagnostics.tracing.ends import Ends, TraceRequest, ends
from netconsole.diagnostics.tracing.forgetting import forget_connections
from netconsole.diagnostics.tracing.heard import Heard
from netconsole.diagnostics.tracing.hindrances import concerned, hindrances, standstill
from netconsole.diagnostics.tracing.ipsec_policies import blocking_policies
from netconsole.diagnostics.tracing.kernel_drops import kernel_drops
from netconsole.diagnostics.tracing.listening import TraceListener
from netconsole.diagnostics.tracing.marking import HANDED, ROUTED, Marked, marking
from netconsole.diagnostics.tracing.next_hops import read_next_hop
from netconsole.diagnostics.tracing.packets import LOCAL, packet_of
from netconsole.diagnostics.tracing.rule_owners import RuleOwners
from netconsole.diagnostics.tracing.rule_texts import read_rule_texts
from netconsole.diagnostics.tracing.sending import Parcel, Sender, SentPackets, sending
from netconsole.diagnostics.tracing.trace_messages import TraceMessage, rules_met
from netconsole.diagnostics.tracing.traced_packet import Recognised, Traceable, TracedPacket
from netconsole.diagnostics.tracing.untraced_tables import read_tables_of_arp, read_untraced_tables

COUNT: Final = 3
"""Packets sent at most: a neighbour may have to be asked for before the first."""
PAUSE_SECONDS: Final = 0.15
LAST_SECONDS: Final = 0.35
"""After the last, for what comes back."""
LONGEST_SECONDS: Final = 4.0
"""In which all are sent, also on a busy host."""
MOST_INTERFACES: Final = 32


def trace(request: TraceRequest, status: Status, links: Links, routing: Routing) -> Journey:
    """Send it, and return what became of it; takes less than a second.

    What is made for it is gone afterwards, also where this process is killed. Raises NotFound for
    an instance that is not here, InvalidValue, Unavailable where this host traces nothing.
    """
    (found,) = trace_all((request,), status, links, routing)
    if isinstance(found, NetconsoleError):
        raise found
    return found


def trace_all(
    requests: Sequence[TraceRequest], status: Status, links: Links, routing: Routing
) -> tuple[Journey | NetconsoleError, ...]:
    """Send them all at the same time, and return what became of each, or why it was not sent.

    Takes hardly longer than one: one table marks them all, and one process sends them. Raises
    Unavailable where this host traces nothing.
    """
    if (reason := lacking()) is not None:
        raise Unavailable(reason)
    found: dict[int, Journey | NetconsoleError] = {}
    parcels: dict[int, Parcel] = {}
    for number, request in enumerate(requests):
        try:
            parcels[number] = _parcel(request, status, links, routing)
        except NetconsoleError as error:
            found[number] = error
    if parcels:
        found.update(_journeys(requests, parcels, status, links))
    return tuple(found[number] for number in range(len(requests)))


def _journeys(
    requests: Sequence[TraceRequest],
    parcels: Mapping[int, Parcel],
    status: Status,
    links: Links,
) -> dict[int, Journey]:
    """Follow them; once more, and fewer, those that got lost when not all was heard of them.

    Those are others then: of the first packet of a connection alone the table nat is asked.
    """
    followed, is_whole = _followed(tuple(parcels.values()), status, links)
    found = dict(zip(parcels, followed, strict=True))
    lost = {
        number: _packed(requests[number], each.parcel.ends)
        for number, each in found.items()
        if _is_lost(each)
    }
    if lost and not is_whole and len(lost) < len(parcels):
        again, _ = _followed(tuple(lost.values()), status, links)
        found.update(zip(lost, again, strict=True))
    return {number: _journey(requests[number], each, links) for number, each in found.items()}


def _parcel(request: TraceRequest, status: Status, links: Links, routing: Routing) -> Parcel:
    return _packed(request, ends(request, status, links, routing))


def _packed(request: TraceRequest, between: Ends) -> Parcel:
    return Parcel(between, packet_of(request, between, secrets.randbits(31) | 1))


@dataclass(frozen=True, slots=True)
class _FollowedParcel:
    """What became of one that was sent."""

    parcel: Parcel
    heard: Heard
    told: SentPackets
    hops: tuple[Hop, ...]
    unseen: tuple[str, ...]
    dropped: KernelDrop | None
    """Where the kernel gave one up."""
    unheard: str
    """Why nothing was heard of that."""


def _is_lost(each: _FollowedParcel) -> bool:
    return not (each.told.reply or each.told.refusal or any(hop.ends for hop in each.hops))


def _followed(
    parcels: Sequence[Parcel], status: Status, links: Links
) -> tuple[tuple[_FollowedParcel, ...], bool]:
    """Send these and return what became of them, and whether all was heard that was told of it."""
    packets = [each.packet for each in parcels]
    watchable = [each.name for each in _watchable(parcels, status, links)]
    seen = watchable[:MOST_INTERFACES]
    ingress = [name for name in seen if '"' not in name]  # nft(8) has no words for such a name
    marked = Marked(
        tuple(match for each in packets for match in each.matches()),
        tuple(match for each in packets for match in each.arp_matches()),
    )
    long = {each for one in packets if isinstance(one, TracedPacket) for each in lengths(one)}
    with (
        sending(parcels, COUNT, PAUSE_SECONDS, LAST_SECONDS) as sender,
        TraceListener(packets, seen) as listener,
        marking(marked, ingress),
        kernel_drops(seen, long) as drops,
    ):
        told = _sent(parcels, sender, listener, links)
        freed = drops.events()
        heard = _heard(listener, packets)
    names = dict(socket.if_nameindex())
    texts = read_rule_texts(rules_met(_of_others(one for each in heard for one in each.messages)))
    ways = following.Interfaces(names, _bridges(links))
    unwatched = len(watchable) - len(seen)
    too_many = (
        (f"{unwatched} of {len(watchable)} interfaces were not watched",) if unwatched else ()
    )
    missed = () if listener.is_whole else ("rules: the kernel told of more than could be heard",)
    unseen = (*read_untraced_tables(), *texts.unread, *too_many, *missed)
    owners = RuleOwners.of(status)
    found = []
    for parcel, known, each in zip(parcels, heard, told, strict=True):
        met = Heard(_of_others(known.messages), known.sightings)
        hops = following.hops(met, parcel.packet, ways, texts.rule)
        journey = (_begun(parcel, each), *owners.named(hops))
        given_up = _given_up(parcel.packet, known, freed, drops.ahead)
        found.append(_FollowedParcel(parcel, known, each, journey, unseen, given_up, drops.unheard))
    _forget(found)
    return tuple(found), listener.is_whole


def _heard(listener: TraceListener, packets: Sequence[Traceable]) -> list[Heard]:
    """Return what was heard and seen of each of them."""
    own = following.by_packet(listener.messages(), packets)
    return [
        replace(listener.of(packet), messages=mine)
        for packet, mine in zip(packets, own, strict=True)
    ]


def _of_others(messages: Iterable[TraceMessage]) -> list[TraceMessage]:
    """Leave out what was met in our own tables."""
    return [each for each in messages if not is_trace_table(each.table)]


def _begun(parcel: Parcel, told: SentPackets) -> Hop:
    between = parcel.ends
    source = told.source or between.source
    return Hop("there", "sent", between.name, source, between.destination)


def _given_up(
    packet: Traceable, heard: Heard, freed: Sequence[BufferEvent], ahead: int
) -> KernelDrop | None:
    if not isinstance(packet, TracedPacket):
        return None
    return kernel_drop(freed, heard.sightings, packet, ahead)


def _forget(followed: Iterable[_FollowedParcel]) -> None:
    forget_connections(
        (each.hops[0].source, each.parcel.packet)
        for each in followed
        if isinstance(each.parcel.packet, TracedPacket)
        # who answers a segment of TCP may do so again, which would belong to no connection then
        and each.parcel.packet.protocol != "tcp"
        and each.hops[0].source
    )


def _journey(request: TraceRequest, followed: _FollowedParcel, links: Links) -> Journey:
    between, told, hops = followed.parcel.ends, followed.told, followed.hops
    outcome, unseen = _outcome(request, followed, links), followed.unseen
    if _is_lost(followed) and followed.unheard:
        unseen = (*unseen, f"why the kernel gives packets up: {followed.unheard}")
    is_refused = told.refusal and not any(hop.ends for hop in hops)
    end = (
        Ending("unsent", cannot_send(between.name, told.refusal)) if is_refused else ending(outcome)
    )
    return Journey(
        sender=between.name,
        source=hops[0].source,
        destination=between.destination,
        protocol=request.protocol,
        port=request.port,
        hops=hops,
        reply=told.reply,
        answered_by=told.answered_by,
        because=end.because,
        unseen=unseen,
        is_handed=outcome.is_handed,
        end=end.kind,
        kernel_drop=outcome.kernel_drop,
    )


def _outcome(request: TraceRequest, followed: _FollowedParcel, links: Links) -> TraceOutcome:
    between, told, hops = followed.parcel.ends, followed.told, followed.hops
    packet, heard = followed.parcel.packet, followed.heard
    is_lost = _is_lost(followed)
    is_routed = request.protocol not in LOCAL
    next_hop = _next_hop(hops, heard, packet, links) if is_lost and is_routed else NextHop()
    asked = heard.unanswered(between.interface) if is_routed else ""
    found = (
        (*_hindrances(hops, between, next_hop, asked, links), *followed.unseen) if is_lost else ()
    )
    if is_lost and is_routed and hops[-1].source:
        found += blocking_policies(hops[-1].source, hops[-1].destination)
    if is_lost and (next_hop.is_silent or (asked and len(hops) == 1)):
        found += read_tables_of_arp(guards=not next_hop.is_silent)
    return TraceOutcome(
        hops=hops,
        reply=told.reply,
        answered_by=told.answered_by,
        error=told.error,
        protocol=request.protocol,
        port=request.port,
        destination=between.destination,
        sender=between.name,
        first=between.interface,
        receiver=between.receiver,
        next_hop=next_hop,
        is_handed=_through(heard, packet, "there", (HANDED,)) is not None,
        unanswered=asked,
        hindrances=found,
        bridge_of=_bridges(links),
        is_written=told.is_written,
        kernel_drop=_ended_by_kernel(followed) if is_lost else None,
    )


def _ended_by_kernel(followed: _FollowedParcel) -> KernelDrop | None:
    """What the kernel gave up on the way that was the last: the packet itself, or the answer."""
    found = followed.dropped
    return found if found is not None and found.way == followed.hops[-1].way else None


def _bridges(links: Links) -> dict[str, str]:
    return {each.name: each.master for each in links.links if each.master}


def _through(
    heard: Heard, packet: Traceable, way: Way, chains: Container[str]
) -> following.Traversal | None:
    """How it came through a chain of ours, which is after all others of its hook."""
    found = (
        met
        for met in following.traversals(heard.messages, packet)
        if is_trace_table(met.messages[0].table) and met.messages[0].chain in chains
    )
    return next((met for met in found if met.what.way == way), None)


def _hindrances(
    hops: Sequence[Hop], between: Ends, next_hop: NextHop, asked: str, links: Links
) -> tuple[str, ...]:
    """What takes packets where it was seen last, or was to be seen next; `asked` is for whom a
    question of ARP was seen where it comes in."""
    is_back = hops[-1].way == "back"
    first, onward = between.interface, between.receiver or next_hop.interface
    if is_back:
        onward = between.interface
    stopped = standstill(hops, first, onward)
    arrived = bool(asked) or any(hop.kind == "arrived" for hop in hops)
    found = hindrances(stopped, arrived, links, read_attached(concerned(stopped)))
    port = links.get(between.interface)
    if between.guest_mac and port is not None and not port.master:
        return (*found, f"{port.name} is a port of no bridge")
    return tuple(found)


def _next_hop(hops: Sequence[Hop], heard: Heard, packet: Traceable, links: Links) -> NextHop:
    """Ask where what was seen last is sent on, as it was when it was routed.

    What left by a bridge was routed before. Of what came in and was not routed nobody knows.
    """
    last = hops[-1]
    if last.kind == "left":
        link = links.get(last.interface)
        into = (link.master or link.name) if link else ""
        return read_next_hop(last.source, last.destination, into)
    routed = _through(heard, packet, last.way, ROUTED)
    if routed is None:
        return NextHop()
    into = dict(socket.if_nameindex()).get(routed.into, "")
    what = routed.what
    return read_next_hop(what.source, what.destination, into, routed.messages[-1].mark)


def _watchable(parcels: Sequence[Parcel], status: Status, links: Links) -> tuple[KernelLink, ...]:
    """Return the interfaces at which one may come by, the likeliest first: not the ports of other
    instances, and after all others the ports of anything else."""
    own = {name for each in parcels for name in (each.ends.interface, each.ends.receiver)}
    others = {each.device for each in status.allocations} - own
    found = [each for each in links.links if each.up and each.name not in (*others, "lo")]
    likely = own | {each.master for each in found if each.name in own}
    likely.add(status.host.public_interface)
    return tuple(sorted(found, key=lambda each: (each.name not in likely, bool(each.master))))


def _sent(
    parcels: Sequence[Parcel], sender: Sender, listener: TraceListener, links: Links
) -> tuple[SentPackets, ...]:
    """Send them, and listen; return what who sends has told, and was seen to come back."""

    def returned(number: int) -> Recognised:
        return _returned(listener.of(parcels[number].packet), parcels[number].ends)

    def is_enough() -> bool:
        told = sender.told()
        return sender.is_done or all(
            returned(number).reply if number in sender.written else _is_told(told, number)
            for number in range(len(parcels))
        )

    sender.begin()
    listener.hear(LONGEST_SECONDS, is_enough)
    told = sender.end()
    seen = {number: returned(number) for number in sender.written}
    return tuple(
        _with_return(told.get(number, SentPackets()), seen.get(number), parcel, listener, links)
        for number, parcel in enumerate(parcels)
    )


def _is_told(told: Mapping[int, SentPackets], number: int) -> bool:
    """Whether who sends it has heard of an answer, or could not send it."""
    found = told.get(number)
    return found is not None and bool(found.reply or found.refusal)


def _with_return(
    told: SentPackets,
    seen: Recognised | None,
    parcel: Parcel,
    listener: TraceListener,
    links: Links,
) -> SentPackets:
    between = parcel.ends
    if seen is not None and not told.refusal:
        told = replace(told, reply=seen.reply, answered_by=seen.source, error=seen.kind)
    at = links.get(between.interface)
    if at is not None and not at.carrier and not listener.of(parcel.packet).sightings:
        return replace(told, refusal=f"{at.name} has no carrier: nobody is at its other end")
    return told


_NOTHING: Final = Recognised("back", "", "")


def _returned(heard: Heard, between: Ends) -> Recognised:
    """What came back to a sender that cannot tell: what left by where its own came in."""
    for each in heard.sightings:
        if each.what.way == "back" and each.leaves and each.interface == between.interface:
            return each.what
    return _NOTHING
