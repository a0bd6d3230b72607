"""What hosts had before netconsole came, to be put back when it goes."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.store.tables import former_sysctls as table

_OF_HOST = (
    sa.select(table.c.key, table.c.value)
    .where(table.c.host == sa.bindparam("host"))
    .order_by(table.c.key)
)


def former_sysctls(connection: Connection, host: str) -> dict[str, str]:
    """Return the kernel settings that a host had before its first network, by key."""
    return {row.key: row.value for row in connection.execute(_OF_HOST, {"host": host})}


def remember_sysctl(connection: Connection, host: str, key: str, value: str) -> None:
    """Note what a kernel setting was. The first value noted stays: later ones are our own."""
    if key not in former_sysctls(connection, host):
        connection.execute(sa.insert(table).values(host=host, key=key, value=value))


def forget_sysctls(connection: Connection, host: str, keys: Iterable[str]) -> None:
    """Forget former settings of a host, after they were put back."""
    connection.execute(sa.delete(table).where(table.c.host == host, table.c.key.in_(tuple(keys))))
