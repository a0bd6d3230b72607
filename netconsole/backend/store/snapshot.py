"""Everything a host needs to know of the store, in one read."""

from sqlalchemy import Connection

from netconsole.backend.model.records import Records
from netconsole.backend.store import (
    dns,
    fixed_ips,
    floating_ips,
    former_addresses,
    former_links,
    instances,
    networks,
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
        former_sysctls=settings.former_sysctls(connection, host),
        former_links=former_links.of_host(connection, host),
        former_addresses=former_addresses.of_host(connection, host),
    )
    refuse_broken(connection)
    return found


def records_of_floating(connection: Connection, host: str, *addresses: str) -> Records:
    """Return the records that some floating addresses are about, and all networks.

    Of each network there is one port with its instance, enough to tell whether this host serves it.
    Raises NotFound, and LookupError where one of them names a row that is not there.
    """
    found = floating_ips.of_addresses(connection, addresses)
    named = {row.fixed_ip_id for row in found if row.fixed_ip_id is not None}
    rows = tuple(fixed_ips.of_id(connection, each) for each in sorted(named))
    every = networks.every(connection)
    if not {row.network_id for row in rows} <= {network.id for network in every}:
        raise LookupError(f"networks: {rows}")
    ports = instances.sample_ports(connection, host)
    holders = {port.instance_uuid for port in ports}
    holders.update(row.instance_uuid for row in rows if row.instance_uuid is not None)
    return Records(
        networks=every,
        instances=instances.of_uuids(connection, holders),
        ports=ports,
        fixed_ips=rows,
        host_addresses=fixed_ips.of_hosts(connection),
        floating_ips=found,
        former_sysctls=settings.former_sysctls(connection, host),
        former_addresses=former_addresses.of_host(connection, host),
    )
