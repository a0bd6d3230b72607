"""Asks the kernel whether it takes a source's packets in at an interface, and how it answers them.

`ip route get DESTINATION from SOURCE iif INTERFACE` makes the kernel look up the route of such a
packet as if it had come in, source check included (RTM_GETROUTE, rtnetlink(7)). Nothing is sent.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from socket import AF_INET
from typing import Literal

from netconsole.backend.kernel.routes import UNICAST, RouteQuestion, route_of
from netconsole.backend.kernel.rtnetlink import Rtnetlink
from netconsole.backend.model.errors import Unavailable
from netconsole.diagnostics.evidence.counters import DROPPED, read_once
from netconsole.diagnostics.evidence.route_netlink import (
    MAIN_TABLE,
    Message,
    RouteNetlink,
    asking,
    beyond,
    name_of,
    number,
    text,
)
from netconsole.diagnostics.parts.reverse_paths import (
    InterfacePaths,
    KnownAs,
    ReversePath,
    ReversePaths,
)

MOST_SOURCES = 256
"""Sources asked about on one interface; a question takes about 0.5 ms."""
MOST_DESTINATIONS = 16
"""Addresses of an interface asked about, where rules may route their replies differently."""
USUAL_RULES = 3
"""Rules of a host without policy routing: local, main, default."""

UP = 0x1
LOOPBACK = 0x8
SEEN = 0x02 | 0x04 | 0x08 | 0x10 | 0x80
"""Neighbours reachable, stale, delayed, being probed or permanent (rtnetlink(7))."""


def read_reverse_paths(given: tuple[str, ...] = ()) -> ReversePaths:
    """Ask about every source known on every interface, and about the given ones on each.

    Raises Unavailable when the kernel does not answer about routes at all.
    """
    with asking() as netlink, Rtnetlink() as kernel:
        interfaces = _interfaces(netlink)
        sources = _Sources(netlink, given)
        several = len(list(netlink.get_rules(family=AF_INET))) > USUAL_RULES
        found = tuple(_answers(netlink, kernel, each, sources, several) for each in interfaces)
    return ReversePaths(found, read_dropped())


def read_dropped() -> int:
    """Read IPReversePathFilter: packets dropped so since the namespace was made.

    Raises Unavailable on a kernel that does not count them.
    """
    dropped = read_once().get(DROPPED)
    if dropped is None:
        raise Unavailable("this kernel does not count packets dropped by reverse-path filtering")
    return dropped


@dataclass(frozen=True, slots=True)
class _Interface:
    index: int
    name: str
    addresses: tuple[str, ...]


def _interfaces(netlink: RouteNetlink) -> list[_Interface]:
    """Return those that are up and have an address; asked one by one, as ports are many."""
    from pyroute2.netlink.exceptions import (  # type: ignore[import-untyped]  # it has none
        NetlinkError,
    )

    addresses: dict[int, list[str]] = {}
    for message in netlink.get_addr(family=AF_INET):
        local = str(message.get("local") or message.get("address"))
        addresses.setdefault(number(message, "index"), []).append(local)
    found = []
    for index, texts in sorted(addresses.items()):
        try:
            link = netlink.link("get", index=index)[0]
        except NetlinkError:
            continue  # it has just gone
        flags = number(link, "flags")
        if flags & UP and not flags & LOOPBACK:
            found.append(_Interface(index, text(link, "ifname"), tuple(texts)))
    return found


class _Sources:
    """Who is known to use each interface."""

    def __init__(self, netlink: RouteNetlink, given: tuple[str, ...]) -> None:
        self.given = given
        self.known: dict[int, dict[str, KnownAs]] = {}
        routes = tuple(netlink.get_routes(family=AF_INET, table=MAIN_TABLE))
        for route in routes:
            for index, gateway in _hops(route):
                self.known.setdefault(index, {}).setdefault(gateway, "gateway")
        for message in netlink.get_neighbours(family=AF_INET):
            if number(message, "state") & SEEN:
                seen = self.known.setdefault(number(message, "ifindex"), {})
                seen.setdefault(str(message.get("dst")), "neighbour")
        self.sample = beyond(routes)

    def of(self, index: int) -> list[tuple[str, KnownAs]]:
        """Return the sources of one interface, gateways first, and how each is known."""
        sources: dict[str, KnownAs] = dict.fromkeys(self.given, "given")
        known = sorted(self.known.get(index, {}).items(), key=lambda each: each[1] != "gateway")
        sources |= {source: how for source, how in known if source not in sources}
        return list(sources.items())

    def beyond(self) -> list[tuple[str, KnownAs]]:
        """Return the source that stands for everyone beyond the routers, if there is one."""
        return [(self.sample, "beyond")] if self.sample else []


def _hops(route: Message) -> Iterator[tuple[int, str]]:
    """Return the interface and gateway of each way that a route has."""
    several = route.get("multipath")
    hops = several if isinstance(several, list) else [route]
    for hop in hops:
        if gateway := hop.get("gateway"):
            yield number(hop, "oif"), str(gateway)


def _answers(
    netlink: RouteNetlink,
    kernel: Rtnetlink,
    interface: _Interface,
    sources: _Sources,
    several: bool,
) -> InterfacePaths:
    known = sources.of(interface.index)
    asked = [*known[:MOST_SOURCES], *sources.beyond()]
    paths = tuple(_paths(netlink, kernel, interface, asked, several))
    return InterfacePaths(interface.name, interface.addresses, paths, len(known[MOST_SOURCES:]))


def _paths(
    netlink: RouteNetlink,
    kernel: Rtnetlink,
    interface: _Interface,
    sources: list[tuple[str, KnownAs]],
    several: bool,
) -> Iterator[ReversePath]:
    names: dict[int, str] = {interface.index: interface.name}
    for source, known_as in sources:
        if source in interface.addresses:
            continue
        for destination in interface.addresses[: MOST_DESTINATIONS if several else 1]:
            refusal = _refusal(kernel, interface.index, source, destination)
            kind, index = _return(kernel, source, destination)
            if index not in names:
                names[index] = name_of(netlink, index)
            yield ReversePath(
                interface.name,
                source,
                known_as,
                destination,
                names[index],
                kind,
                refusal,
            )


def _refusal(kernel: Rtnetlink, index: int, source: str, destination: str) -> str:
    """Return the error with which the kernel refuses such a packet, empty when it takes it."""
    try:
        route_of(kernel, RouteQuestion(destination, source, index))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return ""


def _return(
    kernel: Rtnetlink, source: str, destination: str
) -> tuple[Literal["unicast", "none", "other"], int]:
    """Return what kind of route leads back, and the index of the interface it leaves by."""
    try:
        route = route_of(kernel, RouteQuestion(source, destination))
    except OSError:
        return "none", 0
    return ("unicast" if route.type == UNICAST else "other"), route.interface
