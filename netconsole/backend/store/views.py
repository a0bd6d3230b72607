"""Records put together as an admin thinks of them."""

from sqlalchemy import Connection

from netconsole.backend.records import Instance, InstanceView, PortView
from netconsole.backend.store import fixed_ips, floating_ips, instances, networks


def instance_view(connection: Connection, instance: Instance) -> InstanceView:
    """Return an instance with its ports, their networks and addresses."""
    by_id = {network.id: network for network in networks.every(connection)}
    rows = fixed_ips.of_instance(connection, instance.uuid)
    ports = []
    for port in instances.ports_of(connection, instance.uuid):
        own = tuple(row for row in rows if row.port_id == port.id)
        floating = tuple(
            address for row in own for address in floating_ips.of_fixed_ip(connection, row.id)
        )
        ports.append(PortView(port, by_id[port.network_id], own, floating))
    return InstanceView(instance, tuple(ports))
