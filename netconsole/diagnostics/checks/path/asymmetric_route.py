"""A8: do replies that leave by another interface than the requests came in on arrive?"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.pings import DetourPings, Ping
from netconsole.diagnostics.parts.reverse_paths import ReversePath, ReversePaths
from netconsole.diagnostics.parts.routing import Route, Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning.filtered_paths import drops_of_path
from netconsole.diagnostics.reasoning.reverse_path import Case, asymmetric, dropped
from netconsole.diagnostics.reasoning.route_lookup import in_words, lookup, network_of, removals

ID: Final = "asymmetric_route"
TITLE = "Replies take the way that requests came"
REMEDY = (
    "Without that route the replies leave by the interface that the requests came in on. Take it "
    "out of what sets it too (a routing daemon, NetworkManager, netplan)."
)
BY_HAND = (
    "Route the replies back the way the requests came: a rule and a table of their own for the "
    "address (`ip rule add from ADDRESS lookup TABLE`), or another metric. Replies of instances "
    "are routed by their fixed address, before the floating one replaces it: name that in the rule."
)


@dataclass(frozen=True, slots=True)
class _Detour:
    """A source that comes in at one interface and is answered by another."""

    path: ReversePath
    route: Route | None
    """That takes the replies there."""
    there: Ping | None
    """Out of the interface where the requests come in."""
    around: Ping | None
    """The way that the replies take."""

    @property
    def loses(self) -> bool:
        """Whether the source answers, but hears nothing that goes the way of the replies."""
        return bool(self.there and self.there.answered and self.around and self.around.lost)


def judge(snapshot: Snapshot) -> Finding:
    """Take what the kernel says of each source, and whether packets arrive that way."""
    case = Case.of(snapshot)
    if not case.paths.interfaces:
        return Finding(ID, TITLE, "not-applicable", "No interface that is up has an IPv4 address.")
    detours, refused, seen = [], 0, snapshot.get(PacketFilter)
    for interface in case.paths.interfaces:
        in_force = case.effective(interface.name)
        for path in asymmetric(interface):
            if _is_guest(snapshot, path):
                continue  # a route that leads elsewhere than to its bridge is another check's
            if dropped(path, in_force) or (seen and any(drops_of_path(seen, path))):
                refused += 1
            else:
                detours.append(_detour(snapshot, path))
    losing = [each for each in detours if each.loses]
    rows = tuple(row for each in losing or detours for row in _rows(each))
    if losing:
        return _lost(snapshot, losing, rows)
    if detours:
        return _uneven(detours, rows)
    because = "Every source known on an interface is answered through that interface"
    because += f", or refused there, which is rp_filter's ({refused})." if refused else "."
    return Finding(ID, TITLE, "ok", because)


def _is_guest(snapshot: Snapshot, path: ReversePath) -> bool:
    host = snapshot.get(Backend)
    return host is not None and any(
        path.interface == each.bridge and IPv4Address(path.source) in IPv4Network(each.cidr)
        for each in host.status.networks
    )


def _detour(snapshot: Snapshot, path: ReversePath) -> _Detour:
    sent = snapshot.get(DetourPings)
    pings = [ping for ping in (sent.pings if sent else ()) if ping.target == path.source]
    there = next((ping for ping in pings if ping.interface == path.interface), None)
    around = next((ping for ping in pings if ping.source == path.destination), None)
    route = lookup(snapshot.part(Routing), path.source, path.destination)
    return _Detour(path, route, there, around)


def _rows(detour: _Detour) -> list[Evidence]:
    path = detour.path
    route = in_words(detour.route) if detour.route else "not found in the tables"
    rows = [
        Evidence(f"{path.source} comes in at", path.interface, note=f"known as {path.known_as}"),
        Evidence("and is answered through", path.returns_by, path.interface, route),
    ]
    if detour.there:
        rows.append(Evidence(f"ping out of {path.interface}", detour.there.told))
    if detour.around:
        label = f"ping from {path.destination} out of {path.returns_by}"
        rows.append(Evidence(label, detour.around.told))
    return rows


def _lost(snapshot: Snapshot, losing: list[_Detour], rows: tuple[Evidence, ...]) -> Finding:
    path = losing[0].path
    because = (
        f"{path.source} comes in at {path.interface} and is answered through {path.returns_by}, "
        f"where packets from {path.destination} are lost: it answers pings that leave by "
        f"{path.interface}, and none that take the way of the replies. Someone beyond "
        f"{path.returns_by} refuses that source address, or sees half of a connection."
    )
    routes = [each.route for each in losing if each.route and _curable(snapshot, each)]
    fix = removals(routes)
    out = (
        "rp_filter: the filter of this host lets the packets in",
        f"a silent source: {path.source} answers by the other way",
    )
    remedy = REMEDY if fix else BY_HAND
    return Finding(ID, TITLE, "fail", because, rows, out, fix, remedy=remedy)


def _curable(snapshot: Snapshot, detour: _Detour) -> bool:
    """Whether without that route the replies would leave where the requests came in."""
    routing, route, path = snapshot.part(Routing), detour.route, detour.path
    if route is None or route.protocol == "kernel" or not network_of(route.destination).prefixlen:
        return False
    rest = tuple(each for each in routing.routes if each != route)
    without = Routing(routing.addresses, rest, routing.rules, routing.neighbours)
    then = lookup(without, path.source, path.destination)
    return then is not None and then.interface == path.interface


def _uneven(detours: list[_Detour], rows: tuple[Evidence, ...]) -> Finding:
    path = detours[0].path
    arrives = detours[0].around is not None and detours[0].around.answered
    because = (
        f"{path.source} comes in at {path.interface} and is answered through {path.returns_by}. "
        "This host lets it in; whether a firewall or router on the other way minds is "
        + ("answered by a ping: it does not." if arrives else "not known here.")
    )
    return Finding(ID, TITLE, "info", because, rows, confidence="possible")


PAGE = Explanation(
    symptom="Requests arrive, as captures on the inbound interface and on the instance show, and "
    "the sender gets no answer; or a connection stops after its handshake. Often with two uplinks.",
    cause="The route back to the sender leaves by another interface. A reverse path filter that "
    "is off or loose lets the request in, but the reply, under an address of the first network, "
    "goes out into the second: its router refuses a foreign source (BCP 38), or a firewall there "
    "has not seen the connection begin.",
    evidence="For every neighbour and gateway of every interface, the kernel is asked how it would "
    "answer it. A difference alone is worth a note, no fault: many networks are built so. Where "
    "probes are allowed, the source is pinged both ways, out of the interface where it comes in, "
    "and from that interface's address along the way of the replies: answered and not answered is "
    "the loss.",
    look_alikes=(
        ("rp_filter", "this host itself drops the request, and counts it."),
        ("egress_source", "replies arrive, from an unexpected address."),
        ("upstream_arp", "replies leave by the right interface, and what comes back goes astray."),
        ("conntrack_invalid", "this host has not seen the connection begin: the counter rises."),
    ),
    cure="The route that diverts the replies is deleted, where another leads back the right way; "
    "it can be put back as it was. Otherwise a rule for the address, with a table of its own. "
    "Replies of instances are routed by their fixed address: NAT comes after routing.",
    source="ip-rule(8), ip-route(8); RFC 2827 (BCP 38), RFC 3704",
)

CHECK = Check(
    ID,
    ("A8",),
    TITLE,
    frozenset({ReversePaths, Routing, Links, Sysctls, DropIns}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Backend, DetourPings, PacketFilter}),
    reach=Reach.HOST,
    wrong="Replies take another way than requests, and are lost there",
)
