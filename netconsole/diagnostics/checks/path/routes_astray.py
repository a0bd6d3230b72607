"""What the check `routes` says of guests' packets that go astray, and of a router that is dead."""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.steps import Plan, RunProgram
from netconsole.diagnostics.model.finding import Confidence, Evidence, Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswer, ArpAnswers
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guest_routes import BEYOND, NARROW
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Route, Routing
from netconsole.diagnostics.reasoning.guest_lookups import Misrouted, misrouted
from netconsole.diagnostics.reasoning.misnamed_uplink import misnamed_uplink
from netconsole.diagnostics.reasoning.permanent_neighbours import BY_HAND
from netconsole.diagnostics.reasoning.route_lookup import (
    PROTOCOLS,
    Routed,
    default_route,
    in_words,
    lookup,
    network_of,
    removals,
    undoing_by_hand,
)

ID: Final = "routes"
TITLE = "Routes lead to the guests and to the world"
SHOWN = 8
_USUAL_TABLES = ("main", "default", "local")
_UNANSWERED = ("FAILED", "INCOMPLETE")
_ANSWERED = ("REACHABLE", *BY_HAND)


def router_led_away(routing: Routing) -> Finding | None:
    """Return that the router of the default route is looked for at another interface by a route
    that somebody made; None where it is not."""
    first = default_route(routing)
    chosen = lookup(routing, first.gateway) if first is not None else None
    if first is None or chosen is None or not network_of(chosen.destination).prefixlen:
        return None
    if chosen.interface in ("", first.interface) or chosen.table != "main" or chosen.gateway:
        return None  # by another router it may well be reached
    because = (
        f"The router of the default route, {first.gateway} at {first.interface}, is looked for at "
        f"{chosen.interface} by the route `{in_words(chosen)}`, which is more to the point than "
        f"that of {first.interface}: what this host and guests send to its network leaves there."
    )
    rows = (
        Evidence(f"route to {first.gateway}", in_words(chosen), f"dev {first.interface}"),
        Evidence("default route", in_words(first), note=f"table {first.table}"),
    )
    fix = removals((chosen,)) if chosen.protocol != "kernel" else None
    remedy = "Take the route out of what sets it (a VPN, a routing daemon, netplan), or it is back."
    if fix is None and chosen.protocol != "kernel":
        remedy = f"{undoing_by_hand(chosen)} {remedy}"
    return Finding(ID, TITLE, "fail", because, rows, (), fix, remedy=remedy)


def unruled_finding(routing: Routing) -> Finding | None:
    """Return that no rule leads to the table main, and that nothing leads to the router of its
    default route otherwise; None where one does."""
    first = default_route(routing)
    if first is None or not routing.rules or any(each.table == "main" for each in routing.rules):
        return None
    if lookup(routing, first.gateway) is not None:
        return None
    because = (
        "No routing rule leads to the table main, where the routes to networks and the default "
        f"route by {first.gateway} are: this host forwards nothing, and sends nothing itself."
    )
    rows = (Evidence("routing rule", "none with table main", "32766: from all lookup main"),)
    usual = ("priority", "32766", "lookup", "main")  # as the kernel makes it (ip-rule(8))
    step = RunProgram(("ip", "rule", "add", *usual), ("ip", "rule", "delete", *usual))
    remedy = "Look for what deletes it: a VPN, a script of policy routing, a routing daemon."
    return Finding(ID, TITLE, "fail", because, rows, (), Plan((step,)), remedy=remedy)


def router_taken_here(routing: Routing) -> Finding | None:
    """Return that this host takes the router of the default route for itself; None where not."""
    first = default_route(routing)
    chosen = lookup(routing, first.gateway) if first is not None else None
    if first is None or chosen is None or chosen.kind != "local":
        return None
    own = next((each for each in routing.addresses if each.address == first.gateway), None)
    because = (
        f"{first.gateway}, the router of the default route at {first.interface}, is this host "
        f"itself by the route `{in_words(chosen)}`: what the router sends, its questions by ARP as "
        "well, is dropped, as it comes in this host's own name, and what is sent to it stays here."
    )
    rows = (
        Evidence(f"route to {first.gateway}", in_words(chosen), f"dev {first.interface}"),
        Evidence("default route", in_words(first), note=f"table {first.table}"),
    )
    if own is None:
        fix = removals((chosen,))
        remedy = f"{undoing_by_hand(chosen)} Take it out of what sets it, or it is back."
    else:
        fix = None
        remedy = (
            f"`ip address delete {own.address}/{own.prefix_length} dev {own.interface}` takes the "
            "address off. Take it out of what configures the interface as well."
        )
    return Finding(ID, TITLE, "fail", because, rows, (), fix, remedy=remedy)


def misrouted_finding(snapshot: Snapshot) -> Finding | None:
    """Return what the kernel, asked for guests' packets, drops or sends elsewhere; None if none."""
    astray = misrouted(snapshot)
    if not astray:
        return None
    first = astray[0]
    because = _end_of(first, snapshot.part(Backend).status.host.public_interface)
    if first.marking:
        because += (
            f" The rule of the packet filter `{first.marking.rule}` ({first.marking.place}) gives "
            f"it the mark {first.answer.mark:#x}."
        )
    certain = first.marking is None or first.marking.is_certain
    uplink = misnamed_uplink(snapshot) if first.leaves_elsewhere else None
    remedy = (
        uplink.remedy
        if uplink is not None
        else f"{undoing(first.decided)} Look for who made it: a VPN, a routing daemon, "
        "NetworkManager, netplan."
    )
    if uplink is not None:
        because += f" {uplink.said}"
    out = (
        "forward_filter: the route is looked up before FORWARD",
        "guest_answers: it is this host that sends the packets elsewhere",
    )
    return Finding(
        ID,
        TITLE,
        "warn" if first.leaves_elsewhere or not certain else "fail",
        because,
        tuple(_lookup_rows(astray)),
        out,
        remedy=remedy,
        confidence="certain" if certain and not first.leaves_elsewhere else "likely",
    )


def _end_of(astray: Misrouted, public_interface: str) -> str:
    """Say what becomes of such packets, and which rule or route makes it so."""
    answer, by = astray.answer, deciding(astray.decided)
    name = PROTOCOLS.get(answer.protocol, f"protocol {answer.protocol}")
    kind = f" by {name}" if answer.protocol else ""
    if astray.leaves_elsewhere:
        return (
            f"What {astray.guest} sends{kind} into the world leaves by {answer.interface} and not "
            f"by {public_interface}, by {by}: the rules that give it an address of this host name "
            f"{public_interface}, so that it leaves under its own, to which nobody can answer."
        )
    end = (
        f"leaves by {answer.interface} instead of {astray.network.bridge}"
        if answer.interface
        else f"is dropped ({answer.refusal})"
    )
    what = (
        f"What {astray.guest} sends{kind} into the world"
        if answer.into == astray.network.bridge
        else f"What is sent to {astray.guest}{kind}"
    )
    return f"{what} {end}, by {by}. This host itself may reach the world all the same."


def deciding(decided: Routed | None) -> str:
    """Say which rule or route decides on a packet."""
    if decided is None:
        return "the lack of any route in the tables that rules lead it to"
    rule = f"the rule `{decided.rule.priority}: {decided.rule.text}`"
    if decided.route is None:
        return rule
    route = f"the route `{in_words(decided.route)}`"
    usual = decided.rule.table in _USUAL_TABLES
    return route if usual else f"{route} of table {decided.rule.table}, to which {rule} leads it"


def undoing(decided: Routed | None) -> str:
    """Say which command takes it away."""
    if decided is None:
        return "`ip rule` and `ip route show table all` show what there is."
    rule = f"`ip rule delete priority {decided.rule.priority}`"
    if decided.route is None:
        return f"{rule} takes the rule away."
    if decided.rule.table in _USUAL_TABLES:
        return undoing_by_hand(decided.route)
    table = decided.rule.table
    return f"{rule} takes the rule away; or give table {table} a route that leads there."


def _lookup_rows(astray: tuple[Misrouted, ...]) -> Iterator[Evidence]:
    for each in astray[:SHOWN]:
        answer = each.answer
        mark = f" mark {answer.mark:#x}" if answer.mark else ""
        protocol = f" ipproto {answer.protocol}" if answer.protocol else ""
        kind = f"{mark}{protocol}"
        asked = f"ip route get {answer.destination} from {answer.source} iif {answer.into}{kind}"
        yield Evidence(asked, answer.outcome, note=f"for {each.guest}")
    for decided in dict.fromkeys(each.decided for each in astray if each.decided):
        rule = f"{decided.rule.priority}: {decided.rule.text}"
        route = in_words(decided.route) if decided.route else "refuses by itself"
        yield Evidence(f"ip rule {rule}", route, note=f"table {decided.rule.table}")
    for marking in dict.fromkeys(each.marking for each in astray if each.marking):
        yield Evidence(f"marks {marking.mark:#x} in {marking.place}", marking.rule)


def dead_router(snapshot: Snapshot) -> Finding | None:
    """Return that nobody answers as the router of the default route in use, or of one of its ways;
    None where somebody may."""
    routing = snapshot.part(Routing)
    route = lookup(routing, BEYOND[0])
    if route is None or network_of(route.destination).prefixlen >= NARROW:
        return None
    ways = _ways(routing, route)
    asked = snapshot.get(ArpAnswers)
    for way in ways:
        state = _state(routing, way)
        answers = asked.on(way.interface, way.gateway) if asked else None
        link = (snapshot.get(Links) or Links(())).get(way.interface)
        is_down = link is not None and not (link.up and link.carrier)
        # Of one that is down the check of the uplink tells.
        if way.gateway and not is_down and _is_silent(state, answers):
            return _silent_router(way, ways, state, certain=answers == ())
    return None


def _ways(routing: Routing, route: Route) -> tuple[Route, ...]:
    """Return all ways of a route, of which the kernel takes one for each flow."""
    if not route.weight:
        return (route,)
    key = (route.destination, route.table, route.metric)
    return tuple(
        each
        for each in routing.routes
        if each.weight and (each.destination, each.table, each.metric) == key
    )


def _state(routing: Routing, way: Route) -> str:
    """Return what the kernel knows of a router as a neighbour; empty where nothing."""
    place = (way.gateway, way.interface)
    known = (each for each in routing.neighbours if not each.proxy)
    return next((each.state for each in known if (each.address, each.interface) == place), "")


def _end_by(way: Route, ways: tuple[Route, ...]) -> str:
    if len(ways) == 1:
        return "whatever guests and this host send to the world"
    share = round(100 * way.weight / sum(each.weight for each in ways))
    return (
        f"it is one of {len(ways)} ways, so that some {share}% of what guests and this host send "
        "to the world, chosen by its addresses,"
    )


def _is_silent(state: str, answers: tuple[ArpAnswer, ...] | None) -> bool:
    """Whether nobody answers as a neighbour: by what the kernel knows, and who else has asked."""
    if answers is None:
        return state in _UNANSWERED
    return not answers and state not in _ANSWERED  # some answer the kernel, and nobody else


def _silent_router(route: Route, ways: tuple[Route, ...], state: str, *, certain: bool) -> Finding:
    known = (
        "nobody answers there when this host asks"
        if certain
        else "nobody answered there when this host asked"
    )
    because = (
        f"The default route leads to {route.gateway} by {route.interface}, and {known} "
        f"by ARP who has that address: {_end_by(route, ways)} ends here."
    )
    rows = (
        *(Evidence("default route", in_words(each), note=f"table {each.table}") for each in ways),
        Evidence(f"neighbour {route.gateway} on {route.interface}", state or "none", "REACHABLE"),
        *(
            (Evidence(f"who has {route.gateway}, asked on {route.interface}", "nobody"),)
            if certain
            else ()
        ),
    )
    remedy = (
        "Ask whoever runs that network for the router's address: where it was renumbered, `ip "
        f"route replace default via ADDRESS dev {route.interface}`, and so in what configures "
        "the interface. Where it is right, the router is off, or the wire does not lead to it."
    )
    out = ("uplink: the interface is up and has a carrier",)
    confidence: Confidence = "certain" if certain else "likely"
    return Finding(ID, TITLE, "fail", because, rows, out, remedy=remedy, confidence=confidence)
