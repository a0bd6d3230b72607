"""A11: do the host's routes lead to its guests, and to the world?"""

from collections.abc import Iterator
from dataclasses import dataclass

from netconsole.backend.survey.status import NetworkStatus, Status
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.path.routes_astray import (
    ID,
    TITLE,
    dead_router,
    misrouted_finding,
    router_led_away,
    router_taken_here,
    unruled_finding,
)
from netconsole.diagnostics.checks.path.routes_of_own import refused_finding
from netconsole.diagnostics.checks.path.routes_to_itself import not_taken_finding
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswers
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dnsmasq_files import DnsmasqFiles
from netconsole.diagnostics.parts.guest_routes import GuestRoutes
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Route, Routing
from netconsole.diagnostics.parts.settings import Sysctls
from netconsole.diagnostics.reasoning.narrowing import (
    narrowed,
    of_instances,
    of_networks,
    of_routes,
)
from netconsole.diagnostics.reasoning.route_lookup import (
    DEAD_ENDS,
    EVERYWHERE,
    OFTEN_SET,
    in_words,
    lookup,
    network_of,
    removals,
    undoing_by_hand,
)


@dataclass(frozen=True, slots=True)
class _Rival:
    """A route that leads somewhere else than to the network that it is in."""

    network: NetworkStatus
    route: Route
    taken: str
    """An address of the network that this route decides; empty where another route does."""
    guests: tuple[str, ...]
    """The instances that it cuts off now."""


def judge(snapshot: Snapshot) -> Finding:
    """Look for routes within the networks that lead elsewhere, then at the default route."""
    host, routing = snapshot.part(Backend), snapshot.part(Routing)
    networks = host.status.networks
    if not networks:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    rivals = [*_rivals(host, routing)]
    biting = [each for each in rivals if each.guests] or [each for each in rivals if each.taken]
    if biting:
        return _astray(biting)
    for found in (
        unruled_finding(routing),
        not_taken_finding(snapshot),
        _refused(routing),
        refused_finding(snapshot),
        router_taken_here(routing),
        router_led_away(routing),
        misrouted_finding(snapshot),
        dead_router(snapshot),
    ):
        if found is not None:
            return found
    return _twice(rivals) if rivals else _well(host.status, routing)


def _rivals(host: Backend, routing: Routing) -> Iterator[_Rival]:
    bridges = {each.bridge for each in host.status.networks}
    for network in host.status.networks:
        inside = network_of(network.cidr)
        placed = [each for each in host.status.allocations if each.network == network.label]
        for route in routing.routes:
            reach = network_of(route.destination)
            elsewhere = route.kind in DEAD_ENDS or route.interface not in bridges
            if route.kind not in OFTEN_SET or not elsewhere or not reach.subnet_of(inside):
                continue
            sample = str(next(iter(reach.hosts()), reach.network_address))
            guests = tuple(
                each.instance for each in placed if lookup(routing, each.address) == route
            )
            taken = sample if guests or lookup(routing, sample) == route else ""
            yield _Rival(network, route, taken, guests)


def _rows(rivals: list[_Rival]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            f"route in {each.network.cidr}",
            in_words(each.route),
            f"dev {each.network.bridge}",
            f"table {each.route.table}, made by {each.route.protocol}",
        )
        for each in rivals
    )


def _astray(biting: list[_Rival]) -> Finding:
    first = biting[0]
    route = first.route
    where = "is dropped" if route.kind in DEAD_ENDS else f"leaves by {route.interface}"
    victims = ", ".join(dict.fromkeys(name for each in biting for name in each.guests))
    because = (
        f"The route `{in_words(route)}` is more to the point than that of {first.network.label}: "
        f"what the host sends or forwards to {route.destination} {where} instead of reaching "
        f"{first.network.bridge}. "
        + (f"Cut off: {victims}." if victims else "An instance with such an address is cut off.")
    )
    made = [each.route for each in biting if each.guests and each.route.protocol != "kernel"]
    fix = removals(made)
    remedy = (
        "Delete the route, and take it out of what sets it (a VPN, a routing daemon, "
        "NetworkManager, netplan), or it comes back."
        if made
        else f"The route comes with an address of {route.interface}: two networks have the same "
        "range. Give one of them another."
        if route.protocol == "kernel"
        else "No instance has an address there, and others may need the route: reserve those "
        "addresses (`netconsole fixed reserve ADDRESS`), or delete the route if nobody does."
    )
    out = (
        "bridge: packets do not get as far as the bridge",
        "the packet filter: the route is looked up before FORWARD",
    )
    verdict: Verdict = "fail" if any(each.guests for each in biting) else "warn"
    if made and fix is None:
        remedy = f"{undoing_by_hand(made[0])} {remedy}"
    return Finding(ID, TITLE, verdict, because, _rows(biting), out, fix, remedy=remedy)


def _twice(rivals: list[_Rival]) -> Finding:
    first = rivals[0]
    because = (
        f"{first.network.cidr} of {first.network.label} is also reached by "
        f"`{in_words(first.route)}`: this host has two networks with one range. The guests win "
        "now; the others are unreachable, and the order can change when an interface comes up."
    )
    remedy = "Give one of the two networks another range; a metric only decides who loses."
    return Finding(ID, TITLE, "warn", because, _rows(rivals), remedy=remedy)


def _refused(routing: Routing) -> Finding | None:
    """Of a default route that leads nowhere."""
    defaults = _defaults(routing)
    main = [each for each in defaults if each.table == "main"]
    first = min(main, key=lambda each: each.metric, default=None)
    if first is None or first.kind not in DEAD_ENDS:
        return None
    because = (
        f"The default route is `{in_words(first)}`: whatever guests and this host send "
        "beyond the networks that it is in is dropped."
    )
    remedy = "Delete it, so that the next default route, if there is one, takes its place."
    fix = removals((first,))
    if fix is None:
        remedy = f"{undoing_by_hand(first)} {remedy}"
    return Finding(ID, TITLE, "fail", because, _default_rows(defaults), (), fix, remedy=remedy)


def _well(status: Status, routing: Routing) -> Finding:
    defaults = _defaults(routing)
    if not defaults:
        because = (
            "There is no default route: guests reach what this host has routes to, and nothing "
            "beyond."
        )
        if any(each.carried for each in status.floating_ips):
            remedy = (
                "`ip route add default via ROUTER`, or let what configures the interface do it; a "
                "default route goes with the address, or the interface, that led to its router."
            )
            return Finding(ID, TITLE, "warn", because, remedy=remedy, confidence="likely")
        return Finding(ID, TITLE, "info", because)
    because = "No route within a network's range leads elsewhere than to its bridge."
    return Finding(ID, TITLE, "ok", because, _default_rows(defaults))


def _defaults(routing: Routing) -> list[Route]:
    return [
        each
        for each in routing.routes
        if network_of(each.destination) == EVERYWHERE and each.kind in OFTEN_SET
    ]


def _default_rows(defaults: list[Route]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence("default route", in_words(each), note=f"table {each.table}") for each in defaults
    )


PAGE = Explanation(
    symptom="The host, and whoever comes through it, cannot reach one instance or a whole network, "
    "while instances of that network reach each other; or nothing beyond the host is reached.",
    cause="Rules choose a table, by source, mark or interface: one of them may lead what guests "
    "send to a route that refuses it, or by another interface than the rules of NAT name, though "
    "the host itself is well. Or the router of the default route is no more. Within a table "
    "the most specific route wins, then the smallest metric. A VPN, Docker "
    "(172.17.0.0/16), libvirt (192.168.122.0/24) or an admin has added one that lies within a "
    "network's range; or a blackhole, unreachable or prohibit route covers a guest. Or the table "
    "local lost the route of an address of this host, which then does not take it for its own.",
    evidence="All routing tables and rules: each route within a network's range that does not "
    "lead to its bridge, and whether a lookup for the instances' addresses takes it. Then the "
    "kernel is asked what it does with a packet that an instance sends into the world, or that "
    "comes back (`ip route get DESTINATION from SOURCE iif INTERFACE`), with each mark that a rule "
    "of routing asks for and a rule of the packet filter gives; and what becomes of what this host "
    "itself sends to routers, name servers and guests, with the marks that rules of OUTPUT give "
    "it. Last, whether the router of the "
    "default route answers ARP.",
    look_alikes=(
        ("ip_forward", "the host itself reaches the instance."),
        (
            "gateway",
            "the route of the network is missing, as its address is, and none replaces it.",
        ),
        ("rp_filter", "packets from the instance are dropped as well, and counted."),
        ("asymmetric_route", "it is the way back to someone outside that differs."),
        ("upstream_arp", "the router is there, and sends a floating address elsewhere."),
    ),
    cure="The route is deleted, and can be put back as it was. What made it will do so again: "
    "change it there. Where it comes with an interface's own address, two networks have one range "
    "and one of them has to be renumbered; libvirt refuses to start such a network.",
    source="ip-route(8), ip-rule(8); RFC 1812 section 5.2.4.3",
)

CHECK = Check(
    ID,
    ("A11",),
    TITLE,
    frozenset({Backend, Routing}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({GuestRoutes, PacketFilter, DnsmasqFiles, Sysctls, ArpAnswers, Links}),
    narrow=narrowed(of_routes, of_networks, of_instances),
    reach=Reach.HOST,
    wrong="A route does not lead to the guests, or to the world",
)
