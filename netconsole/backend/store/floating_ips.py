"""Queries on floating addresses."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.errors import Conflict, NotFound
from netconsole.backend.records import FixedIP, FloatingIP
from netconsole.backend.store.rows import columns, fetch, values
from netconsole.backend.store.tables import floating_ips

_COLUMNS = columns(floating_ips, FloatingIP)
_AT_A_TIME = 500
"""Addresses named in one statement: databases limit the number of parameters."""


def insert_many(connection: Connection, rows: Iterable[FloatingIP]) -> tuple[FloatingIP, ...]:
    """Write new floating addresses and return them with their ids, in the order given.

    Raises Conflict, naming the address, when one of them exists already.
    """
    new = tuple(rows)
    if not new:
        return ()
    for some in _batches(row.address for row in new):
        by_address = floating_ips.c.address.in_(some)
        existing = connection.execute(
            sa.select(floating_ips.c.address).where(by_address).order_by(floating_ips.c.id)
        ).scalar()
        if existing is not None:
            raise Conflict(f"floating address {existing} exists already")
    statement = sa.insert(floating_ips).returning(floating_ips.c.id, sort_by_parameter_order=True)
    ids = connection.execute(statement, [values(row) for row in new]).scalars()
    return tuple(replace(row, id=assigned) for row, assigned in zip(new, ids, strict=True))


def every(connection: Connection) -> tuple[FloatingIP, ...]:
    """Return all floating addresses, in the order in which they were made."""
    return fetch(connection, FloatingIP, sa.select(*_COLUMNS).order_by(floating_ips.c.id))


def find(connection: Connection, address: str) -> FloatingIP:
    """Return a floating address.

    Raises NotFound.
    """
    by_address = floating_ips.c.address == address
    found = fetch(connection, FloatingIP, sa.select(*_COLUMNS).where(by_address))
    if not found:
        raise NotFound(f"floating address {address} does not exist")
    return found[0]


def of_fixed_ip(connection: Connection, fixed_ip_id: int) -> tuple[FloatingIP, ...]:
    """Return the floating addresses of a fixed address."""
    by_fixed_ip = floating_ips.c.fixed_ip_id == fixed_ip_id
    return fetch(
        connection, FloatingIP, sa.select(*_COLUMNS).where(by_fixed_ip).order_by(floating_ips.c.id)
    )


def associate(
    connection: Connection, floating: FloatingIP, fixed_ip: FixedIP, project_id: str, host: str
) -> FloatingIP:
    """Give a floating address to a fixed one; `host` is the host that carries it.

    Raises Conflict when it is another's already: that is part of the same statement.
    """
    statement = (
        sa.update(floating_ips)
        .where(floating_ips.c.id == floating.id, floating_ips.c.fixed_ip_id.is_(None))
        .values(fixed_ip_id=fixed_ip.id, project_id=project_id, host=host)
        .returning(*_COLUMNS)
    )
    associated = fetch(connection, FloatingIP, statement)
    if not associated:
        raise Conflict(f"floating address {floating.address} is associated already")
    return associated[0]


def disassociate(connection: Connection, floating: FloatingIP) -> FloatingIP:
    """Take a floating address from its fixed one: it is in its pool again."""
    nobody = {"fixed_ip_id": None, "project_id": None, "host": None, "auto_assigned": False}
    by_id = floating_ips.c.id == floating.id
    connection.execute(sa.update(floating_ips).where(by_id).values(nobody))
    return replace(floating, fixed_ip_id=None, project_id=None, host=None, auto_assigned=False)


def delete_many(connection: Connection, addresses: Iterable[str]) -> None:
    """Delete floating addresses. Whether they may go is for the caller to know."""
    for some in _batches(addresses):
        connection.execute(sa.delete(floating_ips).where(floating_ips.c.address.in_(some)))


def _batches(addresses: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(addresses)
    while some := list(islice(remaining, _AT_A_TIME)):
        yield some
