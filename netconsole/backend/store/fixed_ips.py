"""Queries on fixed addresses: the rows of every network's range and where each is in its life.

Free, allocated, leased, deallocated, free again: see the table in `records.FixedIP`'s source,
nova-network's state machine. `updated_at` is when a row last changed its state; among free rows
it is the queue, so that an address given back is the last to be given out again.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from netaddr import IPAddress, IPNetwork
from sqlalchemy import ColumnElement, Connection, Executable, Update

from netconsole.backend.managers.layout import purpose
from netconsole.backend.model.errors import Conflict, Exhausted, NotFound
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import FixedIP, Network
from netconsole.backend.store.rows import columns, fetch
from netconsole.backend.store.tables import (
    fixed_ips,
    instances,
    is_assigned,
    is_associated,
    is_free,
    networks,
    now,
    ports,
)

_COLUMNS = columns(fixed_ips, FixedIP)
_is_unused = sa.and_(
    fixed_ips.c.instance_uuid.is_(None),
    fixed_ips.c.leased.is_(sa.false()),
    fixed_ips.c.host.is_(None),
)
"""Nobody has the address, whether it is reserved or not."""


def _longest_free(condition: ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return (
        sa.select(fixed_ips.c.id)
        .where(condition)
        .order_by(fixed_ips.c.updated_at, fixed_ips.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def _giving(wanted: ColumnElement[bool]) -> Update:
    """The statement that gives a port the longest unchanged row of a network that is wanted."""
    port = sa.bindparam("port", type_=sa.Integer)
    moment = sa.bindparam("moment", type_=fixed_ips.c.updated_at.type)
    in_network = fixed_ips.c.network_id == sa.bindparam("network")
    return (
        sa.update(fixed_ips)
        .where(fixed_ips.c.id == _longest_free(sa.and_(in_network, wanted)))
        .values(
            allocated=True,
            instance_uuid=sa.bindparam("instance", type_=sa.String),
            port_id=port,
            mac=sa.select(ports.c.mac).where(ports.c.id == port).scalar_subquery(),
            allocated_at=moment,
            updated_at=moment,
        )
        .returning(*_COLUMNS)
    )


_is_asked_for = fixed_ips.c.address == sa.bindparam("asked")
# Put together once: SQLAlchemy takes longer for that than SQLite for the allocation.
_GIVE_LONGEST_FREE = _giving(is_free)
_GIVE_FREE = _giving(sa.and_(is_free, _is_asked_for))
_GIVE_KEPT = _giving(sa.and_(_is_unused, _is_asked_for))


_ROWS = sa.select(*_COLUMNS)
_BY_GIVING = _ROWS.order_by(fixed_ips.c.allocated_at.nulls_first(), fixed_ips.c.id)
_AT = _ROWS.where(_is_asked_for)
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


def allocate(
    connection: Connection,
    network: Network,
    instance_uuid: str,
    port_id: int | None,
    address: str | None = None,
) -> FixedIP:
    """Give an instance's port an address: the one asked for, or the longest free.

    One statement picks and marks the row, so no address is given twice however many ask at once.
    The row takes the port's MAC address along: the lease outlives the port.
    Raises Exhausted when the network has none left; for an address asked for, NotFound when the
    network does not hold it and Conflict when it is reserved or in use.
    """
    statement = _GIVE_LONGEST_FREE if address is None else _GIVE_FREE
    given = _give(connection, statement, network, instance_uuid, port_id, address)
    if given is not None:
        return given
    if address is not None:
        raise _not_to_be_had(connection, network, address)
    listed = command("fixed", "list", "--network", network.label)
    raise Exhausted(
        f"network {network.label!r} has no free address left in {network.cidr}: {listed} shows "
        "who has them"
    )


def allocate_vpn(
    connection: Connection, network: Network, instance_uuid: str, port_id: int
) -> FixedIP:
    """Give a port the address that its network reserves for the VPN, as `allocate` does.

    No other reserved address is ever given. Raises NotFound where there is none, Conflict where
    it is in use.
    """
    address = network.vpn_private_address or ""
    given = _give(connection, _GIVE_KEPT, network, instance_uuid, port_id, address)
    if given is None:
        raise _not_to_be_had(connection, network, address)
    return given


def _give(
    connection: Connection,
    statement: Update,
    network: Network,
    instance_uuid: str,
    port_id: int | None,
    address: str | None = None,
) -> FixedIP | None:
    """Give a port the row that the statement picks, or None where there is none."""
    values: dict[str, object] = {
        "network": network.id,
        "instance": instance_uuid,
        "port": port_id,
        "moment": now(),
    }
    if address is not None:
        values["asked"] = address
    given = fetch(connection, FixedIP, statement, values)
    return given[0] if given else None


def _not_to_be_had(connection: Connection, network: Network, address: str) -> NotFound | Conflict:
    """Say why an address could not be allocated."""
    fixed_ip = _first(connection, _AT, asked=address)
    if fixed_ip is None or fixed_ip.network_id != network.id:
        listed = command("fixed", "list", "--network", network.label)
        return NotFound(
            f"fixed address {address} is not in network {network.label!r} ({network.cidr}): "
            f"{listed} shows those that are"
        )
    return taken(connection, network, fixed_ip)


def taken(connection: Connection, network: Network, fixed_ip: FixedIP) -> Conflict:
    """Say who has an address that is not free, and how it comes to be free."""
    called = f"fixed address {fixed_ip.address}"
    by_uuid = instances.c.uuid == fixed_ip.instance_uuid
    holder = connection.execute(sa.select(instances.c.name).where(by_uuid)).scalar()
    if holder is not None and fixed_ip.allocated:
        free = command("instance", "remove-fixed-ip", holder, fixed_ip.address)
        return Conflict(f"{called} is in use by instance {holder!r}: {free} takes it away")
    if fixed_ip.host is not None:
        listed = command("fixed", "list", "--network", network.label, "--host", fixed_ip.host)
        return Conflict(
            f"{called} belongs to host {fixed_ip.host} as long as that has instances in network "
            f"{network.label!r}: {listed} shows them"
        )
    if fixed_ip.instance_uuid is not None or fixed_ip.leased:
        shown = command("fixed", "get", fixed_ip.address)
        return Conflict(
            f"{called} is still leased to {fixed_ip.mac or 'a deleted instance'}: {shown} shows "
            "when that is over"
        )
    if own := purpose(network, fixed_ip.address):
        return Conflict(f"{called} is the {own} of network {network.label!r}")
    free = command("fixed", "unreserve", fixed_ip.address)
    return Conflict(f"{called} is reserved in network {network.label!r}: {free} frees it")


def is_taken(row: FixedIP) -> bool:
    """Whether an address is an instance's or a host's, or still leased."""
    return row.leased or row.instance_uuid is not None or row.host is not None


def allocate_to_host(connection: Connection, network: Network, host: str) -> FixedIP:
    """Give a host an address of its own in a network, unless it has one: it is a gateway there.

    Raises Exhausted when the network has none left.
    """
    own = _first(connection, _ROWS.where(_of_host(network, host)))
    if own is not None:
        return own
    free = sa.and_(fixed_ips.c.network_id == network.id, is_free)
    statement = (
        sa.update(fixed_ips)
        .where(fixed_ips.c.id == _longest_free(free))
        .values(host=host, updated_at=now())
        .returning(*_COLUMNS)
    )
    given = fetch(connection, FixedIP, statement)
    if not given:
        listed = command("fixed", "list", "--network", network.label)
        raise Exhausted(
            f"network {network.label!r} has no free address left for host {host}: {listed} shows "
            "who has them"
        )
    return given[0]


def take_from_host(connection: Connection, network: Network, host: str) -> FixedIP | None:
    """Free a host's own address in a network, and return it as it was."""
    own = _first(connection, _ROWS.where(_of_host(network, host)))
    if own is not None:
        _change(connection, own, {"host": None})
    return own


def _of_host(network: Network, host: str) -> ColumnElement[bool]:
    return sa.and_(fixed_ips.c.network_id == network.id, fixed_ips.c.host == host)


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
    return _set_reserved(connection, sa.and_(fixed_ips.c.id == fixed_ip.id, _is_unused), True)


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


def find(connection: Connection, address: str) -> FixedIP:
    """Return the row of an address.

    Raises NotFound when no network holds it.
    """
    fixed_ip = _first(connection, _AT, asked=address)
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
