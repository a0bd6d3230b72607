"""What the check `routes` says where this host does not take what is for its own addresses."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Final

from netconsole.backend.steps import Plan, RunProgram
from netconsole.diagnostics.checks.path.routes_astray import ID, TITLE
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import InterfaceAddress, Routing
from netconsole.diagnostics.reasoning.route_lookup import (
    RoutedPacket,
    RouteIndex,
    in_words,
    lookup,
    network_of,
    routed,
)

_LOCAL: Final = "local"
"""The kind of the routes of own addresses, and the table that they are in (ip-route(8))."""
_SHOWN: Final = 8


def not_taken_finding(snapshot: Snapshot) -> Finding | None:
    """Return which addresses that guests need this host does not know as its own; None if none."""
    routing = snapshot.part(Routing)
    astray = [*_not_taken(snapshot, routing)]
    if not astray:
        return None
    first = astray[0]
    tables = _tables_of_own(routing)
    lost = tuple(each for each in astray if _LOCAL not in tables.get(each.address, ()))
    chosen = lookup(routing, first.address)
    goes = f"goes by `{in_words(chosen)}`" if chosen else "is refused"
    why = (
        f"the table local has no route for {first.address} any more"
        if first in lost
        else "a rule before that of the table local decides"
    )
    because = (
        f"{first.address} is on {first.interface}, and this host does not take for itself what is "
        f"sent there: {why}, and it {goes}. ARP is answered or not, and nothing else is: no ping, "
        "no DHCP, no name, no answer to what is translated to it."
    )
    rows = tuple(
        Evidence(
            f"route to {each.address}", "none of the kind local", f"local dev {each.interface}"
        )
        for each in astray[:_SHOWN]
    )
    remedy = (
        "Take out what deletes such routes: a script that flushes the table local, a routing "
        "daemon."
        if lost
        else "`ip rule` shows the rules: that of the table local has to come first, as priority 0."
    )
    fix = Plan(tuple(map(_return, lost))) if lost else None
    return Finding(ID, TITLE, "fail", because, rows, (), fix, remedy=remedy)


def _not_taken(snapshot: Snapshot, routing: Routing) -> Iterator[InterfaceAddress]:
    """Yield those on bridges of networks and the public interface, where these are up: an
    interface that is down has no such routes."""
    links, status = snapshot.get(Links), snapshot.part(Backend).status
    if links is None or not any(
        (each.kind, each.table) == (_LOCAL, _LOCAL) for each in routing.routes
    ):
        return
    tables, ways = _tables_of_own(routing), RouteIndex(routing.routes)
    needed = {status.host.public_interface, *(each.bridge for each in status.networks)}
    for each in routing.addresses:
        link = links.get(each.interface)
        if each.is_v6 or each.interface not in needed or link is None or not link.up:
            continue
        if _LOCAL not in tables.get(each.address, (_LOCAL,)):
            continue  # it is of a domain of its own (VRF), whose table has the route
        decided = routed(routing, RoutedPacket(IPv4Address(each.address)), ways)
        if decided is None or decided.route is None or decided.route.kind != _LOCAL:
            yield each


def _tables_of_own(routing: Routing) -> Mapping[str, frozenset[str]]:
    """Return, of each address that has a route of the kind local, the tables in which it is."""
    found: dict[str, frozenset[str]] = {}
    for each in routing.routes:
        network = network_of(each.destination)
        if each.kind == _LOCAL and network.prefixlen == network.max_prefixlen:
            address = str(network.network_address)
            found[address] = found.get(address, frozenset()) | {each.table}
    return found


def _return(own: InterfaceAddress) -> RunProgram:
    route = ("local", own.address, "dev", own.interface, "table", "local")
    said = ("proto", "kernel", "scope", "host", "src", own.address)
    return RunProgram(("ip", "route", "add", *route, *said), ("ip", "route", "delete", *route))
