"""Everything a host needs to know of the store, in one read."""

from sqlalchemy import Connection

from netconsole.backend.records import Records
from netconsole.backend.store import fixed_ips, floating_ips, instances, networks, settings


def records(connection: Connection, host: str) -> Records:
    """Return the records as a host sees them, in seven queries however many rows there are.

    One host serves the addresses and guests of all, so that only the former settings are its own.
    """
    return Records(
        networks=networks.every(connection),
        instances=instances.every(connection),
        ports=instances.every_port(connection),
        fixed_ips=fixed_ips.associated(connection),
        host_addresses=fixed_ips.of_hosts(connection),
        floating_ips=floating_ips.every(connection),
        former_sysctls=settings.former_sysctls(connection, host),
    )
