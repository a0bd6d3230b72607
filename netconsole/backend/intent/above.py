"""Above: packets that are said to leave by a port leave by its bridge, for every rule. Pure.

A port of a bridge has no addresses that count, and rules that name it match nothing: `-o eth0`
is the bridge's name where eth0 is in one. So wherever options and ranges name an interface, the
bridge or bond above it is meant.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.hoststate import FormerLink, Link, Place

_MASTERS = frozenset({"bridge", "bond", "team"})
"""Kinds of links that speak for their ports; a VRF and Open vSwitch do not."""


def masters(
    wanted: Mapping[str, Link],
    present: Mapping[str, Link],
    former: Mapping[str, FormerLink] = MappingProxyType({}),
) -> dict[str, str]:
    """Return the bridge or bond of each interface that is in one, as it is or as it should be.

    One that networks put into a bridge of theirs (`former`) and want no more leaves it.
    """
    speaking = {
        name
        for name, link in present.items()
        if link.kind in _MASTERS and (name in wanted or not link.ours)
    }
    found = {
        name: link.master
        for name, link in present.items()
        if link.master is not None
        and link.master in speaking
        and not (name in former and name not in wanted and former[name].bridge == link.master)
    }
    return {**found, **{name: link.master for name, link in wanted.items() if link.master}}


def along(
    places: frozenset[Place], above: Mapping[str, str], present: Mapping[str, Link]
) -> frozenset[Place]:
    """Places of addresses, also as they are when these go along to a bridge, or back from it."""
    if not places:
        return places
    pairs = {(name, link.master) for name, link in present.items() if link.master is not None}
    beside: dict[str, set[str]] = {}
    for port, bridge in pairs | set(above.items()):
        beside.setdefault(port, set()).add(bridge)
        beside.setdefault(bridge, set()).add(port)
    return places | {(other, address) for name, address in places for other in beside.get(name, ())}


def leaving(interface: str, above: Mapping[str, str]) -> str:
    """Return the interface by which packets leave that are sent by this one."""
    passed = {interface}
    while (upper := above.get(interface)) is not None and upper not in passed:
        interface = upper
        passed.add(interface)
    return interface


def followed(options: Options, above: Mapping[str, str]) -> Options:
    """Return the options with the interfaces by which packets leave."""
    return replace(
        options,
        public_interface=leaving(options.public_interface, above),
        forward_bridge_interface=tuple(
            dict.fromkeys(leaving(each, above) for each in options.forward_bridge_interface)
        ),
    )
