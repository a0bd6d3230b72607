"""Queries on fixed addresses: the rows of every network's range and where each is in its life.

Free, allocated, leased, deallocated, free again: see the table in `records.FixedIP`'s source,
nova-network's state machine. `updated_at` is when a row last changed its state; among free rows
it is the queue, so that an address given back is the last to be given out again.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from netaddr import IPAddress, IPNetwork
from sqlalchemy import ColumnElement, Connection, Executable

from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import FixedIP, Network
from netconsole.backend.store.rows import columns, fetch
from netconsole.backend.store.tables import (
    fixed_ips,
    instances,
    is_assigned,
    is_associated,
    is_unused,
    networks,
    now,
)

_COLUMNS = columns(fixed_ips, FixedIP)
_ROWS = sa.select(*_COLUMNS)
_BY_GIVING = _ROWS.order_by(fixed_ips.c.allocated_at.nulls_first(), fixed_ips.c.id)
_AT = _ROWS.where(fixed_ips.c.address == sa.bindparam("asked"))
_OF_ID = _ROWS.where(fixed_ips.c.id == sa.bindparam("row"), is_assigned)
_OF_INSTANCE = _BY_GIVING.where(fixed_ips.c.instance_uuid == sa.bindparam("instance"))
_OF_EVERY_INSTANCE = _BY_GIVING.where(is_associated)
_WAITING = _ROWS.where(
    # Each network is asked by itself: SQLite finds them in its index of usage then.
    fixed_ips.c.network_id.in_(sa.select(networks.c.id)),
    fixed_ips.c.allocated.is_(sa.false()),
    fixed_ips.c.leased.is_(sa.true()),
    is_associated,
).order_by(fixed_ips.c.id)
# In another order SQLite reads every address there is: its index of these is by host.
_OF_HOSTS = _ROWS.where(fixed_ips.c.host.is_not(None)).order_by(fixed_ips.c.host, fixed_ips.c.id)


def insert_many(connection: Connection, network_id: int, rows: Iterable[tuple[str, bool]]) -> None:
    """Write a network's addresses, each with whether it is reserved, in address order.

    Raises Conflict when another network holds one of them.
    """
    moment = now()
    free = {"network_id": network_id, "allocated": False, "leased": False, "updated_at": moment}
    new = [{**free, "address": address, "reserved": reserved} for address, reserved in rows]
    try:
        if new:
            connection.execute(sa.insert(fixed_ips), new)
    except sa.exc.IntegrityError as error:
        shown = command("network", "list")
        raise Conflict(
            f"an address of the range belongs to another network: {shown} shows the ranges"
        ) from error


def count_of_project(connection: Connection, project_id: str) -> int:
    """Count the addresses allocated to a project's instances."""
    statement = (
        sa.select(sa.func.count())
        .select_from(fixed_ips)
        .join(instances, instances.c.uuid == fixed_ips.c.instance_uuid)
        .where(instances.c.project_id == project_id, fixed_ips.c.allocated.is_(sa.true()))
    )
    return connection.execute(statement).scalar_one()


def deallocate(connection: Connection, fixed_ip: FixedIP) -> None:
    """Take an address from its instance; it stays associated until its lease ends."""
    _change(connection, fixed_ip, {"allocated": False})


def disassociate(connection: Connection, fixed_ip: FixedIP) -> None:
    """Free an address. It goes to the end of the queue."""
    nobody = {"instance_uuid": None, "port_id": None, "mac": None, "allocated_at": None}
    _change(connection, fixed_ip, {"allocated": False, "leased": False, **nobody})


def take_from_host(connection: Connection, network: Network, host: str) -> FixedIP | None:
    """Free a host's own address in a network, and return it as it was."""
    own = of_host(connection, network, host)
    if own is not None:
        _change(connection, own, {"host": None})
    return own


def set_leased(connection: Connection, fixed_ip: FixedIP, leased: bool) -> None:
    """Note that a guest took its lease, or that the lease ended. A renewal changes nothing."""
    statement = (
        sa.update(fixed_ips)
        .where(
            fixed_ips.c.id == fixed_ip.id,
            fixed_ips.c.leased.is_not(sa.true() if leased else sa.false()),
        )
        .values(leased=leased, updated_at=now())
    )
    connection.execute(statement)


def reserve(connection: Connection, fixed_ip: FixedIP) -> FixedIP | None:
    """Keep a free address from being given out, and return it; None when it is in use."""
    return _set_reserved(connection, sa.and_(fixed_ips.c.id == fixed_ip.id, is_unused), True)


def unreserve(connection: Connection, fixed_ip: FixedIP) -> FixedIP | None:
    """Let an address be given out again, and return it."""
    return _set_reserved(connection, fixed_ips.c.id == fixed_ip.id, False)


def _set_reserved(
    connection: Connection, condition: ColumnElement[bool], reserved: bool
) -> FixedIP | None:
    """Neither a queue's place nor a moment in the life of an address: `updated_at` stays."""
    statement = sa.update(fixed_ips).where(condition).values(reserved=reserved).returning(*_COLUMNS)
    changed = fetch(connection, FixedIP, statement)
    return changed[0] if changed else None


def is_taken(row: FixedIP) -> bool:
    """Whether an address is an instance's or a host's, or still leased."""
    return row.leased or row.instance_uuid is not None or row.host is not None


def of_network(connection: Connection, network_id: int) -> tuple[FixedIP, ...]:
    """Return every address of a network, in address order."""
    return _all(connection, fixed_ips.c.network_id == network_id)


def within(connection: Connection, network: Network, part: IPNetwork) -> tuple[FixedIP, ...]:
    """Return the addresses of a network that lie in a range, in address order."""
    if part.size == 1:
        return _all(connection, fixed_ips.c.address == str(part.ip))
    found = of_network(connection, network.id)
    return tuple(row for row in found if IPAddress(row.address) in part)


def associated(connection: Connection) -> tuple[FixedIP, ...]:
    """Return the addresses that an instance has, or had and still has a lease on."""
    return _all(connection, is_associated)


def waiting(connection: Connection) -> tuple[FixedIP, ...]:
    """Return the addresses that were taken from instances and wait for their leases to end."""
    return fetch(connection, FixedIP, _WAITING)


def macs_served(connection: Connection, network_id: int, host: str | None) -> tuple[str, ...]:
    """Return the MAC addresses to which a network's DHCP server gives addresses.

    Of the ports of one host's instances, or of all where none is named.
    """
    macs = sa.func.aggregate_strings(fixed_ips.c.mac, " ")  # rows take several times as long
    served = sa.select(macs).where(fixed_ips.c.network_id == network_id, is_assigned)
    if host is not None:
        here = sa.select(instances.c.uuid).where(instances.c.host == host)
        served = served.where(fixed_ips.c.instance_uuid.in_(here))
    return tuple((connection.execute(served).scalar_one() or "").split())


def of_id(connection: Connection, row: int) -> FixedIP:
    """Return the address of that id; raises LookupError where there is none that is assigned."""
    found = _first(connection, _OF_ID, row=row)
    if found is None:
        raise LookupError(f"fixed_ips: {row}")
    return found


def of_hosts(connection: Connection) -> tuple[FixedIP, ...]:
    """Return the addresses that hosts have as gateways of their own, by host."""
    return fetch(connection, FixedIP, _OF_HOSTS)


def of_instance(connection: Connection, instance_uuid: str) -> tuple[FixedIP, ...]:
    """Return the addresses associated with an instance, the first given to it first."""
    return fetch(connection, FixedIP, _OF_INSTANCE, {"instance": instance_uuid})


def of_every_instance(connection: Connection) -> tuple[FixedIP, ...]:
    """Return the addresses that are associated with instances, the first given first."""
    return fetch(connection, FixedIP, _OF_EVERY_INSTANCE)


def of_instances(
    connection: Connection, uuids: sa.CompoundSelect[tuple[str]]
) -> tuple[FixedIP, ...]:
    """Return the addresses associated with the instances that a query finds."""
    return _all(connection, fixed_ips.c.instance_uuid.in_(uuids))


def of_host(connection: Connection, network: Network, host: str) -> FixedIP | None:
    """Return the address that a host has of its own in a network, or None."""
    is_own = sa.and_(fixed_ips.c.network_id == network.id, fixed_ips.c.host == host)
    return _first(connection, _ROWS.where(is_own))


def at(connection: Connection, address: str) -> FixedIP | None:
    """Return the row of an address, or None where no network holds it."""
    return _first(connection, _AT, asked=address)


def find(connection: Connection, address: str) -> FixedIP:
    """Return the row of an address.

    Raises NotFound when no network holds it.
    """
    fixed_ip = at(connection, address)
    if fixed_ip is None:
        shown = command("network", "list")
        raise NotFound(f"fixed address {address} is in no network: {shown} shows their ranges")
    return fixed_ip


def _change(connection: Connection, fixed_ip: FixedIP, new: dict[str, object]) -> None:
    by_id = fixed_ips.c.id == fixed_ip.id
    connection.execute(sa.update(fixed_ips).where(by_id).values(**new, updated_at=now()))


def _all(connection: Connection, condition: ColumnElement[bool]) -> tuple[FixedIP, ...]:
    statement = sa.select(*_COLUMNS).where(condition).order_by(fixed_ips.c.id)
    return fetch(connection, FixedIP, statement)


def _first(connection: Connection, statement: Executable, **parameters: object) -> FixedIP | None:
    found = fetch(connection, FixedIP, statement, parameters)
    return found[0] if found else None
