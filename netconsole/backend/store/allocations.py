"""Gives fixed addresses to ports and hosts, and says who has one that is not to be had."""

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Update

from netconsole.backend.managers.layout import purpose
from netconsole.backend.model.errors import Conflict, Exhausted, NotFound
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import FixedIP, Network
from netconsole.backend.store import fixed_ips as rows
from netconsole.backend.store.rows import columns, fetch
from netconsole.backend.store.tables import fixed_ips, instances, is_free, is_unused, now, ports

_COLUMNS = columns(fixed_ips, FixedIP)


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
_GIVE_KEPT = _giving(sa.and_(is_unused, _is_asked_for))


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
    fixed_ip = rows.at(connection, address)
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


def allocate_to_host(connection: Connection, network: Network, host: str) -> FixedIP:
    """Give a host an address of its own in a network, unless it has one: it is a gateway there.

    Raises Exhausted when the network has none left.
    """
    own = rows.of_host(connection, network, host)
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
