"""Making and deleting networks."""

from dataclasses import dataclass
from uuid import uuid4

from netaddr import IPNetwork
from sqlalchemy import Connection

from netconsole.backend import validate
from netconsole.backend.changes import Change, Written
from netconsole.backend.errors import Conflict, InvalidValue
from netconsole.backend.intent import gateway_addresses
from netconsole.backend.managers import flatdhcp
from netconsole.backend.options import Options
from netconsole.backend.records import Network
from netconsole.backend.store import fixed_ips, networks

MTU_RANGE = range(68, 65536)
"""What an IPv4 link may have (RFC 791); a bridge takes no more than 65535."""


@dataclass(frozen=True, slots=True)
class CreateNetwork(Change[Network]):
    """Make a FlatDHCP network and one fixed address row for each address of its range."""

    label: str
    fixed_range_v4: str
    bridge: str | None = None
    gateway: str | None = None
    dhcp_server: str | None = None
    dns1: str | None = None
    dns2: str | None = None
    mtu: int | None = None

    @property
    def title(self) -> str:
        return f"network create {self.label} --fixed-range-v4 {self.fixed_range_v4}"

    def write(self, connection: Connection, options: Options) -> Written[Network]:
        network, layout = self._network(options)
        for other in networks.every(connection):
            _refuse_clash(network, other)
        made = networks.insert(connection, network)
        rows = ((row.address, row.reserved) for row in layout.addresses)
        fixed_ips.insert_many(connection, made.id, rows)
        return Written(made)

    def _network(self, options: Options) -> tuple[Network, flatdhcp.Layout]:
        label = validate.name("network label", self.label)
        cidr = flatdhcp.parse_range(self.fixed_range_v4)
        bridge = self.bridge or options.flat_network_bridge
        if not bridge:
            rule = "name one, or set flat_network_bridge in the configuration"
            raise InvalidValue("bridge", "", rule)
        if validate.interface("bridge", bridge) == options.public_interface:
            raise InvalidValue("bridge", bridge, "is the public interface")
        layout = flatdhcp.layout(
            cidr,
            self.gateway and flatdhcp.parse_address("gateway", self.gateway, cidr),
            self.dhcp_server and flatdhcp.parse_address("DHCP server", self.dhcp_server, cidr),
        )
        if self.mtu is not None and self.mtu not in MTU_RANGE:
            raise InvalidValue("MTU", self.mtu, f"must be {MTU_RANGE[0]} to {MTU_RANGE[-1]}")
        dns1 = self.dns1 or options.flat_network_dns
        network = Network(
            id=0,
            uuid=str(uuid4()),
            label=label,
            cidr=str(cidr),
            netmask=layout.netmask,
            broadcast=layout.broadcast,
            gateway=layout.gateway,
            dhcp_server=layout.dhcp_server,
            dhcp_start=layout.dhcp_start,
            bridge=bridge,
            dns1=dns1 and flatdhcp.parse_address("dns1", dns1),
            dns2=self.dns2 and flatdhcp.parse_address("dns2", self.dns2),
            mtu=self.mtu,
            host=options.host,
        )
        return network, layout


def _refuse_clash(network: Network, other: Network) -> None:
    if network.label == other.label:
        raise Conflict(f"network {network.label!r} exists already")
    if network.bridge == other.bridge:
        raise Conflict(f"bridge {network.bridge} already carries network {other.label!r}")
    if IPNetwork(network.cidr) in IPNetwork(other.cidr) or IPNetwork(other.cidr) in IPNetwork(
        network.cidr
    ):
        raise Conflict(f"{network.cidr} overlaps {other.cidr} of network {other.label!r}")


@dataclass(frozen=True, slots=True)
class DeleteNetwork(Change[Network]):
    """Delete a network, its rows, and everything that it put on the host."""

    network: str

    @property
    def title(self) -> str:
        return f"network delete {self.network}"

    def write(self, connection: Connection, options: Options) -> Written[Network]:
        network = networks.find(connection, self.network)
        if network.project_id:
            raise Conflict(
                f"network {network.label!r} belongs to project {network.project_id}: "
                "disassociate it first"
            )
        used = networks.usage(connection).get(network.id)
        if used is not None and used.allocated:
            addresses = "1 address" if used.allocated == 1 else f"{used.allocated} addresses"
            raise Conflict(f"network {network.label!r} has {addresses} allocated to instances")
        networks.delete(connection, network)
        return Written(network, released=frozenset(gateway_addresses(network)))


def network_for_project(connection: Connection, project: str, options: Options) -> Network:
    """Return the network of a project; one that has none is given a free one first.

    What the VLAN manager does for an instance that names no network. Raises Exhausted when no
    free network is left, and Conflict under another manager, whose networks all projects share.
    """
    if not options.network_manager.endswith(".VlanManager"):
        raise Conflict(f"{options.network_manager} gives no networks to projects")
    owned = networks.of_project(connection, project)
    return owned[0] if owned else networks.give(connection, project)
