"""Which kernel settings the networks of a host want, and which return without them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from netaddr import AddrFormatError, IPAddress

from netconsole.backend.intent.above import leaving
from netconsole.backend.intent.links import lower_interface
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.hoststate import Address, Link, Observed, Wanted, WantedLink
from netconsole.backend.model.kernel_settings import (
    IP_FORWARD,
    IPV6_FORWARDING,
    SWITCHES,
    accept_ra,
    belongs_to,
    disable_ipv6,
    is_accept_ra,
)
from netconsole.backend.model.records import Network

HEEDED_NOT = "0"
HEEDED_BY_A_HOST = "1"
"""Of accept_ra: advertisements are heeded as long as the host does not forward."""
HEEDED_BY_A_ROUTER = "2"
"""Of accept_ra: advertisements are heeded though the host forwards."""


def held(presence: Presence) -> dict[str, str]:
    """Return the switches that networks need here: forwarding, of IPv6 for those that have such."""
    wanted = {IP_FORWARD: "1"} if presence.served else {}
    if any(map(is_router_of_v6, presence.served)):
        wanted[IPV6_FORWARDING] = "1"
    return wanted


def is_router_of_v6(network: Network) -> bool:
    """Whether guests send their IPv6 by way of the host that serves the network."""
    return network.cidr_v6 is not None and network.gateway_v6 is not None


def sysctls(presence: Presence) -> dict[str, str]:
    """Return the settings that are wanted: what networks need, and what was before where none
    does."""
    former = presence.records.former_sysctls
    needed = held(presence)
    wanted: dict[str, str] = {}
    for switch in SWITCHES:
        of_switch = {key: value for key, value in former.items() if belongs_to(key, switch)}
        if switch in needed:
            heeded = (key for key in of_switch if is_accept_ra(key))
            wanted |= {**dict.fromkeys(heeded, HEEDED_BY_A_ROUTER), switch: needed[switch]}
        else:
            wanted |= of_switch
    return wanted


def closed(
    presence: Presence,
    links: Mapping[str, WantedLink],
    above: Mapping[str, str],
    present: Mapping[str, Link],
    addresses: Iterable[Address],
) -> dict[str, str]:
    """Return what keeps the host from taking a guest for its router, of the links that are ours.

    A bridge hears no advertisements, unless the host itself is on it; a port has no IPv6 of its
    own, which a frame reaches that bridges keep to themselves (01:80:c2:00:00:0e, IEEE 802.1D).
    `present` and `addresses` are the links and the addresses that the host has.
    """
    lowers = {link.name: link.master for link in links.values() if link.master and not link.ours}
    former = presence.records.former_links
    brought = [(name, each) for name in lowers.keys() & former for each in former[name].used_by]
    brought += [(each.interface, each.address) for each in addresses if each.interface in lowers]
    lived_on = {lowers[name] for name, word in brought if is_global(word)}
    own_links = [link for link in links.values() if link.ours]
    open_bridges = lived_on | _ways_out(presence, above)
    ports = {disable_ipv6(link.name): "1" for link in own_links if link.master}
    bridges = {
        accept_ra(link.name): HEEDED_NOT
        for link in own_links
        if not link.master and link.name not in open_bridges
        if not _is_anothers(link, present.get(link.name))
    }
    return ports | bridges


def _is_anothers(wanted: Link, found: Link | None) -> bool:
    """Whether a bridge was there before: neither marked as ours nor with the MAC made up for it."""
    return found is not None and not found.ours and found.mac != wanted.mac


def is_global(word: str) -> bool:
    """Whether it is an address, with or without a prefix length, by which others are reached."""
    try:
        return not IPAddress(word.partition("/")[0]).is_link_local()
    except AddrFormatError:
        return False


def sysctls_along(presence: Presence) -> dict[str, str]:
    """Return what a host that was a router before had beside it: switched on again, it has that
    again."""
    former = presence.records.former_sysctls
    return {
        key: value
        for switch, needed in held(presence).items()
        if former.get(switch) == needed
        for key, value in former.items()
        if key != switch and belongs_to(key, switch) and not is_accept_ra(key)
    }


def uplinks(presence: Presence, above: Mapping[str, str]) -> frozenset[str]:
    """Return the interfaces, as the options name them, at which a router may advertise to the host.

    Those by which it leaves, and those under VLANs. A bridge that guests share is one only where
    the host itself leaves by it: guests could advertise there. Where networks have a gateway on
    every host, it is none: each of these advertises to the guests, and is no router for the others.
    None either where the host routes no IPv6, and hears of routers as it always did.
    """
    options, records = presence.options, presence.records
    if IPV6_FORWARDING not in held(presence):
        return frozenset()
    leaves_by = {options.public_interface, *(each.interface for each in records.floating_ips)}
    ways_out = _ways_out(presence, above)
    here = (*presence.served, *presence.carried)
    with_guests = {network.bridge for network in here}
    advertising = {each.bridge for each in here if each.multi_host and is_router_of_v6(each)}
    lower = {lower_interface(network, options) for network in here}
    return frozenset(
        name
        for name in leaves_by | lower
        if name
        for listener in (leaving(name, above),)
        if listener not in advertising and (listener in ways_out or listener not in with_guests)
    )


def _ways_out(presence: Presence, above: Mapping[str, str]) -> frozenset[str]:
    """The interfaces by which the host leaves, as the options and its floating addresses say."""
    named = {each.interface for each in presence.records.floating_ips}
    return frozenset(leaving(each, above) for each in {presence.options.public_interface, *named})


def heeding(
    wanted: Wanted, observed: Observed, learners: Iterable[str], accepting: Mapping[str, str]
) -> Wanted:
    """Let interfaces hear of routers as before, though the host is one itself.

    Those that have learnt of one by advertisements, and uplinks that would: `accepting` are the
    values of accept_ra, by interface; 0 says that the admin wants none. Not where only guests are:
    they are told of a router, they do not tell of one. An interface that is, or becomes, the port
    of a bridge hears nothing any more, its bridge does.
    """
    if wanted.sysctls.get(IPV6_FORWARDING) != "1":
        return wanted
    listeners = (
        *(
            leaving(each, wanted.above)
            for each in learners
            if not _is_closed(each, wanted, observed)
        ),
        *_listening_uplinks(wanted, observed, accepting),
    )
    heeded = {
        accept_ra(interface): HEEDED_BY_A_ROUTER
        for interface in listeners
        if not _is_for_guests(interface, wanted, observed)
    }
    return replace(wanted, sysctls={**wanted.sysctls, **heeded}) if heeded else wanted


def _listening_uplinks(
    wanted: Wanted, observed: Observed, accepting: Mapping[str, str]
) -> Iterator[str]:
    """Uplinks that hear advertisements as long as the host is no router.

    Of a bridge that is still to be made, what the interface says whose place it takes.
    """
    for name in sorted(wanted.uplinks):
        listener = leaving(name, wanted.above)
        decides = listener if listener in observed.links else name
        if accepting.get(decides) == HEEDED_BY_A_HOST:
            yield listener


def _is_closed(interface: str, wanted: Wanted, observed: Observed) -> bool:
    """Whether it is to hear nothing, so that what it has learnt is of a guest."""
    found = observed.links.get(interface)
    return (
        found is not None and found.ours and wanted.sysctls.get(accept_ra(interface)) == HEEDED_NOT
    )


def _is_for_guests(interface: str, wanted: Wanted, observed: Observed) -> bool:
    link = wanted.links.get(interface)
    if link is None or not link.alias:
        return False
    if link.kind != "bridge":
        return True
    ports = {
        name
        for links in (observed.links, wanted.links)
        for name, port in links.items()
        if port.master == interface and port.kind != "tap"
    }
    return all(name in wanted.links and wanted.links[name].ours for name in ports)
