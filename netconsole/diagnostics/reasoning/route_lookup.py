"""Which route a packet takes, found in the routes and rules that were read (ip-rule(8))."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network

from netconsole.backend.steps import Plan, RunProgram
from netconsole.diagnostics.parts.routing import Route, Routing, RoutingRule

EVERYWHERE = IPv4Network("0.0.0.0/0")
DEAD_ENDS = ("blackhole", "unreachable", "prohibit")
"""Kinds of routes that lead nowhere."""
OFTEN_SET = ("unicast", *DEAD_ENDS)
"""Kinds that people and programs add; the kernel makes the others for its own addresses."""


PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
"""Those that `ip rule` names, by their numbers (RFC 790)."""


@dataclass(frozen=True, slots=True)
class RoutedPacket:
    """What rules and routes ask of a packet."""

    destination: IPv4Address
    source: IPv4Address | None = None
    into: str = ""
    """The interface by which it came in; empty for one of this host's own."""
    mark: int = 0
    protocol: int = 0
    """Its number (RFC 790); 0 where it is not known."""


@dataclass(frozen=True, slots=True)
class Routed:
    """Which rule decides on a packet, and by which route of its table."""

    rule: RoutingRule
    route: Route | None
    """None where the rule refuses by itself."""


@cache
def network_of(destination: str) -> IPv4Network:
    """Return a route's destination as a network; `default` is everywhere."""
    return EVERYWHERE if destination == "default" else IPv4Network(destination, strict=False)


def lookup(routing: Routing, destination: str, source: str = "") -> Route | None:
    """Return the route of a packet that no mark, interface or service type singles out.

    Rules that ask for one of these are passed over. None where there is no route.
    """
    sender = IPv4Address(source) if source else None
    found = routed(routing, RoutedPacket(IPv4Address(destination), sender))
    return found.route if found else None


def default_route(routing: Routing) -> Route | None:
    """Return the one by which this host sends what no other route is for, and no rule chooses."""
    found = (
        each
        for each in routing.routes
        if each.table == "main" and each.gateway and network_of(each.destination) == EVERYWHERE
    )
    return min(found, key=lambda each: each.metric, default=None)


class RouteIndex:
    """Routes by table and prefix, for who asks for many packets."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._tables: dict[str, dict[int, dict[int, Route]]] = {}
        for each in routes:
            if "dead" in each.flags:
                continue
            network = network_of(each.destination)
            lengths = self._tables.setdefault(each.table, {})
            known = lengths.setdefault(network.prefixlen, {})
            first = known.setdefault(int(network.network_address), each)
            if each.metric < first.metric:
                known[int(network.network_address)] = each

    def best(self, table: str, destination: IPv4Address) -> Route | None:
        """Return that with the longest prefix, then the smallest metric, then the first in the
        kernel's order."""
        lengths, number = self._tables.get(table, {}), int(destination)
        for length in sorted(lengths, reverse=True):
            rest = 32 - length
            if found := lengths[length].get(number >> rest << rest):
                return found
        return None


def routed(routing: Routing, packet: RoutedPacket, ways: RouteIndex | None = None) -> Routed | None:
    """Return what decides on a packet; None where there is no route.

    Rules that ask for what is not known of it, as its service type or port, are passed over.
    `ways` are its routes, of who asks often.
    """
    ways = ways or RouteIndex(routing.routes)
    for rule in sorted(routing.rules, key=lambda each: each.priority):
        words = rule.text.split()
        if not _applies(words, packet):
            continue
        if words[-1] in DEAD_ENDS:
            return Routed(rule, None)
        found = ways.best(rule.table, packet.destination)
        if found is None or found.kind == "throw" or _is_suppressed(words, found):
            continue
        return Routed(rule, found)
    return None


def _applies(words: Sequence[str], packet: RoutedPacket) -> bool:
    """Whether a rule, in the words of `ip rule show`, is known to ask for this packet."""
    negated = words[:1] == ["not"]
    rest = iter(words[1:] if negated else words)
    fits = True
    for word in rest:
        if word in ("lookup", *DEAD_ENDS):
            return fits != negated
        fit = _fits(word, next(rest, ""), packet)
        if fit is None:
            return False
        fits = fits and fit
    return False


def _fits(word: str, value: str, packet: RoutedPacket) -> bool | None:
    """None where it is not known what the rule asks for, or what the packet has of it."""
    match word:
        case "from":
            inside = packet.source is not None and packet.source in network_of(_range(value))
            return value == "all" or inside
        case "to":
            return packet.destination in network_of(_range(value))
        case "iif":
            # What this host itself sends comes in by lo, as rules see it.
            return value == (packet.into or "lo")
        case "fwmark":
            wanted, _, mask = value.partition("/")
            return packet.mark & int(mask or "0xffffffff", 0) == int(wanted, 0)
        case "ipproto" if packet.protocol:
            return value in (PROTOCOLS.get(packet.protocol), str(packet.protocol))
    return None


def _range(value: str) -> str:
    return "default" if value == "all" else value


def _is_suppressed(words: Sequence[str], route: Route) -> bool:
    """Whether a rule passes over a route as too wide (ip-rule(8), suppress_prefixlength)."""
    if "suppress_prefixlength" not in words[:-1]:
        return False
    longest = int(words[words.index("suppress_prefixlength") + 1])
    return network_of(route.destination).prefixlen <= longest


def in_words(route: Route) -> str:
    """Return a route as ip-route(8) prints it."""
    return " ".join((*_words(route), *route.ways))


def removal(route: Route) -> RunProgram:
    """Return the step that deletes a route, and knows how to add it again."""
    words = tuple(_words(route))
    protocol = () if route.protocol in ("", "boot") else ("proto", route.protocol)
    said = (*words, *protocol, "table", route.table, *route.ways)  # ways are the last words
    return RunProgram(("ip", "route", "delete", *said), ("ip", "route", "add", *said))


def undoing_by_hand(route: Route) -> str:
    """Say which command takes a route away."""
    table = "" if route.table in ("", "main", "local") else f" table {route.table}"
    return f"`ip route delete {in_words(route)}{table}` takes the route away."


def removals(routes: Iterable[Route]) -> Plan | None:
    """Return the plan that deletes these routes; None where there are none, or where one could not
    be added again as it is."""
    found = tuple(routes)
    steps = dict.fromkeys(map(removal, found))
    return Plan(tuple(steps)) if steps and all(each.is_restorable for each in found) else None


def _words(route: Route) -> Iterator[str]:
    if route.kind != "unicast" and not route.ways:
        yield route.kind  # an object of next hops has its kind itself
    yield route.destination
    is_dead = route.kind in DEAD_ENDS
    for name, value in (
        ("tos", route.tos),
        ("via", "" if route.ways else route.gateway),
        ("dev", "" if is_dead or route.ways else route.interface),
        ("src", route.source),
        ("metric", str(route.metric) if route.metric else ""),
    ):
        if value:
            yield from (name, value)
    if "onlink" in route.flags and not route.ways:
        yield "onlink"
