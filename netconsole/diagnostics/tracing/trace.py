"""Sends a packet from an instance, this host or outside, follows it, and says what became of it."""

import secrets
import socket
from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Final

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.trace_table import is_trace_table
from netconsole.backend.survey.status import Status
from netconsole.backend.system.privileges import lacking
from netconsole.diagnostics.parts.journey import Hop, Journey, Way
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.tracing import following
from netconsole.diagnostics.tracing.attachments import read_attached
from netconsole.diagnostics.tracing.ending import NextHop, TraceOutcome, cannot_send, ending
from netconsole.diagnostics.tracing.ends import Ends, TraceRequest, ends
from netconsole.diagnostics.tracing.heard import Heard
from netconsole.diagnostics.tracing.hindrances import concerned, hindrances, standstill
from netconsole.diagnostics.tracing.listening import TraceListener
from netconsole.diagnostics.tracing.marking import HANDED, ROUTED, marking
from netconsole.diagnostics.tracing.next_hops import read_next_hop
from netconsole.diagnostics.tracing.rule_texts import read_rule_texts
from netconsole.diagnostics.tracing.sending import SentPackets, sending
from netconsole.diagnostics.tracing.trace_messages import rules_met
from netconsole.diagnostics.tracing.traced_packet import Recognised, TracedPacket
from netconsole.diagnostics.tracing.untraced_tables import read_tables_of_arp, read_untraced_tables

COUNT: Final = 3
"""Packets sent at most: a neighbour may have to be asked for before the first."""
PAUSE_SECONDS: Final = 0.15
LAST_SECONDS: Final = 0.35
"""After the last, for what comes back."""
START_SECONDS: Final = 3.0
"""In which the sender has begun, also on a busy host."""
MOST_INTERFACES: Final = 32


def trace(request: TraceRequest, status: Status, links: Links, routing: Routing) -> Journey:
    """Send it, and return what became of it; takes less than a second.

    What is made for it is gone afterwards, also where this process is killed. Raises NotFound for
    an instance that is not here, InvalidValue, Unavailable where this host traces nothing.
    """
    if (reason := lacking()) is not None:
        raise Unavailable(reason)
    between = ends(request, status, links, routing)
    mark = secrets.randbits(31) | 1
    packet = TracedPacket(request.protocol, between.destination, request.port, mark)
    watchable = [each.name for each in _watchable(between, status, links)]
    seen = watchable[:MOST_INTERFACES]
    ingress = [name for name in seen if '"' not in name]  # nft(8) has no words for such a name
    with TraceListener(packet, seen) as listener, marking(packet.matches(), ingress):
        told, heard = _sent(between, packet, listener, links)
    names = dict(socket.if_nameindex())
    met = [each for each in heard.messages if not is_trace_table(each.table)]
    texts = read_rule_texts(rules_met(met))
    ways = following.Interfaces(names, _bridges(links))
    hops = following.hops(Heard(met, heard.sightings), packet, ways, texts.rule)
    begun = Hop("there", "sent", between.name, told.source or between.source, between.destination)
    unwatched = len(watchable) - len(seen)
    too_many = (
        (f"{unwatched} of {len(watchable)} interfaces were not watched",) if unwatched else ()
    )
    unseen = (*read_untraced_tables(), *texts.unread, *too_many)
    return _journey(packet, between, (begun, *hops), heard, told, links, unseen)


def _journey(
    packet: TracedPacket,
    between: Ends,
    hops: tuple[Hop, ...],
    heard: Heard,
    told: SentPackets,
    links: Links,
    unseen: tuple[str, ...],
) -> Journey:
    is_dropped = any(hop.ends for hop in hops)
    is_lost = not (told.reply or told.refusal or is_dropped)
    next_hop = _next_hop(hops, heard, packet, links) if is_lost else NextHop()
    asked = heard.unanswered(between.interface)
    found = (*_hindrances(hops, between, next_hop, asked, links), *unseen) if is_lost else ()
    if is_lost and (next_hop.is_silent or (asked and len(hops) == 1)):
        found += read_tables_of_arp(guards=not next_hop.is_silent)
    is_handed = _through(heard, packet, "there", (HANDED,)) is not None
    outcome = TraceOutcome(
        *(hops, told.reply, told.answered_by, told.error, packet.protocol, packet.port),
        between.destination,
        *(between.name, between.interface, between.receiver, next_hop),
        *(is_handed, asked, found),
        *(_bridges(links), told.is_written),
    )
    is_refused = told.refusal and not is_dropped
    because = cannot_send(between.name, told.refusal) if is_refused else ending(outcome)
    return Journey(
        *(between.name, hops[0].source, between.destination, packet.protocol, packet.port),
        *(hops, told.reply, told.answered_by, because, unseen),
        is_handed=is_handed,
    )


def _bridges(links: Links) -> dict[str, str]:
    return {each.name: each.master for each in links.links if each.master}


def _through(
    heard: Heard, packet: TracedPacket, way: Way, chains: Container[str]
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


def _next_hop(hops: Sequence[Hop], heard: Heard, packet: TracedPacket, links: Links) -> NextHop:
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


def _watchable(between: Ends, status: Status, links: Links) -> tuple[KernelLink, ...]:
    """Return the interfaces at which it may come by, the likeliest first: not the ports of other
    instances, and after all others the ports of anything else."""
    own = {between.interface, between.receiver}
    others = {each.device for each in status.allocations} - own
    found = [each for each in links.links if each.up and each.name not in (*others, "lo")]
    likely = own | {each.master for each in found if each.name in own}
    likely.add(status.host.public_interface)
    return tuple(sorted(found, key=lambda each: (each.name not in likely, bool(each.master))))


def _sent(
    between: Ends, packet: TracedPacket, listener: TraceListener, links: Links
) -> tuple[SentPackets, Heard]:
    """Send it, and listen; return what who sends has told, and what was heard."""
    with sending(between, packet, COUNT, PAUSE_SECONDS, LAST_SECONDS) as sender:
        listener.hear(START_SECONDS, lambda heard: bool(heard.sightings) or sender.is_done)
        seconds = COUNT * PAUSE_SECONDS + LAST_SECONDS
        if sender.listens:
            heard = listener.hear(seconds + LAST_SECONDS, lambda _: sender.is_done)
            return sender.end(), heard
        heard = listener.hear(seconds, lambda found: bool(_returned(found, between).reply))
        told, seen = sender.end(), _returned(heard, between)
    at = links.get(between.interface)
    if not heard.sightings and at is not None and not at.carrier:
        nobody = f"{at.name} has no carrier: nobody is at its other end"
        return replace(told, refusal=nobody), heard
    return SentPackets(
        *(told.source, told.refusal, seen.reply, seen.source, seen.kind), is_written=True
    ), heard


_NOTHING: Final = Recognised("back", "", "")


def _returned(heard: Heard, between: Ends) -> Recognised:
    """What came back to a sender that cannot tell: what left by where its own came in."""
    for each in heard.sightings:
        if each.what.way == "back" and each.leaves and each.interface == between.interface:
            return each.what
    return _NOTHING
