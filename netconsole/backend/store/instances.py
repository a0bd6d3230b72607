"""Queries on instances and their ports."""

from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import Connection, Executable

from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Instance, Port
from netconsole.backend.store.rows import columns, fetch, refuse_taken, values
from netconsole.backend.store.tables import (
    TOLD_TABLES,
    allowed_addresses,
    instances,
    networks,
    ports,
    security_group_instance_association,
)

_COLUMNS = columns(instances, Instance)
_PORT_COLUMNS = columns(ports, Port)
_PORTS = sa.select(*_PORT_COLUMNS).order_by(ports.c.id)
_PORTS_OF = _PORTS.where(ports.c.instance_uuid == sa.bindparam("instance"))
_PORTS_NAMED = _PORTS.where(ports.c.device.in_(sa.bindparam("devices", expanding=True)))
_NAMES = (instances.c.name, instances.c.uuid, instances.c.hostname)
_CALLED = sa.select(*_COLUMNS).where(sa.or_(*(column == sa.bindparam("name") for column in _NAMES)))
_AMONG = sa.select(*_COLUMNS).where(instances.c.uuid.in_(sa.bindparam("uuids", expanding=True)))


def _sampling() -> Executable:
    """The statement of `sample_ports`.

    The first port of a network is found without a look at the rest, those of this host by its
    instances: there may be ten thousand on others.
    """
    here = sa.select(instances.c.uuid).where(instances.c.host == sa.bindparam("host"))
    own = ports.c.instance_uuid.in_(here)
    first_here = sa.select(sa.func.min(ports.c.id).label("id"), ports.c.network_id)
    of_host = first_here.where(own).group_by(ports.c.network_id).cte()
    every_of_it = sa.select(ports.c.id).where(ports.c.network_id == networks.c.id)
    first = every_of_it.order_by(ports.c.id).limit(1).scalar_subquery()
    of_each = sa.select(sa.func.coalesce(of_host.c.id, first)).select_from(
        networks.outerjoin(of_host, of_host.c.network_id == networks.c.id)
    )
    return _PORTS.where(ports.c.id.in_(of_each))


_SAMPLES = _sampling()

Uuids = Collection[str] | sa.CompoundSelect[tuple[str]]
"""Of instances: some, or a query that finds them."""


def insert(connection: Connection, instance: Instance) -> Instance:
    """Write a new instance and return it with its id; the id it came with does not count.

    Raises Conflict when its uuid is taken, or its name or host name, in capitals or not: guests
    are found by it in the DNS, which makes no difference between them (RFC 4343).
    """
    listed = command("instance", "list")
    for what, column, value in (
        ("name", instances.c.name, instance.name),
        ("host name", instances.c.hostname, instance.hostname),
    ):
        like = sa.func.lower(column) == value.lower()
        holder = connection.execute(sa.select(column, instances.c.name).where(like)).first()
        if holder is not None:
            taken, by = holder
            whose = "" if taken == by else f" by instance {by!r}"
            raise Conflict(
                f"instance {instance.name!r}: {what} {taken!r} is taken{whose}: "
                f"{listed} shows which are"
            )
    noun = f"instance {instance.name!r}"
    refuse_taken(connection, instances, noun, {"uuid": instance.uuid}, listed)
    highest = sa.select(sa.func.coalesce(sa.func.max(instances.c.id), 0)).scalar_subquery()
    statement = sa.insert(instances).values(**values(instance), id=highest + 1)
    given = connection.execute(statement.returning(instances.c.id)).scalar_one()
    return replace(instance, id=given)


def every(connection: Connection) -> tuple[Instance, ...]:
    """Return all instances, by name."""
    return fetch(connection, Instance, sa.select(*_COLUMNS).order_by(instances.c.name))


def find(connection: Connection, name: str) -> Instance:
    """Return the instance of that name, or else of that uuid or host name.

    Raises NotFound.
    """
    found = fetch(connection, Instance, _CALLED, {"name": name})
    if not found:
        listed = command("instance", "list")
        raise NotFound(f"instance {name!r} does not exist: {listed} shows which do")
    return min(found, key=lambda one: (one.name != name, one.uuid != name))


def of_uuids(connection: Connection, uuids: Collection[str]) -> tuple[Instance, ...]:
    """Return the instances of some uuids; raises LookupError where one is not there."""
    found = among(connection, uuids)
    if len(found) < len(set(uuids)):
        raise LookupError(f"instances: {set(uuids) - {instance.uuid for instance in found}}")
    return found


def among(connection: Connection, uuids: Uuids) -> tuple[Instance, ...]:
    """Return the instances that there are of some uuids."""
    if isinstance(uuids, sa.CompoundSelect):
        found = sa.select(*_COLUMNS).where(instances.c.uuid.in_(uuids))
        return fetch(connection, Instance, found)
    return fetch(connection, Instance, _AMONG, {"uuids": list(uuids)})


def delete(connection: Connection, instance: Instance) -> None:
    """Delete an instance, its ports and what it is told. Its addresses are released elsewhere."""
    delete_ports(connection, instance.uuid)
    delete_told(connection, instance.uuid)
    member = security_group_instance_association.c.instance_uuid == instance.uuid
    connection.execute(sa.delete(security_group_instance_association).where(member))
    connection.execute(sa.delete(instances).where(instances.c.uuid == instance.uuid))


def insert_port(connection: Connection, port: Port) -> Port:
    """Write a new port and return it with its id; the id it came with does not count.

    Raises Conflict when its MAC address, device or uuid is taken.
    """
    unique = {"mac": port.mac, "device": port.device, "uuid": port.uuid}
    listed = command("instance", "list")
    refuse_taken(connection, ports, f"port {port.device}", unique, listed)
    statement = sa.insert(ports).values(values(port)).returning(ports.c.id)
    return replace(port, id=connection.execute(statement).scalar_one())


def has_mac(connection: Connection, mac: str) -> bool:
    """Whether a port has this MAC address."""
    return connection.execute(sa.select(ports.c.id).where(ports.c.mac == mac)).first() is not None


def with_mac_like(connection: Connection, pattern: str) -> str | None:
    """Return the name of an instance with a port whose MAC address is like that (SQL's LIKE)."""
    found = sa.select(instances.c.name).join(ports).where(ports.c.mac.like(pattern)).limit(1)
    return connection.execute(found).scalar()


def count_ports(connection: Connection, network_ids: Collection[int], host: str) -> int:
    """Count the ports that a host's instances have in some networks.

    They are counted by network: asked for some, SQLite reads all ports that these have anywhere.
    """
    own = sa.select(instances.c.uuid).where(instances.c.host == host)
    here = sa.select(ports.c.network_id, sa.func.count()).where(ports.c.instance_uuid.in_(own))
    counted = connection.execute(here.group_by(ports.c.network_id)).all()
    return sum(count for network_id, count in counted if network_id in network_ids)


def has_ports(connection: Connection, network_id: int, host: str | None) -> bool:
    """Whether a network has ports of a host's instances, or of any where no host is named."""
    found = sa.select(ports.c.id).where(ports.c.network_id == network_id).limit(1)
    if host is not None:
        found = found.join(instances).where(instances.c.host == host)
    return connection.execute(found).first() is not None


def ports_of(connection: Connection, instance_uuid: str) -> tuple[Port, ...]:
    """Return an instance's ports, the first made first."""
    return fetch(connection, Port, _PORTS_OF, {"instance": instance_uuid})


def ports_of_all(connection: Connection, uuids: Uuids) -> tuple[Port, ...]:
    """Return the ports of some instances, the first made first."""
    by_instance = sa.select(*_PORT_COLUMNS).where(ports.c.instance_uuid.in_(uuids))
    return fetch(connection, Port, by_instance.order_by(ports.c.id))


def ports_named(connection: Connection, devices: Collection[str]) -> tuple[Port, ...]:
    """Return the ports that there are of some devices, the first made first."""
    return fetch(connection, Port, _PORTS_NAMED, {"devices": list(devices)})


def every_port(connection: Connection) -> tuple[Port, ...]:
    """Return all ports, the first made first."""
    return fetch(connection, Port, sa.select(*_PORT_COLUMNS).order_by(ports.c.id))


def sample_ports(connection: Connection, host: str) -> tuple[Port, ...]:
    """Return a port of each network that has any, of an instance of this host where it has one."""
    return fetch(connection, Port, _SAMPLES, {"host": host})


def guard(connection: Connection, instance: Instance, guarded: bool) -> None:
    """Write whether an instance's ports are guarded."""
    own = ports.c.instance_uuid == instance.uuid
    connection.execute(sa.update(ports).where(own).values(guarded=guarded))


def delete_ports(connection: Connection, instance_uuid: str) -> None:
    """Delete an instance's ports."""
    own = sa.select(ports.c.id).where(ports.c.instance_uuid == instance_uuid)
    connection.execute(sa.delete(allowed_addresses).where(allowed_addresses.c.port_id.in_(own)))
    connection.execute(sa.delete(ports).where(ports.c.instance_uuid == instance_uuid))


def delete_told(connection: Connection, instance_uuid: str) -> None:
    """Delete what an instance is told beside its network."""
    for table in TOLD_TABLES:
        connection.execute(sa.delete(table).where(table.c.instance_uuid == instance_uuid))
