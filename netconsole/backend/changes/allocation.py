"""How an instance comes to its networks, ports and addresses, and how they are let go."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import Connection

from netconsole.backend.changes.networks import belongs, network_for_project
from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.addresses import gateway_addresses
from netconsole.backend.intent.links import bridge_mac, uplink
from netconsole.backend.managers import manager
from netconsole.backend.managers.ranges import parse_address
from netconsole.backend.model.errors import Conflict, Exhausted, InvalidValue, NotFound
from netconsole.backend.model.hoststate import Address
from netconsole.backend.model.phrases import command, network_creation
from netconsole.backend.model.records import FixedIP, FloatingIP, Instance, Network, Port, PortKind
from netconsole.backend.steps.links import MOST_PORTS
from netconsole.backend.store import (
    allocations,
    dns,
    fixed_ips,
    floating_ips,
    instances,
    networks,
)


def networks_for(
    connection: Connection, project: str, asked: Sequence[str], options: Options
) -> tuple[Network, ...]:
    """Return the networks of a new instance: those asked for, in their order, or all that it may
    have.

    Under the VLAN manager that is the project's own, and one is given to a project without;
    otherwise every network without a VLAN that is not another project's.
    """
    kind = manager(options)
    if asked:
        found = tuple(networks.find(connection, label) for label in asked)
        for position, network in enumerate(found):
            if network in found[:position]:
                raise InvalidValue("network", network.label, "is named twice")
            refuse_foreign(network, project, options)
        return found
    if kind.gives_networks_to_projects:
        owned = networks.of_project(connection, project)
        return owned or (network_for_project(connection, project, options),)
    shared = tuple(
        network
        for network in networks.every(connection)
        if network.vlan is None and network.project_id in (None, project)
    )
    if not shared:
        raise Conflict(
            f"there is no network for an instance of project {project!r}: "
            f"{network_creation()} makes one"
        )
    return shared


def refuse_foreign(network: Network, project: str, options: Options) -> None:
    """Raise Conflict for a network that a project's instances may not use."""
    if network.project_id == project:
        return
    if network.project_id is not None:
        raise belongs(network)
    if manager(options).gives_networks_to_projects:
        given = command("network", "associate", network.label, "--project", project)
        raise Conflict(
            f"network {network.label!r} is not one of project {project!r}: {given} comes first"
        )


def addresses_for(
    connection: Connection, wanted: Sequence[Network], addresses: Sequence[str]
) -> Mapping[int, str]:
    """Return the addresses asked for, by the id of the network that each belongs to."""
    labels = {network.id: network.label for network in wanted}
    chosen: dict[int, str] = {}
    for value in addresses:
        row = fixed_ips.find(connection, parse_address("fixed address", value))
        if row.network_id not in labels:
            shown = command("fixed", "get", row.address)
            raise NotFound(
                f"fixed address {row.address} is in none of the instance's networks: {shown} "
                "shows in which"
            )
        if row.network_id in chosen:
            rule = f"is one address too many in network {labels[row.network_id]!r}"
            raise InvalidValue("fixed address", row.address, rule)
        chosen[row.network_id] = row.address
    return chosen


def give_port(
    connection: Connection,
    instance: Instance,
    network: Network,
    kind: PortKind,
    options: Options,
    mac: str | None = None,
    *,
    guarded: bool = True,
) -> Port:
    """Make a port with the MAC address asked for, or with one of its own.

    Raises Exhausted where none is found, or where the bridge can have no more ports, and Conflict
    where the one asked for is taken.
    """
    _refuse_full_bridge(connection, instance, network, options)
    if mac is not None:
        _refuse_taken_mac(connection, mac, network)
        made = new_port(instance, network, mac, kind, guarded=guarded)
        return instances.insert_port(connection, made)
    for _ in range(options.create_unique_mac_address_attempts):
        mac = random_mac()
        if not instances.has_mac(connection, mac):
            made = new_port(instance, network, mac, kind, guarded=guarded)
            return instances.insert_port(connection, made)
    raise Exhausted("no free MAC address found; raise create_unique_mac_address_attempts")


def without_address(instance: Instance, address: str) -> NotFound:
    """Return what is said of an instance that has other addresses than the one named."""
    shown = command("instance", "show", instance.name)
    return NotFound(
        f"instance {instance.name!r} has no fixed address {address}: {shown} shows which it has"
    )


def told_elsewhere(wanted: Iterable[Network], options: Options) -> tuple[str, ...]:
    """Say which other hosts give the addresses of networks: only those tell their dnsmasq."""
    if not manager(options).serves_dhcp:
        return ()
    return tuple(
        f"host {network.host} gives the addresses of network {network.label!r}: "
        "`netconsole apply` there tells its dnsmasq"
        for network in wanted
        if network.enable_dhcp and not network.multi_host
        if network.host not in (None, options.host)
    )


def _refuse_full_bridge(
    connection: Connection, instance: Instance, network: Network, options: Options
) -> None:
    """Raise Exhausted where a host's bridge has as many ports as the kernel lets it have."""
    carried = [one.id for one in networks.every(connection) if one.bridge == network.bridge]
    most = MOST_PORTS - (1 if uplink(network, options) else 0)
    if instances.count_ports(connection, carried, instance.host) >= most:
        raise Exhausted(
            f"bridge {network.bridge} of network {network.label!r} has {most} ports for instances "
            f"on host {instance.host}, the most that a Linux bridge can have: "
            f"{network_creation()} makes another network"
        )


def _refuse_taken_mac(connection: Connection, mac: str, network: Network) -> None:
    """Raise Conflict for a MAC address that a port or the bridge has.

    The first two digits make no difference: the host's end of a port has others there.
    """
    holder = instances.with_mac_like(connection, f"__{mac[2:]}")
    if holder is not None:
        raise Conflict(
            f"MAC address {mac}: a port of instance {holder!r} has it, or its host's end: "
            f"{command('instance', 'show', holder)} shows it"
        )
    if mac[2:] == bridge_mac(network)[2:]:
        raise Conflict(f"MAC address {mac}: bridge {network.bridge} has it")


def random_mac() -> str:
    """Return a random MAC address with nova's prefix."""
    return "fa:16:3e:" + ":".join(f"{octet:02x}" for octet in secrets.token_bytes(3))


def new_port(
    instance: Instance, network: Network, mac: str, kind: PortKind, *, guarded: bool = True
) -> Port:
    """Return a port with a device name of its own; the names fit the kernel's 15 letters."""
    uuid = str(uuid4())
    return Port(
        id=0,
        uuid=uuid,
        mac=mac,
        network_id=network.id,
        instance_uuid=instance.uuid,
        kind=kind,
        device=f"{kind}{uuid[:8]}",
        peer=f"peer{uuid[:8]}" if kind == "veth" else None,
        guarded=guarded,
    )


def give_address(
    connection: Connection,
    instance: Instance,
    network: Network,
    port: Port,
    address: str | None,
    options: Options,
) -> FixedIP:
    """Give a port an address, and the instance's host one where it is a gateway of its own."""
    row = allocations.allocate(connection, network, instance.uuid, port.id, address)
    _give_host_its_own(connection, instance, network, options)
    return row


def give_vpn_address(
    connection: Connection, instance: Instance, network: Network, port: Port, options: Options
) -> FixedIP:
    """Give a port the address that its network keeps for the VPN, else as `give_address`."""
    row = allocations.allocate_vpn(connection, network, instance.uuid, port.id)
    _give_host_its_own(connection, instance, network, options)
    return row


def _give_host_its_own(
    connection: Connection, instance: Instance, network: Network, options: Options
) -> None:
    if _has_many_gateways(network, options):
        allocations.allocate_to_host(connection, network, instance.host)


def assign_floating(
    connection: Connection, instance: Instance, row: FixedIP, network: Network, options: Options
) -> FloatingIP:
    """Give a new instance an address of the default pool, which goes when the instance goes."""
    pool = options.default_floating_pool
    floating = floating_ips.allocate(connection, pool, instance.project_id, auto_assigned=True)
    return floating_ips.associate(connection, floating, row, carrier(network, instance))


def carrier(network: Network, instance: Instance) -> str | None:
    """Return the host that carries an instance's floating addresses: its gateway."""
    return instance.host if network.multi_host else network.host


def let_go(connection: Connection, row: FixedIP, options: Options) -> None:
    """Take an address from its instance, with its floating ones; free at once unless leased."""
    for floating in floating_ips.of_fixed_ip(connection, row.id):
        floating_ips.disassociate(connection, floating)
        if floating.auto_assigned:
            dns.forget(connection, (floating.address,))
    if row.leased and manager(options).serves_dhcp:
        fixed_ips.deallocate(connection, row)
    else:
        fixed_ips.disassociate(connection, row)


def leave(
    connection: Connection, instance: Instance, network: Network, options: Options
) -> frozenset[Address]:
    """Clear up behind a deleted instance in a network that no dnsmasq serves any more.

    Its leases are nobody's then, and so is the address that the host had for itself, or as the
    network's gateway: what that leaves on the host is returned.
    """
    if not _is_deserted(connection, instance, network, options):
        return frozenset()
    for row in fixed_ips.of_instance(connection, instance.uuid):
        if row.network_id == network.id:
            fixed_ips.disassociate(connection, row)
    if not _has_many_gateways(network, options):
        return frozenset(gateway_addresses(network))
    own = fixed_ips.take_from_host(connection, network, instance.host)
    if own is None:
        return frozenset()
    return frozenset(gateway_addresses(replace(network, dhcp_server=own.address)))


def _is_deserted(
    connection: Connection, instance: Instance, network: Network, options: Options
) -> bool:
    """Whether a network that is served only while it has ports has none left where one was."""
    if not network.multi_host and not manager(options).creates_vlan:
        return False
    host = instance.host if network.multi_host else None
    return not instances.has_ports(connection, network.id, host)


def _has_many_gateways(network: Network, options: Options) -> bool:
    """Whether each host with instances is a gateway by an address of its own."""
    return network.multi_host and not network.share_address and manager(options).serves_dhcp
