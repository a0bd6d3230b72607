"""Presence: what one host has to do with each network. Pure.

It may serve a network (be its gateway and DHCP server), only carry it (have a bridge for its own
instances), or have nothing to do with it.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import manager
from netconsole.backend.model.records import Instance, Network, Port, Records


@dataclass(frozen=True)
class Presence:
    """The records as one host sees them."""

    records: Records
    options: Options

    @cached_property
    def served(self) -> tuple[Network, ...]:
        """The networks whose gateway and DHCP server this host is, as it serves them.

        The Flat manager serves none: its networks have routers of their own. A VLAN is served
        from its first port on until its last is gone, so that idle ones cost nothing.
        """
        return tuple(
            self._as_served(network) for network in self.records.networks if self._serves(network)
        )

    @cached_property
    def carried(self) -> tuple[Network, ...]:
        """The networks that only need a bridge here, for the instances of this host."""
        return tuple(
            network
            for network in self.records.networks
            if not self._serves(network) and network.id in self._networks_with_ports_here
        )

    @cached_property
    def instances(self) -> dict[str, Instance]:
        """This host's instances, by uuid."""
        here = (one for one in self.records.instances if one.host == self.options.host)
        return {instance.uuid: instance for instance in here}

    @cached_property
    def _everybody(self) -> dict[str, Instance]:
        return {instance.uuid: instance for instance in self.records.instances}

    @cached_property
    def ports(self) -> tuple[Port, ...]:
        """The ports of this host's instances."""
        return tuple(port for port in self.records.ports if port.instance_uuid in self.instances)

    def clients(self, network: Network) -> dict[str, Instance]:
        """Return the instances that this host's dnsmasq serves on a network it serves.

        With many gateways each host serves its own; a single one serves everybody's.
        """
        return self.instances if network.multi_host else self._everybody

    def _as_served(self, network: Network) -> Network:
        """With many gateways that share no address, each host is one by an address of its own.

        A host that has none yet serves nothing but its bridge.
        """
        if not network.multi_host or network.share_address:
            return network
        own = next(
            (
                row.address
                for row in self.records.host_addresses
                if (row.network_id, row.host) == (network.id, self.options.host)
            ),
            None,
        )
        return replace(network, dhcp_server=own, gateway=own)

    def _serves(self, network: Network) -> bool:
        if not manager(self.options).serves_dhcp:
            return False
        if network.multi_host:
            return network.id in self._networks_with_ports_here
        if network.host != self.options.host:
            return False
        return not manager(self.options).creates_vlan or network.id in self._networks_with_ports

    @cached_property
    def _networks_with_ports(self) -> frozenset[int]:
        return frozenset(port.network_id for port in self.records.ports)

    @cached_property
    def _networks_with_ports_here(self) -> frozenset[int]:
        return frozenset(port.network_id for port in self.ports)
