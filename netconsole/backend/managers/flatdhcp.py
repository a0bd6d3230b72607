"""FlatDHCP: one bridge for all instances, addresses handed out by a dnsmasq on the bridge.

Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import bridges
from netconsole.backend.managers.manager import Manager
from netconsole.backend.model.records import Network


@dataclass(frozen=True, slots=True)
class FlatDhcpManager(Manager):
    """Each network has a bridge of its own, for it has a DHCP server of its own."""

    def bridge_interface(self, options: Options) -> str | None:
        return options.flat_interface

    def bridges(
        self,
        given: str | None,
        vlans: Sequence[int | None],
        existing: Sequence[Network],
        options: Options,
    ) -> list[str]:
        """As in the base class; only the first name is the admin's, the others count on from it."""
        holders = {network.bridge: network.label for network in existing}
        name = bridges.usable(given, options)
        if given is not None and given in holders:
            raise bridges.taken(given, holders[given])
        names: list[str] = []
        for _ in vlans:
            public = (options.public_interface,) if names else ()  # it may be the one that is named
            names.append(bridges.next_free(name, (*holders, *names, *public)))
        return names


FLAT_DHCP = FlatDhcpManager(
    kind="flatdhcp",
    required="bridge",
    creates_bridge=True,
    creates_vlan=False,
    serves_dhcp=True,
    reaps_addresses=True,
    has_floating_addresses=True,
    counts_fixed_addresses=True,
    gives_networks_to_projects=False,
    bottom_reserved=2,
)


def has_external_gateway(network: Network) -> bool:
    """Whether guests are told of a router that is not this host, though it serves them."""
    return network.dhcp_server is not None and network.dhcp_server != network.gateway
