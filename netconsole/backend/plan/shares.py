"""Whose is what of all that hangs on one interface: what goes with an address, what stays. Pure."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface

from netconsole.backend.model.belongings import Belongings, Words, is_v6, lasting, place_of
from netconsole.backend.model.subject import together
from netconsole.backend.steps import PutNeighbours, Step


def local(address: Words) -> str:
    """Return an address without its prefix length."""
    return str(ip_interface(address[0]).ip)


def without(here: Belongings, gone: Iterable[Words]) -> Belongings:
    """Return what is left on an interface when addresses go, with the routes that stand on
    these."""
    leaving = tuple(gone)
    own = set(map(local, leaving))
    subnets = [ip_interface(_subnet(each)).network for each in leaving]
    addresses = tuple(
        each for each in here.addresses if local(each) not in own and not _made_of(each, subnets)
    )
    others = [ip_interface(_subnet(each)).network for each in addresses]

    def stays(route: Words) -> bool:
        given = list(itertools.pairwise(route))
        gateways = [each for word, each in given if word == "via" and each not in ("inet", "inet6")]
        return not any(word == "src" and each in own for word, each in given) and not any(
            _within(each, subnets) and not _within(each, others) for each in gateways
        )

    def is_near(neighbour: Words) -> bool:
        address = neighbour_of(neighbour)
        return not _within(address, subnets) or _within(address, others)

    return replace(
        here,
        addresses=addresses,
        neighbours=tuple(filter(is_near, here.neighbours)),
        routes=tuple(filter(stays, here.routes)),
        later_routes=tuple(filter(stays, here.later_routes)),
        connected_routes=tuple(filter(stays, here.connected_routes)),
    )


def _subnet(address: Words) -> str:
    place = place_of(address)
    return place[2] if len(place) > 1 else place[0]


def _within(address: str, networks: list[IPv4Network | IPv6Network]) -> bool:
    return any(ip_address(address) in network for network in networks)


def _made_of(address: Words, subnets: list[IPv4Network | IPv6Network]) -> bool:
    """Whether the kernel made it from a router advertisement of the network itself."""
    return "mngtmpaddr" in address and ip_interface(address[0]).network in subnets


def neighbour_of(neighbour: Words) -> str:
    """Whom an entry is about."""
    return neighbour[1] if neighbour[0] == "proxy" else neighbour[0]


def beside(found: Belongings, there: Belongings) -> Belongings:
    """Return what is to go along to a bridge that may have such things itself, which stay its
    own."""
    near = set(map(neighbour_of, there.neighbours))
    return replace(
        found,
        rules=tuple(each for each in found.rules if each not in there.rules),
        neighbours=tuple(each for each in found.neighbours if neighbour_of(each) not in near),
    )


def share(here: Belongings, moved: Belongings) -> Belongings:
    """Return what of all that is on a bridge came with a port, and what stands on its addresses."""
    places = set(map(place_of, moved.addresses))
    going = tuple(each for each in here.addresses if place_of(each) in places)
    kinds = zip(parts(here), parts(without(here, going)), parts(moved), strict=True)
    return replace(_of(_came(*kind) for kind in kinds), addresses=going)


def _came(
    here: tuple[Words, ...], rest: tuple[Words, ...], moved: tuple[Words, ...]
) -> tuple[Words, ...]:
    staying, known = set(rest), set(map(lasting, moved))
    return tuple(each for each in here if each not in staying or lasting(each) in known)


def minus(found: Belongings, other: Belongings) -> Belongings:
    """Return what is in one and not in the other."""
    kinds = zip(parts(found), parts(other), strict=True)
    return _of(_minus(one, set(map(lasting, another))) for one, another in kinds)


def _minus(one: tuple[Words, ...], known: set[Words]) -> tuple[Words, ...]:
    return tuple(each for each in one if lasting(each) not in known)


def joined(found: Belongings, more: Belongings) -> Belongings:
    """Return what is in one or in the other."""
    new = minus(more, found)
    return _of(one + another for one, another in zip(parts(found), parts(new), strict=True))


def parts(found: Belongings) -> tuple[tuple[Words, ...], ...]:
    """Return all that goes along, kind by kind."""
    routes = (found.routes, found.later_routes, found.connected_routes)
    return (found.addresses, *routes, found.rules, found.neighbours)


def _of(kinds: Iterable[tuple[Words, ...]]) -> Belongings:
    addresses, routes, later, connected, rules, neighbours = kinds
    return Belongings(addresses, routes, later, connected, rules, neighbours)


def lasting_use(found: Belongings) -> tuple[frozenset[str], bool]:
    """Return the addresses, without prefix lengths, and whether there are routes, that someone
    made.

    What the kernel learns from router advertisements comes by itself.
    """
    addresses = (each for each in found.addresses if not (is_v6(each) and "valid_lft" in each))
    routes = (*found.routes, *found.later_routes, *found.connected_routes)
    return frozenset(map(local, addresses)), any("ra" not in each for each in routes)


def among_neighbours(
    interface: str, neighbours: tuple[Words, ...], steps: tuple[Step, ...]
) -> Iterator[Step]:
    """Yield steps with which the kernel may forget the neighbours of an interface, and these
    again."""
    about = together(*(step.subjects for step in steps))
    put = (PutNeighbours(interface, neighbours, subjects=about),) if neighbours else ()
    yield from (*put, *steps, *put)
