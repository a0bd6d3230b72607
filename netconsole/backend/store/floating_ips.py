"""Queries on floating addresses."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.errors import Conflict, Exhausted, NotFound
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import FixedIP, FloatingIP
from netconsole.backend.store.identity import next_serial
from netconsole.backend.store.rows import columns, fetch, values
from netconsole.backend.store.tables import fixed_ips, floating_ips, instances, now

_COLUMNS = columns(floating_ips, FloatingIP)
_OF_FIXED_IP = (
    sa.select(*_COLUMNS)
    .where(floating_ips.c.fixed_ip_id == sa.bindparam("fixed_ip"))
    .order_by(floating_ips.c.id)
)
_is_idle = floating_ips.c.fixed_ip_id.is_(None)
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
            shown = command("floating", "list")
            raise Conflict(f"floating address {existing} exists already: {shown} shows all")
    statement = sa.insert(floating_ips).returning(floating_ips.c.id, sort_by_parameter_order=True)
    serial = {"serial": next_serial(connection)}
    ids = connection.execute(statement, [values(row) | serial for row in new]).scalars()
    return tuple(replace(row, id=assigned) for row, assigned in zip(new, ids, strict=True))


def every(connection: Connection) -> tuple[FloatingIP, ...]:
    """Return all floating addresses, in the order in which they were made."""
    return fetch(connection, FloatingIP, sa.select(*_COLUMNS).order_by(floating_ips.c.id))


def since(connection: Connection, serial: int) -> frozenset[str]:
    """Return the floating addresses that came with later changes of the store than this one."""
    later = sa.select(floating_ips.c.address).where(floating_ips.c.serial > serial)
    return frozenset(connection.execute(later).scalars())


def as_associated(connection: Connection) -> tuple[FloatingIP, ...]:
    """Return all floating addresses, the associated ones in the order in which they became so.

    An associated row is not updated otherwise, so the moment of its last update tells.
    """
    order = (floating_ips.c.updated_at, floating_ips.c.id)
    return fetch(connection, FloatingIP, sa.select(*_COLUMNS).order_by(*order))


def find(connection: Connection, address: str) -> FloatingIP:
    """Return a floating address.

    Raises NotFound.
    """
    by_address = floating_ips.c.address == address
    found = fetch(connection, FloatingIP, sa.select(*_COLUMNS).where(by_address))
    if not found:
        listed = command("floating", "list")
        raise NotFound(f"floating address {address} does not exist: {listed} shows which do")
    return found[0]


def of_addresses(connection: Connection, addresses: Collection[str]) -> tuple[FloatingIP, ...]:
    """Return some floating addresses, in the order of `as_associated`.

    Raises NotFound.
    """
    among = floating_ips.c.address.in_(addresses)
    order = (floating_ips.c.updated_at, floating_ips.c.id)
    found = fetch(connection, FloatingIP, sa.select(*_COLUMNS).where(among).order_by(*order))
    for unknown in sorted({*addresses} - {row.address for row in found}):
        find(connection, unknown)
    return found


def of_fixed_ip(connection: Connection, fixed_ip_id: int) -> tuple[FloatingIP, ...]:
    """Return the floating addresses of a fixed address."""
    return fetch(connection, FloatingIP, _OF_FIXED_IP, {"fixed_ip": fixed_ip_id})


def allocate(
    connection: Connection, pool: str, project_id: str, *, auto_assigned: bool = False
) -> FloatingIP:
    """Give a project the first free address of a pool, in one statement.

    Raises NotFound when there is no such pool and Exhausted when it has no free address.
    """
    pick = (
        sa.select(floating_ips.c.id)
        .where(floating_ips.c.pool == pool, _is_idle, floating_ips.c.project_id.is_(None))
        .order_by(floating_ips.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        sa.update(floating_ips)
        .where(floating_ips.c.id == pick.scalar_subquery())
        .values(project_id=project_id, auto_assigned=auto_assigned)
        .returning(*_COLUMNS)
    )
    given = fetch(connection, FloatingIP, statement)
    if given:
        return given[0]
    in_pool = sa.select(floating_ips.c.id).where(floating_ips.c.pool == pool).limit(1)
    if connection.execute(in_pool).first() is None:
        raise NotFound(f"floating pool {pool!r} does not exist: {_filled(pool)} makes it")
    raise Exhausted(f"floating pool {pool!r} has no free address left: {_filled(pool)} adds some")


def _filled(pool: str) -> str:
    return command("floating", "create", "--pool", pool, "--ip-range", "CIDR")


def release(connection: Connection, floating: FloatingIP) -> FloatingIP:
    """Take an address from its project: it is in its pool again.

    Raises Conflict when it is associated: that is part of the same statement.
    """
    statement = (
        sa.update(floating_ips)
        .where(floating_ips.c.id == floating.id, _is_idle)
        .values(project_id=None)
        .returning(*_COLUMNS)
    )
    released = fetch(connection, FloatingIP, statement)
    if not released:
        first = command("floating", "disassociate", floating.address)
        raise Conflict(f"floating address {floating.address} is associated: {first} comes first")
    return released[0]


def count_of_project(connection: Connection, project_id: str) -> int:
    """Count a project's addresses: those allocated to it, and those its instances have."""
    held = (
        sa.select(fixed_ips.c.id)
        .join(instances, instances.c.uuid == fixed_ips.c.instance_uuid)
        .where(instances.c.project_id == project_id)
    )
    statement = sa.select(sa.func.count()).where(
        floating_ips.c.auto_assigned.is_(sa.false()),
        sa.or_(floating_ips.c.project_id == project_id, floating_ips.c.fixed_ip_id.in_(held)),
    )
    return connection.execute(statement).scalar_one()


def associate(
    connection: Connection, floating: FloatingIP, fixed_ip: FixedIP, host: str | None
) -> FloatingIP:
    """Give a floating address to a fixed one; `host` is the host that carries it.

    Raises Conflict when it is another's already: that is part of the same statement.
    """
    statement = (
        sa.update(floating_ips)
        .where(floating_ips.c.id == floating.id, _is_idle)
        .values(fixed_ip_id=fixed_ip.id, host=host, updated_at=_later(connection))
        .returning(*_COLUMNS)
    )
    associated = fetch(connection, FloatingIP, statement)
    if not associated:
        first = command("floating", "disassociate", floating.address)
        raise Conflict(
            f"floating address {floating.address} is associated already: {first} comes first"
        )
    return associated[0]


def _later(connection: Connection) -> datetime:
    """Now, but after every association before, even if the clock was set back."""
    last = connection.execute(sa.select(sa.func.max(floating_ips.c.updated_at))).scalar()
    return now() if last is None else max(now(), last + timedelta(microseconds=1))


def disassociate(connection: Connection, floating: FloatingIP) -> FloatingIP:
    """Take a floating address from its fixed one.

    It stays with the project that it is allocated to; one that was assigned with an instance is
    in its pool again.
    """
    project = None if floating.auto_assigned else floating.project_id
    idle = replace(floating, fixed_ip_id=None, project_id=project, host=None, auto_assigned=False)
    by_id = floating_ips.c.id == floating.id
    connection.execute(sa.update(floating_ips).where(by_id).values(values(idle)))
    return idle


def delete_many(connection: Connection, addresses: Iterable[str]) -> None:
    """Delete floating addresses. Whether they may go is for the caller to know."""
    for some in _batches(addresses):
        connection.execute(sa.delete(floating_ips).where(floating_ips.c.address.in_(some)))


def _batches(addresses: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(addresses)
    while some := list(islice(remaining, _AT_A_TIME)):
        yield some
