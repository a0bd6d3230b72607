"""What goes along when an interface becomes a port of a bridge, and comes back. Pure."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface

from netconsole.backend.belongings import Belongings, Words, is_v6, place_of
from netconsole.backend.errors import Conflict
from netconsole.backend.hoststate import HostState, Link
from netconsole.backend.kernel_settings import IPV6_FORWARDING, accept_ra
from netconsole.backend.steps import MoveAddresses, SetSysctl, Step
from netconsole.backend.subject import Subjects

LONGEST_LABEL = 15
"""IFNAMSIZ without its end."""


def ports(observed: HostState, wanted: HostState) -> tuple[Link, ...]:
    """The links of others that are to become ports of a bridge, as they are wanted."""
    return tuple(
        link
        for link in wanted.links.values()
        for found in (observed.links.get(link.name),)
        if link.master and link.kind == "" and found is not None and found.master != link.master
    )


def gone(observed: HostState, wanted: HostState) -> list[Link]:
    """The links of ours that nothing wants any more."""
    return [link for link in observed.links.values() if link.ours and link.name not in wanted.links]


def ways_back(observed: HostState, wanted: HostState) -> tuple[tuple[Link, Link], ...]:
    """Each bridge that goes and has a port of others, with that port.

    Of several it is the one whose MAC address the bridge has.
    """
    found = []
    for bridge in gone(observed, wanted):
        here = [
            link
            for link in observed.links.values()
            if bridge.kind == "bridge" and link.master == bridge.name and not link.ours
        ]
        here.sort(key=lambda link: link.mac != bridge.mac)
        found += [(bridge, link) for link in here[:1]]
    return tuple(found)


def interfaces(observed: HostState, wanted: HostState) -> tuple[str, ...]:
    """Whose belongings a plan turns on."""
    return (
        *(link.name for link in ports(observed, wanted)),
        *(link.name for pair in ways_back(observed, wanted) for link in pair),
    )


def moves(link: Link, observed: HostState) -> bool:
    """Whether something hangs on a link that is to become a port."""
    return observed.belongings.get(link.name, Belongings()).hang


def settings(port: str, bridge: Link, observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Give a bridge that has just been made the settings of the interface it stands for.

    Where that has addresses or routes from router advertisements, the bridge listens to these
    too, whoever did so before: a port hears none, and the host's IPv6 would end with them.
    """
    found = observed.belongings.get(port, Belongings())
    values = dict(found.settings)
    forwards = wanted.sysctls.get(IPV6_FORWARDING, values.pop("ipv6/forwarding", "0"))
    if any(
        "ra" in each or (is_v6(each) and "valid_lft" in each)
        for each in (*found.routes, *found.addresses)
    ):
        needed = "1" if forwards == "0" else "2"
        values["ipv6/accept_ra"] = max(values.get("ipv6/accept_ra", "0"), needed)
    if accept_ra(bridge.name) in wanted.sysctls:
        values.pop("ipv6/accept_ra", None)
    for name, value in values.items():
        usual = found.usual_settings.get(name)
        if usual is not None and usual != value:
            family, key = name.split("/")
            yield SetSysctl(
                f"net/{family}/conf/{bridge.name}/{key}",
                value,
                usual,
                subjects=bridge.subjects,
            )


def moved(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Take what hangs on an interface along to the bridge whose port it becomes."""
    for link in ports(observed, wanted):
        if link.master and moves(link, observed):
            here = observed.belongings[link.name]
            yield _move(link.name, link.master, here, link.subjects, to_bridge=True)


def moved_back(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Give what hangs on a bridge that is removed back to the interface it came from."""
    for bridge, port in ways_back(observed, wanted):
        here = observed.belongings.get(bridge.name, Belongings())
        at_home = observed.belongings.get(port.name, Belongings())
        ours = [each.address for each in wanted.released if each.interface == bridge.name]
        back = _without(here, ours)
        back = replace(
            back,
            rules=tuple(rule for rule in here.rules if rule in at_home.rules),
        )
        if back.hang:
            yield _move(port.name, bridge.name, back, (), to_bridge=False)


def _move(port: str, bridge: str, found: Belongings, about: Subjects, *, to_bridge: bool) -> Step:
    new = bridge if to_bridge else port
    for reason in found.unworded:
        raise Conflict(
            f"interface {port if to_bridge else bridge!r}: {reason}: cannot go along to {new}; "
            "take it off first"
        )
    for address in found.addresses:
        label = f"{new}{address[address.index('label') + 1]}" if "label" in address else ""
        if len(label) > LONGEST_LABEL:
            raise Conflict(
                f"interface {port!r}: address {address[0]}: its label would be {label!r} on {new}, "
                f"which is longer than {LONGEST_LABEL} characters"
            )
    return MoveAddresses(
        port,
        bridge,
        found.addresses,
        found.routes,
        to_bridge,
        found.later_routes,
        found.connected_routes,
        found.rules,
        found.neighbours,
        subjects=about,
    )


def _without(here: Belongings, ours: list[str]) -> Belongings:
    """What is left on a bridge when our addresses go, with the routes that stand on these."""
    own = {str(ip_interface(each).ip) for each in ours}
    subnets = [ip_interface(each).network for each in ours]
    addresses = tuple(
        each
        for each in here.addresses
        if str(ip_interface(each[0]).ip) not in own and not _made_of(each, subnets)
    )
    others = [ip_interface(_subnet(each)).network for each in addresses]

    def stays(route: Words) -> bool:
        given = list(itertools.pairwise(route))
        gateways = [each for word, each in given if word == "via" and each not in ("inet", "inet6")]
        return not any(word == "src" and each in own for word, each in given) and not any(
            _within(each, subnets) and not _within(each, others) for each in gateways
        )

    def is_near(neighbour: Words) -> bool:
        address = neighbour[1] if neighbour[0] == "proxy" else neighbour[0]
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
