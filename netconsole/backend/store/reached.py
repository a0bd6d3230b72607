"""Queries on where guests are reached: of thousands the addresses, and nothing else."""

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.records import Reached
from netconsole.backend.store.tables import (
    fixed_ips,
    instances,
    is_assigned,
    networks,
    ports,
    security_group_instance_association,
)

_OF_PORT = sa.and_(
    is_assigned,
    fixed_ips.c.instance_uuid == instances.c.uuid,  # for its index
    fixed_ips.c.port_id == ports.c.id,
)
_EVERY = (
    sa.select(instances.c.id, ports.c.device, ports.c.mac, networks.c.cidr_v6, fixed_ips.c.address)
    .select_from(
        instances.join(ports, ports.c.instance_uuid == instances.c.uuid)
        .join(networks, networks.c.id == ports.c.network_id)
        .outerjoin(fixed_ips, _OF_PORT)
    )
    .order_by(instances.c.id, ports.c.id, fixed_ips.c.id)
)
_members = security_group_instance_association.c
_OF_HOST = _EVERY.where(instances.c.host == sa.bindparam("host"))
_OF_GROUP = _EVERY.where(
    instances.c.uuid.in_(
        sa.select(_members.instance_uuid).where(
            _members.security_group_id == sa.bindparam("group", type_=sa.Integer)
        )
    )
)
_IN_GROUPS = (
    sa.select(_members.security_group_id)
    .distinct()
    .where(
        _members.instance_uuid.in_(
            sa.select(instances.c.uuid)
            .join(ports, ports.c.instance_uuid == instances.c.uuid)
            .where(
                instances.c.host == sa.bindparam("host"),
                instances.c.id != sa.bindparam("but", type_=sa.Integer),
            )
        )
    )
)


def of_host(connection: Connection, host: str) -> tuple[Reached, ...]:
    """Return where the guests of a host are reached."""
    return tuple(Reached(*row) for row in connection.execute(_OF_HOST, {"host": host}))


def of_group(connection: Connection, group_id: int) -> tuple[Reached, ...]:
    """Return where the members of a group are reached, wherever they run."""
    return tuple(Reached(*row) for row in connection.execute(_OF_GROUP, {"group": group_id}))


def in_groups(connection: Connection, host: str, but: int) -> frozenset[int]:
    """Return the groups in which a host's guests are, other than an instance by its number."""
    found = connection.execute(_IN_GROUPS, {"host": host, "but": but})
    return frozenset(found.scalars())
