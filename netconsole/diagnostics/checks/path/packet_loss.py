"""Do packets get lost on their way through this host, and between which interfaces?"""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.model.phrases import count
from netconsole.capture.comparison import PairReport, PointReport, Way
from netconsole.diagnostics.checks.bridges import (
    bridge,
    bridge_nf,
    drops,
    fdb,
    guards,
    hairpin,
    stp,
    vlan,
)
from netconsole.diagnostics.checks.dhcp import (
    address_conflict,
    dhcp_firewall,
    dhcp_hosts,
    dhcp_rogue,
    dns,
    dnsmasq_load,
    dnsmasq_processes,
)
from netconsole.diagnostics.checks.filters import forward_filter, group_rules, legacy_filter
from netconsole.diagnostics.checks.floating import (
    conntrack_stale,
    egress_source,
    floating_address,
    floating_nat,
    ingress_destination,
    upstream_arp,
)
from netconsole.diagnostics.checks.host import duplicate_address, kernel_settings, own_address
from netconsole.diagnostics.checks.path import (
    arp_answers,
    arp_flux,
    asymmetric_route,
    conntrack_full,
    gateway,
    ip_forward,
    metadata,
    neighbour_table,
    neighbours,
    proxy_arp,
    routes,
    rp_filter,
    uplink,
)
from netconsole.diagnostics.model.aside import aside
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Confidence, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import NOT_ASKED, NOT_SENT, Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guests import GuestAnswers
from netconsole.diagnostics.parts.journeys import Journeys, Purpose
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.traffic import Traffic
from netconsole.diagnostics.reasoning.guest_trouble import ailing
from netconsole.diagnostics.reasoning.lost_paths import (
    LostPaths,
    in_words,
    lost_at_neighbours,
    lost_paths,
)
from netconsole.diagnostics.reasoning.lost_words import remedy_of, rows_of, sentence

ID: Final = "packet_loss"
_MOST_TOLD: Final = 2
_CAUSES: Final = (
    *(ip_forward.CHECK, gateway.CHECK, uplink.CHECK, routes.CHECK, rp_filter.CHECK),
    *(forward_filter.CHECK, legacy_filter.CHECK, dhcp_firewall.CHECK, bridge_nf.CHECK),
    *(bridge.CHECK, vlan.CHECK, guards.CHECK, drops.CHECK, fdb.CHECK, stp.CHECK),
    *(group_rules.CHECK, conntrack_full.CHECK, neighbour_table.CHECK, duplicate_address.CHECK),
    *(address_conflict.CHECK, proxy_arp.CHECK, arp_answers.CHECK, neighbours.CHECK),
    *(arp_flux.CHECK, asymmetric_route.CHECK, kernel_settings.CHECK),
)
"""Checks that are nearer to a cause: where one has found something, that comes first."""
_OF_NAMES: Final = (dnsmasq_processes.CHECK, dnsmasq_load.CHECK)
_OF_WORLD: Final = (
    *(own_address.CHECK, egress_source.CHECK, upstream_arp.CHECK),
    *(floating_nat.CHECK, floating_address.CHECK),
)
_CAUSES_OF: Final[dict[Purpose, tuple[Check, ...]]] = {
    "lease": (*_OF_NAMES, dhcp_hosts.CHECK, dhcp_rogue.CHECK),
    "names": _OF_NAMES,
    "servers": (dns.CHECK, *_OF_WORLD),
    "world": _OF_WORLD,
    "floating": (*_OF_WORLD, ingress_destination.CHECK, conntrack_stale.CHECK),
    "neighbour": (hairpin.CHECK,),
    "metadata": (metadata.CHECK,),
}
"""Those that are nearer to it on paths of one purpose."""
_NAMING_RULES: Final = (
    *(forward_filter.CHECK, legacy_filter.CHECK, dhcp_firewall.CHECK, bridge_nf.CHECK, dns.CHECK),
)
"""Those that are nearer to a rule of others that has ended packets."""
_NAMING_OURS: Final = (guards.CHECK, group_rules.CHECK)
"""Those that say which rules of ours are missing before one of ours, or a policy, that drops."""
_WARNING_OF_OTHERS: Final = (guards.ID, ip_forward.ID)
"""Those whose warnings are of what ends no packet now: who is not guarded, and the next boot."""
TITLE = "Packets pass from interface to interface"
_CONFIDENCE: dict[str, Confidence] = {"high": "certain", "medium": "likely", "low": "possible"}
_WHERE = {
    "port of": "between a port and its bridge: bridge netfilter, the port's state, VLAN filtering",
    "bridge of": "between a bridge and its port: bridge netfilter, forwarding table, port, queue",
    "ports": "between two ports of a bridge: bridge netfilter, isolation, forwarding table",
    "VLAN on": "between a VLAN device and the interface below: VLAN id, offload",
    "under VLAN": "between an interface and its VLAN device: VLAN id, filtering of the card",
    "apart": "between two interfaces: routing, reverse path filter, packet filter, NAT",
}


def judge(snapshot: Snapshot) -> Finding:
    """Say which path of the guests ends where; then between which points packets were lost."""
    tried, traffic = snapshot.get(Journeys), snapshot.get(Traffic)
    if tried is not None:
        lost = lost_paths(tried, snapshot.part(Routing), ailing(snapshot))
        if lost:
            return _ended(lost, snapshot)
        others = lost_at_neighbours(tried, snapshot.part(Routing), ailing(snapshot))
        if others and snapshot.target is not None:
            return aside(_ended(others, snapshot), snapshot.target)
    if traffic is not None:
        return _captured(traffic)
    return _all_reached(tried, snapshot)


def _ended(lost: tuple[LostPaths, ...], snapshot: Snapshot) -> Finding:
    """A packet that was sent along a path that matters ended on its way."""
    named = {each.place: nearest_cause(each, snapshot) for each in lost}
    own = [each for each in lost if not named[each.place]]
    told = own or list(lost)
    traffic = snapshot.get(Traffic)
    captured = _rows(traffic) if traffic is not None else ()
    rows = (*(row for each in told for row in rows_of(each)), *captured)
    because = " ".join(sentence(each) for each in told[:_MOST_TOLD])
    if told[_MOST_TOLD:]:
        because += f" {count(len(told) - _MOST_TOLD, 'more place')} like this below."
    if not own:
        said = f"What {named[lost[0].place]} has found comes first. {because}"
        return Finding(ID, TITLE, "info", said, rows, confidence="likely")
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy_of(own[0]))


def nearest_cause(found: LostPaths, snapshot: Snapshot, but: str = "") -> str:
    """Return the check that is nearer to the cause, and has found something; empty for none, as
    where it ended before all that others look at. `but` is one that is not asked."""
    if found.place.end == "ingress":
        return ""
    purpose = found.paths[0].purpose
    if found.place.rule is None:
        causes = (*_CAUSES, *_CAUSES_OF.get(purpose, ()))
    elif found.place.rule.owner is not None:
        causes = _NAMING_OURS
    else:
        causes = (*_NAMING_RULES, *((metadata.CHECK,) if purpose == "metadata" else ()))
    asked = (each for each in causes if each.id != but)
    return next((each.id for each in asked if _explains(each, snapshot)), "")


def _explains(check: Check, snapshot: Snapshot) -> bool:
    """Whether it has found what may end packets."""
    verdict = check.examine(snapshot).verdict
    return verdict == "fail" or (verdict == "warn" and check.id not in _WARNING_OF_OTHERS)


def _all_reached(tried: Journeys | None, snapshot: Snapshot) -> Finding:
    if tried is None:
        unread = snapshot.unread(Journeys)
        because = f"Not made: {unread.because if unread else 'nothing was sent'}."
        if unread in (None, NOT_SENT, NOT_ASKED):
            return Finding(ID, TITLE, "not-applicable", because)
        return Finding(ID, TITLE, "unknown", because)
    if not tried.paths and tried.unsent:
        because = f"The check could not be made: {'; '.join(tried.unsent)}."
        return Finding(ID, TITLE, "unknown", because)
    if not tried.paths:
        return Finding(ID, TITLE, "not-applicable", "No instance is up on this host.")
    rows = tuple(
        Evidence(in_words(each), each.journey.end, "answered", each.journey.because)
        for each in tried.paths
    )
    if tried.untried:
        rows = (*rows, Evidence("instances not tried", str(tried.untried), note="like those"))
    answered = [each for each in tried.paths if each.journey.reached]
    because = (
        f"None of {count(len(tried.paths), 'packet')} sent along the paths of guests ended on this "
        f"host, and {len(answered)} were answered."
    )
    return Finding(ID, TITLE, "ok", because, rows, ("loss inside this host",))


def _captured(traffic: Traffic) -> Finding:
    found = traffic.comparison
    rows = tuple(_rows(traffic))
    lossy = [pair for pair in found.pairs if pair.verdict.kind == "lost"]
    if lossy:
        pair = lossy[0]
        because = " ".join(
            filter(
                None,
                (
                    pair.verdict.sentence,
                    f"They vanish {_WHERE[pair.relation]}.",
                    pair.verdict.doubt,
                    _counted(traffic),
                ),
            )
        )
        confidence = _CONFIDENCE[pair.verdict.confidence]
        remedy = (
            f"The cause is {_WHERE[pair.relation]}: the checks of those say which. Save the "
            f"packets for a closer look: netconsole capture --on {pair.first} --on {pair.second} "
            "--write FILE."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=remedy, confidence=confidence)
    if all(point.packets == 0 for point in found.points):
        because = (
            f"In {found.seconds:.0f} s no packet of `{traffic.expression}` was seen at "
            f"{' or '.join(traffic.points)}: nobody sent one, or they are lost before this host."
        )
        remedy = "Let someone try while it watches: add --seconds 60."
        return Finding(ID, TITLE, "info", because, rows, remedy=remedy)
    sentences = " ".join(pair.verdict.sentence for pair in found.pairs)
    return Finding(ID, TITLE, "ok", sentences, rows, ("loss inside this host",))


def _counted(traffic: Traffic) -> str:
    """The rule of others whose counter rose with the loss, whatever it asks for."""
    if not traffic.dropping:
        return ""
    first = traffic.dropping[0]
    return f"Meanwhile {first.place} dropped {first.packets} packets: `{first.text}`."


def _rows(traffic: Traffic) -> Iterator[Evidence]:
    yield Evidence("captured", traffic.expression, note=f"for {traffic.comparison.seconds:.1f} s")
    if traffic.expression.startswith("port 53"):
        yield Evidence("queries sent", str(traffic.asked), note=traffic.asked_from)
    for rule in traffic.dropping:
        yield Evidence(rule.place, f"{rule.packets} packets dropped", "0", rule.text)
    for point in traffic.comparison.points:
        yield from _point(point)
    for pair in traffic.comparison.pairs:
        yield from _pair(pair)


def _point(point: PointReport) -> Iterator[Evidence]:
    lost = f"the capture itself lost {point.dropped}" if point.dropped else ""
    note = ", ".join(filter(None, (point.description, lost)))
    yield Evidence(f"at {point.interface}", f"{point.packets} packets", note=note)
    for exchange in point.exchanges:
        yield Evidence(
            f"{exchange.service} at {point.interface}",
            f"{exchange.answered} of {exchange.questions} answered",
            note=f"{exchange.waits.said}; {exchange.retransmissions} sent again",
        )
        for slow in exchange.slowest[:3]:
            took = "no answer" if slow.seconds is None else f"{slow.seconds * 1000:.1f} ms"
            yield Evidence(f"    {slow.what}", took, note=f"{slow.client} to {slow.server}")


def _pair(pair: PairReport) -> Iterator[Evidence]:
    for way in pair.ways:
        if way.sent or way.unseen:
            yield _way(way)
    for name, risen in pair.changed.items():
        yield Evidence(f"{name} changed", str(risen), note=f"{pair.first}, {pair.second}")


def _way(way: Way) -> Evidence:
    unseen = f"{way.unseen} seen only at {way.target}" if way.unseen else ""
    note = "; ".join(filter(None, (way.latency.said, unseen, *way.examples[:2])))
    value = f"{way.passed} of {way.sent} seen at both"
    return Evidence(f"{way.source} to {way.target}", value, f"{way.sent}", note)


PAGE = Explanation(
    symptom="Something does not get through: an instance does not reach its gateway, the world, a "
    "name server or a neighbour, or is not reached. Or names resolve after seconds, sudo and "
    "logins hang, connections stall; now and then.",
    cause="A packet that comes in at one interface and never shows at the next was dropped in "
    "between by this host: by a rule of any family and hook (iptables, nftables, ebtables, "
    "arptables), by a program of XDP, a queueing discipline, the flag of a port, or for want of a "
    "route. A rule may also change it so that it goes astray.",
    evidence="With --probe packets are sent along every path that matters, all at once, and each "
    "is followed by the kernel's own trace (`netconsole trace` does it for one): ARP and ping to "
    "the gateway, DHCP (no lease changes), DNS by UDP and TCP, the default router by ping and TCP, "
    "floating addresses from outside by ping and by the ports that groups let in, with a request "
    "as well, and a neighbour. Six instances are tried at most: those whose addresses do not "
    "answer, and of each network one with and one without a floating address. A guest that does "
    "not answer is no fault, nor is a rule against one port of the world. "
    "In a playbook, one capture at all interfaces of the path at once besides: DNS by default, or "
    "any filter. Each packet is looked for at the next interface, by what does not change on the "
    "way; those that never come are counted, in both directions, and rules of others whose "
    "counters rose meanwhile are named, whatever they ask for. Packets that the capture itself "
    "lost are counted too: then absence is not proof.",
    look_alikes=(
        ("forward_filter", "it names what drops forwarded packets, and has a cure for some of it."),
        ("guest_answers", "the packet was handed over to the guest, and the guest is silent."),
        ("dns", "the packets pass, and the server answers late or not at all."),
        ("drops", "a queue overflows under load: the interface's own counters rise."),
    ),
    cure="What drops them. The finding names it with its table, chain and handle, and whose it is; "
    "rules of others are not taken away. Between a port and its bridge that is most often bridge "
    "netfilter (bridge_nf): switching it off, as the guide does, also switches off security groups "
    "and anti-spoofing for bridged traffic, so rather accept the traffic.",
    source="nft(8), meta nftrace; packet(7), pcap-filter(7); Linux "
    "Documentation/networking/packet_mmap.rst",
)

CHECK = Check(
    *(ID, (), TITLE, frozenset({Backend, Links, Routing}), 4.0, judge, PAGE),
    uses=frozenset({Journeys, GuestAnswers}),
    watches=frozenset({Traffic}),
    wrong="Packets do not get where they are sent",
)
