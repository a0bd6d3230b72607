"""Which ports of a host are guarded, and what their guests may be. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from netconsole.backend.intent.presence import Presence
from netconsole.backend.model import subject
from netconsole.backend.model.eui64 import LINK_LOCAL, address_v6
from netconsole.backend.model.guards import Guard
from netconsole.backend.model.records import Network, Port
from netconsole.backend.model.subject import together


def guards(presence: Presence) -> dict[str, Guard]:
    """Return the guard of each port that is on this host and not exempt, by its interface.

    What a guest may be depends on records alone, never on what it said first. Where the options
    switch guards off there are none.
    """
    if not presence.options.guard:
        return {}
    networks = {network.id: network for network in (*presence.served, *presence.carried)}
    fixed, allowed = _fixed_addresses(presence), _allowed_ranges(presence)
    return {
        port.device: Guard(
            port.device,
            port.mac,
            _sorted((*fixed.get(port.id, ()), *_made_addresses(port, network))),
            _apart(allowed.get(port.id, ())),
            together((subject.port(port.device), subject.network(network.label))),
        )
        for port in presence.ports
        if port.guarded and (network := networks.get(port.network_id)) is not None
    }


def _sorted(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(addresses)))


def _apart(ranges: Iterable[str]) -> tuple[str, ...]:
    """Ranges that have no address in common, as the kernel wants them in one set."""
    known = [ip_network(each) for each in ranges]
    parted = (
        *collapse_addresses(each for each in known if isinstance(each, IPv4Network)),
        *collapse_addresses(each for each in known if isinstance(each, IPv6Network)),
    )
    return tuple(sorted(map(str, parted)))


def _made_addresses(port: Port, network: Network) -> Iterator[str]:
    """The IPv6 addresses that a guest makes itself."""
    for prefix in (LINK_LOCAL, network.cidr_v6):
        if prefix is not None:
            yield address_v6(port.mac, prefix)


def _fixed_addresses(presence: Presence) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for row in presence.records.fixed_ips:
        if row.allocated and row.port_id is not None:
            found[row.port_id].append(row.address)
    return found


def _allowed_ranges(presence: Presence) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for row in presence.records.allowed_addresses:
        found[row.port_id].append(row.cidr)
    return found
