"""Sends a packet from an instance, this host or outside, follows it, and says what became of it."""

import secrets
import socket
from collections.abc import Sequence
from typing import Final

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import decoded
from netconsole.backend.model.trace_table import is_trace_table
from netconsole.backend.survey.status import Status
from netconsole.backend.system.privileges import lacking
from netconsole.diagnostics.parts.journey import Hop, Journey, Reply
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.tracing import following
from netconsole.diagnostics.tracing.attachments import read_attached
from netconsole.diagnostics.tracing.ending import NextHop, TraceOutcome, ending
from netconsole.diagnostics.tracing.ends import Ends, TraceRequest, ends
from netconsole.diagnostics.tracing.heard import Heard
from netconsole.diagnostics.tracing.hindrances import concerned, hindrances, standstill
from netconsole.diagnostics.tracing.listening import TraceListener
from netconsole.diagnostics.tracing.marking import marking
from netconsole.diagnostics.tracing.next_hops import read_next_hop
from netconsole.diagnostics.tracing.rule_texts import read_rule_texts
from netconsole.diagnostics.tracing.sending import sending, source_told
from netconsole.diagnostics.tracing.trace_messages import rules_met
from netconsole.diagnostics.tracing.traced_packet import TracedPacket

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
    seen = [each.name for each in _watched(between, status, links)]
    ingress = [name for name in seen if '"' not in name]  # nft(8) has no words for such a name
    with TraceListener(packet, seen) as listener, marking(packet.matches(), ingress):
        source, refusal, heard = _sent(between, packet, listener)
    names = dict(socket.if_nameindex())
    met = [each for each in heard.messages if not is_trace_table(each.table)]
    texts = read_rule_texts(rules_met(met))
    ways = following.Interfaces(
        names, {each.name: each.master for each in links.links if each.master}
    )
    hops = following.hops(Heard(met, heard.sightings), packet, ways, texts.rule)
    begun = Hop("there", "sent", between.name, source, between.destination)
    return _journey(request, between, (begun, *hops), heard, refusal, links, texts.unread)


def _journey(
    request: TraceRequest,
    between: Ends,
    hops: tuple[Hop, ...],
    heard: Heard,
    refusal: str,
    links: Links,
    unseen: tuple[str, ...],
) -> Journey:
    source = hops[0].source
    reply, by, error = _reply(heard, between)
    next_hop = NextHop() if reply or refusal else _next_hop(hops, links)
    asked = heard.unanswered(between.interface)
    is_lost = not (reply or refusal or any(hop.ends for hop in hops))
    found = _hindrances(hops, between, next_hop, asked, links) if is_lost else ()
    outcome = TraceOutcome(
        *(hops, reply, by, error, request.protocol, request.port, between.destination),
        *(between.name, between.interface, between.receiver, next_hop),
        *(asked, found),
    )
    because = f"{between.name} cannot send it: {refusal}" if refusal else ending(outcome)
    return Journey(
        *(between.name, source, between.destination, request.protocol, request.port, hops),
        *(reply, by, because, unseen),
    )


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
    return tuple(hindrances(stopped, arrived, links, read_attached(concerned(stopped))))


def _next_hop(hops: Sequence[Hop], links: Links) -> NextHop:
    """Ask where what was seen last is sent on: its addresses may be translated by then."""
    last = hops[-1]
    link = links.get(last.interface)
    into = (link.master or link.name) if link else ""
    return read_next_hop(last.source, last.destination, into)


def _watched(between: Ends, status: Status, links: Links) -> tuple[KernelLink, ...]:
    """Return the interfaces at which it may come by: not the ports of other instances."""
    own = {between.interface, between.receiver}
    others = {each.device for each in status.allocations} - own
    found = [each for each in links.links if each.up and each.name not in (*others, "lo")]
    return tuple(found[:MOST_INTERFACES])


def _sent(between: Ends, packet: TracedPacket, listener: TraceListener) -> tuple[str, str, Heard]:
    """Send it, and listen; return the source, why it could not be sent, and what was heard."""
    with sending(between, packet, COUNT, PAUSE_SECONDS) as sender:
        listener.hear(
            START_SECONDS, lambda heard: bool(heard.sightings) or sender.poll() is not None
        )
        seconds = COUNT * PAUSE_SECONDS + LAST_SECONDS
        heard = listener.hear(seconds, lambda found: bool(_reply(found, between)[0]))
        sender.kill()
        told, said = sender.communicate()
    source = source_told(told)
    return source or between.source, "" if source else " ".join(decoded(said).split()), heard


def _reply(heard: Heard, between: Ends) -> tuple[Reply, str, tuple[int, int] | None]:
    """What came back to the sender: leaving by where it came in, or coming in to this host."""
    for each in heard.sightings:
        is_there = each.leaves and each.interface == between.interface
        if each.what.way == "back" and (is_there or not between.interface):
            return each.what.reply, each.what.source, each.what.kind
    return "", "", None
