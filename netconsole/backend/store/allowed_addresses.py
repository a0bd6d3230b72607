"""Queries on the ranges from which ports may send beside their own addresses."""

from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa
from netaddr import IPNetwork
from sqlalchemy import Connection

from netconsole.backend.model.records import AllowedAddress
from netconsole.backend.store.rows import columns, fetch, values
from netconsole.backend.store.tables import allowed_addresses, instances, ports

_COLUMNS = columns(allowed_addresses, AllowedAddress)
_EVERY = sa.select(*_COLUMNS).order_by(allowed_addresses.c.id)
_OF_PORTS = _EVERY.where(allowed_addresses.c.port_id.in_(sa.bindparam("ports", expanding=True)))


def every(connection: Connection) -> tuple[AllowedAddress, ...]:
    """Return all of them, the first allowed first."""
    return fetch(connection, AllowedAddress, _EVERY)


def of_ports(connection: Connection, port_ids: Collection[int]) -> tuple[AllowedAddress, ...]:
    """Return those of some ports, the first allowed first."""
    return fetch(connection, AllowedAddress, _OF_PORTS, {"ports": list(port_ids)})


def overlapping(connection: Connection, within: IPNetwork) -> AllowedAddress | None:
    """Return the first that has addresses of a range; None where none has."""
    for row in every(connection):
        if overlap(IPNetwork(row.cidr), within):
            return row
    return None


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Whether two ranges, of either kind, have an address in common."""
    return one in other or other in one


def holder(connection: Connection, row: AllowedAddress) -> str:
    """Return the name of the instance to whose port one is allowed."""
    name: str = connection.execute(
        sa.select(instances.c.name).join(ports).where(ports.c.id == row.port_id)
    ).scalar_one()
    return name


def insert(connection: Connection, row: AllowedAddress) -> AllowedAddress:
    """Write a new one and return it with its id; the id it came with does not count."""
    statement = sa.insert(allowed_addresses).values(values(row)).returning(allowed_addresses.c.id)
    return replace(row, id=connection.execute(statement).scalar_one())


def delete(connection: Connection, rows: Collection[AllowedAddress]) -> None:
    """Delete some of them."""
    of_ids = allowed_addresses.c.id.in_([row.id for row in rows])
    connection.execute(sa.delete(allowed_addresses).where(of_ids))
