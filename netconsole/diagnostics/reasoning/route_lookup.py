"""Which route a packet takes, found in the routes and rules that were read (ip-rule(8))."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from ipaddress import IPv4Address, IPv4Network

from netconsole.backend.steps import RunProgram
from netconsole.diagnostics.parts.routing import Route, Routing, RoutingRule

EVERYWHERE = IPv4Network("0.0.0.0/0")
DEAD_ENDS = ("blackhole", "unreachable", "prohibit")
"""Kinds of routes that lead nowhere."""
OFTEN_SET = ("unicast", *DEAD_ENDS)
"""Kinds that people and programs add; the kernel makes the others for its own addresses."""

_SELECTOR = re.compile(r"from (\S+)(?: to (\S+))? lookup \S+")


@cache
def network_of(destination: str) -> IPv4Network:
    """Return a route's destination as a network; `default` is everywhere."""
    return EVERYWHERE if destination == "default" else IPv4Network(destination, strict=False)


def lookup(routing: Routing, destination: str, source: str = "") -> Route | None:
    """Return the route of a packet that no mark, interface or service type singles out.

    Rules that ask for one of these are passed over. None where there is no route.
    """
    address = IPv4Address(destination)
    for rule in sorted(routing.rules, key=lambda each: each.priority):
        if not _applies(rule, address, source):
            continue
        found = _best(routing.routes, rule.table, address)
        if found is not None and found.kind != "throw":
            return found
    return None


def _applies(rule: RoutingRule, destination: IPv4Address, source: str) -> bool:
    selector = _SELECTOR.fullmatch(rule.text)
    if selector is None:
        return False
    senders, receivers = selector.groups()
    if senders != "all" and not (source and IPv4Address(source) in network_of(senders)):
        return False
    return receivers is None or destination in network_of(receivers)


def _best(routes: Iterable[Route], table: str, destination: IPv4Address) -> Route | None:
    """The longest prefix, then the smallest metric, then the first in the kernel's order."""
    usable = (
        each
        for each in routes
        if each.table == table
        and "dead" not in each.flags
        and destination in network_of(each.destination)
    )
    return min(
        usable,
        key=lambda each: (-network_of(each.destination).prefixlen, each.metric),
        default=None,
    )


def in_words(route: Route) -> str:
    """Return a route as ip-route(8) prints it."""
    return " ".join(_words(route))


def removal(route: Route) -> RunProgram:
    """Return the step that deletes a route, and knows how to add it again."""
    words = tuple(_words(route))
    protocol = () if route.protocol in ("", "boot") else ("proto", route.protocol)
    table = ("table", route.table)
    return RunProgram(
        ("ip", "route", "delete", *words, *protocol, *table),
        ("ip", "route", "add", *words, *protocol, *table),
    )


def _words(route: Route) -> Iterator[str]:
    if route.kind != "unicast":
        yield route.kind
    yield route.destination
    for name, value in (
        ("via", route.gateway),
        ("dev", "" if route.kind in DEAD_ENDS else route.interface),
        ("src", route.source),
        ("metric", str(route.metric) if route.metric else ""),
    ):
        if value:
            yield from (name, value)
    if "onlink" in route.flags:
        yield "onlink"
