"""D2: does the router upstream send what is for a floating address to this host?"""

from collections.abc import Mapping
from typing import Final

from netconsole.backend.steps import AnnounceAddress, Plan
from netconsole.backend.survey.status import FloatingIPStatus
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswers
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.journeys import Journeys
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.pings import FloatingPings, Ping
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.lost_paths import lost_paths
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_floating

ID: Final = "upstream_arp"
TITLE = "The router upstream sends floating addresses here"
TIMES = 3
"""A broadcast can get lost; the original announces three times as well (send_arp_for_ha_count)."""
REMEDY = (
    "The address is announced by gratuitous ARP, which routers take unless they are told not to. "
    "One that does not has to forget its entry: `clear ip arp ADDRESS`, or the like, there."
)

BY_HAND: Final = (
    "Ask who runs that router whether it has a filter or a route for the address, and which "
    "hardware address it has for it (`show ip arp`, `ip neighbour`). Only if that is an old one "
    "does an announcement help: `arping -U -c {times} -I {interface} {address}`."
)


def judge(snapshot: Snapshot) -> Finding:
    """Compare what comes back for the interface's own address and for the floating ones."""
    in_use = {
        each.address: each
        for each in snapshot.part(Backend).status.floating_ips
        if each.fixed_address
    }
    if not in_use:
        return Finding(ID, TITLE, "not-applicable", "No floating address is associated.")
    pings = snapshot.part(FloatingPings).pings
    own = {ping.interface: ping for ping in pings if not ping.source}
    floating = [ping for ping in pings if ping.source in in_use]
    if not floating:
        because = "No floating address is on an interface with a router."
        return Finding(ID, TITLE, "not-applicable", because)
    rows = tuple(_row(ping) for ping in (*own.values(), *floating))
    if problem := next((ping.problem for ping in (*own.values(), *floating) if ping.problem), ""):
        return Finding(ID, TITLE, "unknown", f"Not all could be pinged: {problem}.", rows)
    heard = [ping for ping in floating if own[ping.interface].answered]
    if not heard:
        because = (
            f"The router {floating[0].target} answers no echo request, from this host's own "
            "address either, so that nothing can be concluded for the floating ones."
        )
        return Finding(ID, TITLE, "info", because, rows, confidence="possible")
    lost = [ping for ping in heard if ping.lost and not _claimed(snapshot, ping)]
    if lost and _is_dropped_here(snapshot):
        said = f"{lost[0].target} may well send them here: a rule of this host drops packets."
        return Finding(ID, TITLE, "info", said, rows, confidence="likely")
    if here := [ping for ping in lost if ping.arrived or ping.left is False]:
        return _lost_here(here[0], rows)
    if asked := [ping for ping in lost if ping.asked]:
        return _looked_for(asked[0], rows)
    if lost:
        return _failed(lost, in_use, rows)
    because = f"{heard[0].target} answers to {len(heard)} floating addresses, and the replies come."
    return Finding(ID, TITLE, "ok", because, rows)


def _is_dropped_here(snapshot: Snapshot) -> bool:
    """Whether a rule of this host ended a packet that was sent to be followed: that says why."""
    tried, routing = snapshot.get(Journeys), snapshot.part(Routing)
    return tried is not None and any(each.place.rule for each in lost_paths(tried, routing))


def _claimed(snapshot: Snapshot, ping: Ping) -> bool:
    """Whether someone answers ARP for it besides this interface: another check's."""
    answers = snapshot.get(ArpAnswers)
    return bool(answers and answers.on(ping.interface, ping.source))


def _row(ping: Ping) -> Evidence:
    source = ping.source or f"the address of {ping.interface}"
    return Evidence(f"ping to {ping.target} from {source}", ping.told, "answered")


def _lost_here(ping: Ping, rows: tuple[Evidence, ...]) -> Finding:
    """Of what this host loses itself, no router is to blame."""
    if ping.arrived:
        because = (
            f"What {ping.target} sends to {ping.source} comes in at {ping.interface}, as a look at "
            "the interface shows, and this host does not take it: no router upstream is to blame. "
            "A rule of the packet filter, the reverse path filter or a setting of ARP is."
        )
    else:
        because = (
            f"What {ping.source} sends to {ping.target} does not leave by {ping.interface}: a rule "
            "of the packet filter or a route of this host keeps it, and no router is to blame."
        )
    row = Evidence(
        f"seen at {ping.interface}",
        "an answer" if ping.arrived else "no request",
        note=f"for {ping.source}",
    )
    return Finding(ID, TITLE, "info", because, (*rows, row))


def _looked_for(ping: Ping, rows: tuple[Evidence, ...]) -> Finding:
    """Who asks for an address goes by no old entry: an announcement would change nothing."""
    because = (
        f"Somebody at {ping.interface} asks by ARP who has {ping.source}, so that the router goes "
        "by no old hardware address, and still no answer to a ping comes in: this host does not "
        "answer the question, or the router lets no answer through to that address."
    )
    row = Evidence(f"seen at {ping.interface}", "a question by ARP", note=f"for {ping.source}")
    return Finding(ID, TITLE, "info", because, (*rows, row), confidence="likely")


def _failed(
    lost: list[Ping], in_use: Mapping[str, FloatingIPStatus], rows: tuple[Evidence, ...]
) -> Finding:
    """What the router sends is cured where it is seen to go to another machine's address alone."""
    astray = [ping for ping in lost if ping.strayed]
    first = (astray or lost)[0]
    more = f" {len(lost) - 1} more fare the same." if lost[1:] else ""
    out = (
        "floating_address: the address is on the interface",
        f"the uplink and the route: {first.target} answers through the same interface",
        "duplicate_address: nobody else answers ARP for it",
    )
    if not astray:
        because = (
            f"{first.target} answers {first.interface}'s own address, and nothing of what it sends "
            f"to {first.source} arrives, to whichever hardware address, though both leave and "
            f"return by {first.interface}. The cause is upstream: it filters the address, has no "
            f"route for it, or sends it to where it was before, behind another port.{more}"
        )
        remedy = BY_HAND.format(interface=first.interface, address=first.source, times=TIMES)
        return Finding(*(ID, TITLE, "fail", because, rows, out), remedy=remedy, confidence="likely")
    because = (
        f"What {first.target} sends to {first.source} goes to {first.strayed}, and not to the "
        f"hardware address of {first.interface}: it still knows an old one, as that of the host "
        f"which had the floating address of {in_use[first.source].instance} before.{more}"
    )
    row = Evidence(f"answers to {first.source} sent to", first.strayed, "this host")
    fix = Plan(tuple(AnnounceAddress(ping.interface, ping.source, TIMES) for ping in astray))
    return Finding(ID, TITLE, "fail", because, (*rows, row), out, fix, remedy=REMEDY)


PAGE = Explanation(
    symptom="After a floating address was moved here from another host, some reach it and others "
    "do not, or nobody beyond the router does, for up to hours.",
    cause="Routers keep the hardware address of each neighbour for minutes to hours (four hours is "
    "usual). Until the entry ends or an announcement replaces it, the router sends frames for the "
    "address to its old place. The host never sees them.",
    evidence="Where probes are allowed, the interface's router is pinged, first from the "
    "interface's own address, then from each floating one, out of the same interface. Requests go "
    "the same way; the replies go where the router believes each address to be. Answered for the "
    "one and not for the other is the stale entry where the interface sees the replies go to "
    "another hardware address, as where a switch no longer knows that and sends them to every "
    "port. Where none is seen, the router may filter the range as well. "
    "What is seen to arrive at the interface, and is lost behind it, is no router's fault. "
    "The first ping also makes the router known, so that no ARP request under the floating "
    "address mends by itself what is being looked for.",
    look_alikes=(
        ("floating_address", "the address is not on the interface: nobody answers ARP for it."),
        ("duplicate_address", "another machine answers ARP for it, and would do so again."),
        ("rp_filter", "frames arrive here and are dropped, as a counter shows."),
        (
            "the router does not route the range here",
            "an announcement changes nothing, and the router has no entry for the address.",
        ),
    ),
    cure="Where the stale entry was seen, three gratuitous ARP requests for the address. They cost "
    "nothing and cannot be taken "
    "back. netconsole sends them whenever it puts a floating address on, which is why nothing has "
    "to be made permanent.",
    source="RFC 826; RFC 5227 section 3; RFC 5944 section 4.6; arping(8), -U",
)

CHECK = Check(
    ID,
    ("D2",),
    TITLE,
    frozenset({Backend, Links, Routing, FloatingPings}),
    1.5,
    judge,
    PAGE,
    uses=frozenset({ArpAnswers, Journeys}),
    narrow=narrowed(of_floating),
    wrong="The router upstream sends a floating address elsewhere",
)
