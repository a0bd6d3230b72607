"""Concludes where each packet that was followed ended, and asks the kernel what stands there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from netconsole.backend.model.phrases import command
from netconsole.diagnostics.parts.journey import Hop, Journey, KernelDrop, is_rejected
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.tracing.attachments import read_attached
from netconsole.diagnostics.tracing.bridge_entries import read_bridge_entry
from netconsole.diagnostics.tracing.ending import cannot_send, ending
from netconsole.diagnostics.tracing.ends import Ends, TraceRequest
from netconsole.diagnostics.tracing.followed_packets import FollowedPacket, is_lost
from netconsole.diagnostics.tracing.hindrances import (
    BridgeEntry,
    concerned,
    hindrances,
    standstill,
)
from netconsole.diagnostics.tracing.ipsec_policies import blocking_policies
from netconsole.diagnostics.tracing.lost_on_host import is_for_another
from netconsole.diagnostics.tracing.marking import HANDED
from netconsole.diagnostics.tracing.next_hops import is_own, read_next_hop
from netconsole.diagnostics.tracing.outcome import (
    Hindrance,
    NextHop,
    PortAnswer,
    TraceOutcome,
    until_end,
)
from netconsole.diagnostics.tracing.packets import LOCAL
from netconsole.diagnostics.tracing.routed_packets import is_bridged, next_hop_of, through
from netconsole.diagnostics.tracing.untraced_tables import read_tables_of_arp


def conclude(
    request: TraceRequest,
    followed: FollowedPacket,
    links: Links,
    asked: PortAnswer | None = None,
    following: NextHop | None = None,
) -> Journey:
    """Return its journey. Where it is lost, ask the kernel what stands there.

    `asked` is what the guest said at the port where it was handed over last, and `following` where
    it was sent on, as `sent_on` told before the guest was asked.
    """
    followed = _taken_or_not(followed, asked)
    between, told, hops = followed.ends, followed.told, followed.hops
    following = following or sent_on(request, followed, links) or NextHop()
    outcome = _outcome(request, followed, links, asked, following)
    unseen = followed.unseen
    if is_lost(followed) and followed.unheard:
        unseen = (*unseen, f"why the kernel gives packets up: {followed.unheard}")
    is_refused = told.refusal and not any(hop.ends for hop in hops)
    end = ending(outcome)
    if is_refused:
        end = cannot_send(between.name, told.refusal, told.error_number)
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
        remedy=end.remedy,
    )


def sent_on(request: TraceRequest, followed: FollowedPacket, links: Links) -> NextHop | None:
    """Return where one that is lost was sent on; None of others, and of what is not routed.

    To ask a guest tells the kernel its MAC address, so whether it knew that is asked before.
    """
    told, packet, heard = followed.told, followed.packet, followed.heard
    is_handed = through(heard, packet, "there", (HANDED,)) is not None
    lost = is_lost(followed) or is_rejected(told.reply, followed.hops, is_handed)
    if not lost or request.protocol in LOCAL:
        return None
    return next_hop_of(until_end(followed.hops, told.reply, is_handed), heard, packet, links)


def _taken_or_not(followed: FollowedPacket, asked: PortAnswer | None) -> FollowedPacket:
    """Take back the answer to what this host wrote for a guest, where it is for another's MAC."""
    is_seen_alone = followed.told.is_written and followed.told.reply
    if not is_seen_alone or not is_for_another(followed.hops[-1].mac, asked):
        return followed
    return replace(followed, told=replace(followed.told, reply="", answered_by="", error=None))


def _outcome(
    request: TraceRequest,
    followed: FollowedPacket,
    links: Links,
    asked: PortAnswer | None,
    next_hop: NextHop,
) -> TraceOutcome:
    between, told, packet, heard = followed.ends, followed.told, followed.packet, followed.heard
    is_handed = through(heard, packet, "there", (HANDED,)) is not None
    lost = is_lost(followed) or is_rejected(told.reply, followed.hops, is_handed)
    is_routed = request.protocol not in LOCAL
    unanswered = heard.unanswered(between.interface, between.asks) if is_routed else ""
    others = heard.asked_in_vain(between.interface) if between.guest_mac else ()
    standing: tuple[Hindrance, ...] = ()
    if lost:
        hops = until_end(followed.hops, told.reply, is_handed)
        standing = (*_standing(request, followed, hops, links, asked, next_hop, unanswered),)
    return TraceOutcome(
        hops=followed.hops,
        reply=told.reply,
        answered_by=told.answered_by,
        error=told.error,
        protocol=request.protocol,
        port=request.port,
        destination=between.destination,
        sender=between.name,
        first=between.interface,
        receiver=between.receiver,
        receiver_address=between.receiver_address,
        is_for_router=between.is_for_router,
        is_for_host=between.is_for_host,
        next_hop=next_hop,
        is_handed=is_handed,
        unanswered=unanswered,
        asks_instead=next(iter(others), ""),
        is_near=len(between.asks) < 2,
        receiver_asks=heard.unanswered(between.receiver, between.receiver_asks),
        is_unresolved=told.is_unresolved,
        hindrances=standing,
        bridge_of=links.bridge_of,
        is_written=told.is_written,
        kernel_drop=_ended_by_kernel(followed) if lost else None,
        is_unmarked=followed.is_unmarked,
        asked=asked,
    )


def _standing(
    request: TraceRequest,
    followed: FollowedPacket,
    hops: Sequence[Hop],
    links: Links,
    asked: PortAnswer | None,
    next_hop: NextHop,
    unanswered: str,
) -> Iterator[Hindrance]:
    """Yield what stands in the way of one that got lost, what is said first before the rest."""
    between, is_routed = followed.ends, request.protocol not in LOCAL
    yield from _hindrances(hops, followed, next_hop, unanswered, links)
    yield from _of_nobody(hops[-1], between, next_hop, unanswered)
    yield from _not_traced(followed, hops[-1], is_routed)
    is_unheard = len(hops) == 1 and bool(unanswered or followed.told.is_unresolved)
    is_nobody_there = asked is not None and not asked.macs
    if (next_hop.is_untold or is_unheard) and not is_nobody_there:
        yield from _of_arp(followed, next_hop, unanswered, links)
    if is_routed and not is_bridged(hops, links):
        yield from _of_source(hops, between)


def _not_traced(followed: FollowedPacket, last: Hop, is_routed: bool) -> tuple[Hindrance, ...]:
    """What may have taken it, and of which no trace tells."""
    unseen = (Hindrance(each, is_cause=False) for each in followed.unseen)
    found = (*followed.suspects, *unseen)
    if network := followed.ends.unserved:
        says = (
            f"{followed.ends.destination} is of network {network}, which this host does not serve"
        )
        found += (Hindrance(f"{says}: its bridge is not here", "`netconsole plan`"),)
    if is_routed and last.source:
        blocked = blocking_policies(last.source, last.destination)
        found += tuple(Hindrance(each, "`ip xfrm policy`") for each in blocked)
    return found


def _of_nobody(
    last: Hop, between: Ends, next_hop: NextHop, unanswered: str
) -> tuple[Hindrance, ...]:
    """What the store says of a destination that was next on the way, or out there."""
    is_next = between.destination in (unanswered, next_hop.address)
    if not between.vacant or not (is_next or last.kind == "left"):
        return ()
    if between.vacant_floating:
        remedy = command("floating", "associate", between.destination, "INSTANCE")
        return (Hindrance(between.vacant, remedy),)
    # a machine that is no instance may be there
    return (Hindrance(between.vacant, command("instance", "list"), is_cause=False),)


def _of_arp(
    followed: FollowedPacket, next_hop: NextHop, unanswered: str, links: Links
) -> tuple[Hindrance, ...]:
    """What keeps this host from answering a question of ARP, and the tables that may take it.

    Linux answers who it would let in: the source of the question is judged as that of a packet
    (arp_process of net/ipv4/arp.c). Our guards let by what a guest asks as itself.
    """
    between, port = followed.ends, links.get(followed.ends.interface)
    if unanswered and port is not None and port.master and is_own(unanswered):
        refusal = read_next_hop(between.source, unanswered, port.master)
        if refusal.refusal:
            route = f"`ip route get {unanswered} from {between.source} iif {port.master}`"
            return (Hindrance(refusal.refusal, refusal.remedy or route),)
    is_another = followed.heard.asks_as_another(
        between.interface, between.guest_mac, between.source
    )
    guards = not next_hop.is_untold and bool(between.receiver or is_another)
    return tuple(Hindrance(each, is_cause=False) for each in read_tables_of_arp(guards=guards))


def _of_source(hops: Sequence[Hop], between: Ends) -> tuple[Hindrance, ...]:
    """Why nobody can answer what left this host: by the source that it has then."""
    last, first = hops[-1], hops[0].source
    if (last.way, last.kind) != ("there", "left") or not between.guest_mac or between.receiver:
        return ()
    if last.source == first:
        says = f"its source is {first} still, as no rule has translated it (SNAT)"
        remedy = "`netconsole plan`"
    elif not is_own(last.source):
        says = f"its source is {last.source} by then, which is no address of this host"
        remedy = "`nft list ruleset`"
    else:
        return ()
    return (Hindrance(says, remedy, is_cause=False),)


def _ended_by_kernel(followed: FollowedPacket) -> KernelDrop | None:
    """What the kernel gave up on the way that was the last: the packet itself, or the answer."""
    found = followed.dropped
    return found if found is not None and found.way == followed.hops[-1].way else None


def _hindrances(
    hops: Sequence[Hop],
    followed: FollowedPacket,
    next_hop: NextHop,
    asked: str,
    links: Links,
) -> tuple[Hindrance, ...]:
    """What takes packets where it was seen last, or was to be seen next; `asked` is for whom a
    question of ARP was seen where it comes in."""
    way, between = hops[-1].way, followed.ends
    first, onward = between.interface, between.receiver or next_hop.interface
    if way == "back":
        onward = between.interface
    elif not onward and is_bridged(hops, links):
        onward = _by_bridge(hops[-1], links)
    port = links.get(between.interface)
    if between.guest_mac and port is not None and not port.master:
        return (Hindrance(f"{port.name} is a port of no bridge", "`netconsole plan`"),)
    stopped = standstill(hops, first, onward)
    arrived = bool(asked) or any(hop.kind == "arrived" for hop in hops)
    attached = read_attached(concerned(stopped))
    seen = [hop for hop in hops if hop.kind in ("arrived", "left")]
    entry = _entry(seen[-1], stopped.onward, links) if seen else None
    own = [each.length for each in followed.heard.sightings if each.what.way == way]
    length = max(own, default=0)
    return tuple(hindrances(stopped, arrived, links, attached, length, entry))


def _by_bridge(last: Hop, links: Links) -> str:
    """By which port the bridge sends what went no further; empty where it asks all of them."""
    at = links.get(last.interface)
    entry = read_bridge_entry(at.master or at.name, last.mac) if at and last.mac else None
    return entry.port if entry else ""


def _entry(last: Hop, onward: str, links: Links) -> BridgeEntry | None:
    """Where the bridge sends the frame that it did not send out by the port that it is for."""
    port, at = links.get(onward), links.get(last.interface)
    if not last.mac or port is None or at is None or not port.master:
        return None
    is_same = port.master in (at.name, at.master)
    return read_bridge_entry(port.master, last.mac) if is_same else None
