"""Asks the kernel how it routes what guests send into the world, and what comes back to them.

RTM_GETROUTE with an interface of entry makes it look up the route as if the packet had come in
there, rules, marks and source check included (rtnetlink(7), ip-rule(8)). Nothing is sent.
"""

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from socket import AF_INET

from netconsole.backend.kernel.routes import RouteQuestion, route_of
from netconsole.backend.kernel.rtnetlink import Rtnetlink
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
from netconsole.diagnostics.parts.guest_routes import GuestRoutes, LookedUp

MOST_QUESTIONS = 1024
"""Of one kind, on all bridges together; each takes about 0.5 ms."""
MOST_GUESTS = 64
"""Of one bridge."""
MOST_MARKS = 8
"""And as many protocols."""
MOST_POINT_TO_POINT = 2
"""Addresses of a network that has no others than its two ends (RFC 3021)."""
DEFAULT_LENGTH = 0


@dataclass(frozen=True, slots=True)
class _GuestBridge:
    index: int
    name: str
    guests: tuple[str, ...]


def read_guest_routes() -> GuestRoutes:
    """Ask for every bridge; raises Unavailable when the kernel does not answer about routes."""
    with asking() as netlink, Rtnetlink() as kernel:
        rules = tuple(netlink.get_rules(family=AF_INET))
        kinds = tuple(_kinds(rules))
        routes = tuple(netlink.get_routes(family=AF_INET, table=MAIN_TABLE))
        world = beyond(routes)
        names: dict[int, str] = {}
        outward, inward = [], []
        entry = _entry(routes)
        bridges = tuple(_bridges(netlink, rules)) if world else ()
        share = max(1, MOST_QUESTIONS // max(1, len(bridges) * len(kinds)))
        for bridge in bridges:
            for guest in bridge.guests[:share]:
                sent = LookedUp(bridge.name, guest, world)
                back = LookedUp(_name(netlink, entry, names), world, guest)
                for mark, protocol in kinds:
                    asked = replace(sent, mark=mark, protocol=protocol)
                    outward.append(_answered(netlink, kernel, asked, bridge.index, names))
                    if entry:
                        asked = replace(back, mark=mark, protocol=protocol)
                        inward.append(_answered(netlink, kernel, asked, entry, names))
    return GuestRoutes(tuple(outward), tuple(inward))


def _kinds(rules: Iterable[Message]) -> Iterator[tuple[int, int]]:
    """Yield the mark and the protocol of each kind of packet to ask for, that of no rule first.

    Rules for single ports are left out: they mean one service, and often so on purpose.
    """
    yield 0, 0
    marks = {number(each, "fwmark") for each in rules} - {0}
    yield from ((mark, 0) for mark in sorted(marks)[:MOST_MARKS])
    whole = (each for each in rules if not (each.get("sport_range") or each.get("dport_range")))
    protocols = {number(each, "ip_proto") for each in whole} - {0}
    yield from ((0, protocol) for protocol in sorted(protocols)[:MOST_MARKS])


def _entry(routes: Iterable[Message]) -> int:
    """Return the interface of the default route; 0 where there is none."""
    defaults = [each for each in routes if number(each, "dst_len") == DEFAULT_LENGTH]
    chosen = min(defaults, key=lambda each: number(each, "priority"), default={})
    return number(chosen, "oif")


def _bridges(netlink: RouteNetlink, rules: Iterable[Message]) -> Iterator[_GuestBridge]:
    from pyroute2.netlink.exceptions import (  # type: ignore[import-untyped]  # it has none
        NetlinkError,
    )

    networks: dict[int, list[IPv4Network]] = {}
    own: dict[int, set[str]] = {}
    for message in netlink.get_addr(family=AF_INET):
        local, length = str(message.get("local")), number(message, "prefixlen")
        index = number(message, "index")
        own.setdefault(index, set()).add(local)
        networks.setdefault(index, []).append(IPv4Network(f"{local}/{length}", strict=False))
    neighbours = tuple(netlink.get_neighbours(family=AF_INET))
    for index, found in sorted(networks.items()):
        try:
            link = netlink.link("get", index=index)[0]
        except NetlinkError:
            continue  # it has just gone
        if _kind(link) != "bridge":
            continue
        known = [str(each.get("dst")) for each in neighbours if number(each, "ifindex") == index]
        meant = [str(each.get("src")) for each in rules if each.get("src")]
        wide = [network for network in found if network.num_addresses > MOST_POINT_TO_POINT]
        samples = [str(network[place]) for network in wide for place in (1, -2)]
        guests = dict.fromkeys(
            each
            for each in (*known, *meant, *samples)
            if each not in own[index] and any(IPv4Address(each) in one for one in found)
        )
        yield _GuestBridge(index, text(link, "ifname"), (*islice(guests, MOST_GUESTS),))


def _kind(link: Message) -> str:
    info = link.get("linkinfo")
    return str(info.get("kind", "")) if hasattr(info, "get") and info is not None else ""


def _answered(
    netlink: RouteNetlink, kernel: Rtnetlink, asked: LookedUp, index: int, names: dict[int, str]
) -> LookedUp:
    question = RouteQuestion(asked.destination, asked.source, index, asked.mark, asked.protocol)
    try:
        route = route_of(kernel, question)
    except OSError as error:
        return replace(asked, refusal=errno.errorcode.get(error.errno or 0, str(error.errno)))
    return replace(asked, interface=_name(netlink, route.interface, names), gateway=route.gateway)


def _name(netlink: RouteNetlink, index: int, names: dict[int, str]) -> str:
    """Ask for the name of an interface, once for each."""
    if index not in names:
        names[index] = name_of(netlink, index)
    return names[index]
