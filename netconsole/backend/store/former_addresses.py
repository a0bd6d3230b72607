"""The addresses that a host had before networks and floating addresses asked for them."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.hoststate import Place
from netconsole.backend.store.tables import former_addresses as table

_OF_HOST = sa.select(table.c.interface, table.c.address).where(table.c.host == sa.bindparam("host"))


def of_host(connection: Connection, host: str) -> frozenset[Place]:
    """Return the places of those addresses."""
    found = connection.execute(_OF_HOST, {"host": host})
    return frozenset((row.interface, row.address) for row in found)


def keep(connection: Connection, host: str, places: Collection[Place]) -> None:
    """Remember those addresses of a host, and no others."""
    known = of_host(connection, host)
    for interface, address in sorted(known.difference(places)):
        forget(connection, host, (interface, address))
    for interface, address in sorted(set(places) - known):
        row = {"host": host, "interface": interface, "address": address}
        connection.execute(sa.insert(table).values(row))


def forget(connection: Connection, host: str, place: Place) -> None:
    """Forget one of them."""
    interface, address = place
    connection.execute(
        sa.delete(table).where(
            table.c.host == host, table.c.interface == interface, table.c.address == address
        )
    )
