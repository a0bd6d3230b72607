"""Rows to write into a store."""

from ipaddress import ip_network

import sqlalchemy as sa

from netconsole.backend.model.records import FloatingIP, Instance, Network, Port
from netconsole.backend.store import Store, fixed_ips, instances, networks, settings


def a_network(connection: sa.Connection, cidr: str = "10.0.0.0/29", number: int = 0) -> Network:
    """A network whose first two addresses and last one are reserved, as FlatDHCP has it."""
    addresses = [str(address) for address in ip_network(cidr)]
    network = networks.insert(
        connection,
        Network(
            id=0,
            uuid=f"network-{number}",
            label=f"vmnet{number}",
            cidr=cidr,
            netmask=str(ip_network(cidr).netmask),
            broadcast=addresses[-1],
            gateway=addresses[1],
            dhcp_server=addresses[1],
            dhcp_start=addresses[2],
            bridge=f"br10{number}",
            mtu=1450,
        ),
    )
    reserved = {addresses[0], addresses[1], addresses[-1]}
    fixed_ips.insert_many(connection, network.id, ((each, each in reserved) for each in addresses))
    return network


def an_instance(connection: sa.Connection, network: Network, number: int = 0) -> Port:
    """An instance with one port, which is returned."""
    instance = Instance(f"instance-{number}", f"web{number}", "demo", "host", f"web{number}")
    instances.insert(connection, instance)
    return instances.insert_port(connection, a_port(network, instance, number))


def a_port(network: Network, instance: Instance, number: int) -> Port:
    mac = f"fa:16:3e:00:{number // 256:02x}:{number % 256:02x}"
    return Port(0, f"port-{number}", mac, network.id, instance.uuid, "tap", f"tap{number}")


def floating(number: int) -> FloatingIP:
    return FloatingIP(0, f"203.0.{number // 256}.{number % 256}", "public", "eth0")


def remembered(store: Store) -> dict[str, str]:
    with store.reading() as connection:
        return settings.former_sysctls(connection, "host")


def remember(store: Store, key: str) -> None:
    with store.transaction() as connection:
        settings.remember_sysctl(connection, "host", key, "0")
