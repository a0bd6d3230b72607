"""Everything a host needs to know of the store, in one read."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy import Connection

from netconsole.backend.model.records import FixedIP, Port, Records
from netconsole.backend.store import (
    allowed_addresses,
    dns,
    fixed_ips,
    floating_ips,
    former_addresses,
    former_links,
    instances,
    networks,
    security_groups,
    settings,
)
from netconsole.backend.store.references import refuse_broken


def records(connection: Connection, host: str) -> Records:
    """Return the records as a host sees them, in as many queries however many rows there are.

    One host serves the addresses and guests of all, so that only the former settings are its own.
    Raises DamagedRow, also where a row names one that is not there.
    """
    found = Records(
        networks=networks.every(connection),
        instances=instances.every(connection),
        ports=instances.every_port(connection),
        fixed_ips=fixed_ips.associated(connection),
        host_addresses=fixed_ips.of_hosts(connection),
        floating_ips=floating_ips.as_associated(connection),
        dns_entries=dns.entries(connection),
        allowed_addresses=allowed_addresses.every(connection),
        security_groups=security_groups.every(connection),
        security_group_rules=security_groups.every_rule(connection),
        memberships=security_groups.every_membership(connection),
        former_sysctls=settings.former_sysctls(connection, host),
        former_links=former_links.of_host(connection, host),
        former_addresses=former_addresses.of_host(connection, host),
    )
    refuse_broken(connection)
    return found


def records_of_floating(connection: Connection, host: str, *addresses: str) -> Records:
    """Return the records that some floating addresses are about, and all networks.

    Raises NotFound, and LookupError where one of them names a row that is not there.
    """
    found = floating_ips.of_addresses(connection, addresses)
    named = {row.fixed_ip_id for row in found if row.fixed_ip_id is not None}
    rows = tuple(fixed_ips.of_id(connection, each) for each in sorted(named))
    return replace(_part(connection, host, rows), floating_ips=found)


def records_of_ports(connection: Connection, host: str, devices: Collection[str]) -> Records:
    """Return the records that some ports are about, as far as these are there, and all networks.

    The addresses are all of their instances'. Raises LookupError where one of them names a row that
    is not there.
    """
    named = instances.ports_named(connection, devices)
    owners = {port.instance_uuid for port in named}
    rows = (row for uuid in sorted(owners) for row in fixed_ips.of_instance(connection, uuid))
    found = _part(connection, host, tuple(sorted(rows, key=lambda row: row.id)), named)
    return replace(
        found,
        dns_entries=dns.entries(connection),
        allowed_addresses=allowed_addresses.of_ports(connection, [port.id for port in named]),
    )


def records_of_guests(connection: Connection, host: str) -> Records:
    """Return the records that say what may reach a host's instances, and all networks.

    Members of groups are there wherever they run, where a rule is for what these send.
    """
    uuids = security_groups.guests_of(host)
    samples = instances.sample_ports(connection, host)
    ports = {port.id: port for port in (*samples, *instances.ports_of_all(connection, uuids))}
    guests = {each.uuid: each for each in instances.among(connection, uuids)}
    holders = {port.instance_uuid for port in samples} - guests.keys()
    return Records(
        networks=networks.every(connection),
        instances=(*guests.values(), *instances.of_uuids(connection, holders)),
        ports=tuple(ports[each] for each in sorted(ports)),
        fixed_ips=fixed_ips.of_instances(connection, uuids),
        host_addresses=fixed_ips.of_hosts(connection),
        allowed_addresses=allowed_addresses.every(connection),
        security_group_rules=security_groups.rules_for_host(connection, host),
        memberships=security_groups.memberships_of(connection, uuids),
    )


def records_of_group(
    connection: Connection, host: str, group: int, uuids: Collection[str], *, members: bool
) -> Records:
    """Return a group's rules, some instances, and all networks.

    Of the instances there is all by which they are filtered; of the group's members, where they
    are asked for, what they send from.
    """
    among = security_groups.in_group(group if members else None, uuids)
    every_port = instances.ports_of_all(connection, among)
    own = [port.id for port in every_port if port.instance_uuid in uuids]
    samples = instances.sample_ports(connection, host)
    ports = {port.id: port for port in (*samples, *every_port)}
    holders = {*uuids, *(port.instance_uuid for port in samples)}
    return Records(
        networks=networks.every(connection),
        instances=instances.of_uuids(connection, holders),
        ports=tuple(ports[each] for each in sorted(ports)),
        fixed_ips=fixed_ips.of_instances(connection, among),
        host_addresses=fixed_ips.of_hosts(connection),
        allowed_addresses=allowed_addresses.of_ports(connection, own),
        security_group_rules=security_groups.rules_of_id(connection, group),
        memberships=security_groups.memberships_of(connection, among),
    )


def _part(
    connection: Connection, host: str, rows: tuple[FixedIP, ...], named: tuple[Port, ...] = ()
) -> Records:
    """Return some addresses and ports with their instances, and all networks.

    Of each network there is one port with its instance, enough to tell whether this host serves it.
    Raises LookupError where one of them names a row that is not there.
    """
    every = networks.every(connection)
    homes = {row.network_id for row in rows} | {port.network_id for port in named}
    if not homes <= {network.id for network in every}:
        raise LookupError(f"networks: {rows} {named}")
    ports = {port.id: port for port in (*instances.sample_ports(connection, host), *named)}
    holders = {port.instance_uuid for port in ports.values()}
    holders.update(row.instance_uuid for row in rows if row.instance_uuid is not None)
    return Records(
        networks=every,
        instances=instances.of_uuids(connection, holders),
        ports=tuple(ports[each] for each in sorted(ports)),
        fixed_ips=rows,
        host_addresses=fixed_ips.of_hosts(connection),
        former_sysctls=settings.former_sysctls(connection, host),
        former_addresses=former_addresses.of_host(connection, host),
    )


def records_of_leases(connection: Connection, rows: Iterable[FixedIP]) -> Records:
    """Return some addresses with their instances, as far as these are there, and all networks."""
    found = tuple(rows)
    holders = {row.instance_uuid for row in found if row.instance_uuid is not None}
    return Records(
        networks=networks.every(connection),
        instances=instances.among(connection, holders),
        fixed_ips=found,
    )
