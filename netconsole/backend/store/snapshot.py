"""Everything a host needs to know of the store, in one read."""

from sqlalchemy import Connection

from netconsole.backend.records import Records
from netconsole.backend.store import (
    dns,
    fixed_ips,
    floating_ips,
    former_links,
    instances,
    networks,
    settings,
)


def records(connection: Connection, host: str) -> Records:
    """Return the records as a host sees them, in nine queries however many rows there are.

    One host serves the addresses and guests of all, so that only the former settings are its own.
    """
    return Records(
        networks=networks.every(connection),
        instances=instances.every(connection),
        ports=instances.every_port(connection),
        fixed_ips=fixed_ips.associated(connection),
        host_addresses=fixed_ips.of_hosts(connection),
        floating_ips=floating_ips.as_associated(connection),
        dns_entries=dns.entries(connection),
        former_sysctls=settings.former_sysctls(connection, host),
        former_links=former_links.of_host(connection, host),
    )


def records_of_floating(connection: Connection, host: str, address: str) -> Records:
    """Return the records that one floating address is about, and all networks.

    Of each network there is one port with its instance, enough to tell whether this host serves it.
    Raises NotFound.
    """
    floating = floating_ips.find(connection, address)
    rows = fixed_ips.of_id(connection, floating.fixed_ip_id)
    ports = instances.sample_ports(connection, host)
    holders = {port.instance_uuid for port in ports} | {row.instance_uuid for row in rows}
    return Records(
        networks=networks.every(connection),
        instances=instances.of_uuids(connection, holders),
        ports=ports,
        fixed_ips=rows,
        host_addresses=fixed_ips.of_hosts(connection),
        floating_ips=(floating,),
        former_sysctls=settings.former_sysctls(connection, host),
    )
