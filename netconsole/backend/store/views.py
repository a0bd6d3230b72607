"""Records put together as an admin thinks of them."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from netconsole.backend.model.records import (
    FixedIP,
    FixedIPView,
    Instance,
    InstanceView,
    Network,
    PortView,
    VpnView,
)
from netconsole.backend.store import (
    allowed_addresses,
    fixed_ips,
    floating_ips,
    instances,
    networks,
)


def instance_view(connection: Connection, instance: Instance) -> InstanceView:
    """Return an instance with its ports, their networks and addresses."""
    by_id = {network.id: network for network in networks.every(connection)}
    rows = fixed_ips.of_instance(connection, instance.uuid)
    of_instance = instances.ports_of(connection, instance.uuid)
    ranges = allowed_addresses.of_ports(connection, [port.id for port in of_instance])
    ports = []
    for port in of_instance:
        own = tuple(row for row in rows if row.port_id == port.id)
        floating = tuple(
            address for row in own for address in floating_ips.of_fixed_ip(connection, row.id)
        )
        allowed = tuple(each for each in ranges if each.port_id == port.id)
        ports.append(PortView(port, by_id[port.network_id], own, floating, allowed))
    return InstanceView(instance, tuple(ports))


def fixed_ip_view(connection: Connection, address: str) -> FixedIPView:
    """Return an address with its network and instance; raises NotFound."""
    row = fixed_ips.find(connection, address)
    (view,) = _with_holders(connection, (row,))
    return view


def fixed_ip_views(connection: Connection, network: Network | None) -> Iterator[FixedIPView]:
    """Yield every address of a network, or of all networks, in order."""
    chosen = networks.every(connection) if network is None else (network,)
    rows = (row for each in chosen for row in fixed_ips.of_network(connection, each.id))
    return _with_holders(connection, rows)


def _with_holders(connection: Connection, rows: Iterable[FixedIP]) -> Iterator[FixedIPView]:
    by_id = {network.id: network for network in networks.every(connection)}
    by_uuid = {instance.uuid: instance for instance in instances.every(connection)}
    for row in rows:
        yield FixedIPView(row, by_id[row.network_id], by_uuid.get(row.instance_uuid or ""))


def vpn_views(connection: Connection) -> tuple[VpnView, ...]:
    """Return every network that keeps an address for a VPN, with the instance that has it."""
    by_uuid = {instance.uuid: instance for instance in instances.every(connection)}
    holders = {
        (row.network_id, row.address): by_uuid.get(row.instance_uuid or "")
        for row in fixed_ips.associated(connection)
        if row.allocated
    }
    return tuple(
        VpnView(network, holders.get((network.id, network.vpn_private_address)))
        for network in networks.every(connection)
        if network.vpn_private_address is not None
    )
