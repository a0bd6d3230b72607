"""Queries on networks."""

from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.errors import Exhausted, NotFound
from netconsole.backend.model.phrases import command, network_creation
from netconsole.backend.model.records import ManagerKind, Network, NetworkUsage
from netconsole.backend.store.rows import columns, fetch, refuse_taken, values
from netconsole.backend.store.tables import fixed_ips, is_associated, networks

_COLUMNS = columns(networks, Network)
_EVERY = sa.select(*_COLUMNS).order_by(networks.c.id)
"""Put together once, as many statements here: that takes SQLAlchemy longer than all the rest."""


def insert(connection: Connection, network: Network) -> Network:
    """Write a new network and return it with its id; the id it came with does not count.

    Raises Conflict when its label, uuid or VLAN is taken.
    """
    unique: dict[str, object] = {"label": network.label, "uuid": network.uuid}
    if network.vlan is not None:
        unique["vlan"] = network.vlan
    shown = command("network", "list")
    refuse_taken(connection, networks, f"network {network.label!r}", unique, shown)
    statement = sa.insert(networks).values(values(network)).returning(networks.c.id)
    return replace(network, id=connection.execute(statement).scalar_one())


def every(connection: Connection) -> tuple[Network, ...]:
    """Return all networks, in the order in which they were made."""
    return fetch(connection, Network, _EVERY)


def find(connection: Connection, name: str) -> Network:
    """Return the network of that label, or else of that uuid.

    Raises NotFound.
    """
    by_name = sa.or_(networks.c.label == name, networks.c.uuid == name)
    found = fetch(connection, Network, sa.select(*_COLUMNS).where(by_name))
    if not found:
        raise NotFound(
            f"network {name!r} does not exist: {command('network', 'list')} shows which do"
        )
    return next((network for network in found if network.label == name), found[0])


def of_project(connection: Connection, project: str) -> tuple[Network, ...]:
    """Return the networks that belong to a project, in the order in which they were made."""
    statement = sa.select(*_COLUMNS).where(networks.c.project_id == project)
    return fetch(connection, Network, statement.order_by(networks.c.id))


def give(connection: Connection, project: str) -> Network:
    """Give a project the first VLAN network that belongs to none, and return it.

    One statement picks and marks the row, so no network is given twice. One that still has
    instances of a former project is left out: projects do not meet in a VLAN.
    Raises Exhausted when none is left.
    """
    of_network = fixed_ips.c.network_id == networks.c.id
    in_use = sa.exists().where(of_network, is_associated)
    pick = (
        sa.select(networks.c.id)
        .where(networks.c.project_id.is_(None), networks.c.vlan.is_not(None), ~in_use)
        .order_by(networks.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        sa.update(networks)
        .where(networks.c.id == pick.scalar_subquery())
        .values(project_id=project)
        .returning(*_COLUMNS)
    )
    given = fetch(connection, Network, statement)
    if not given:
        raise Exhausted(
            f"no network is left for project {project!r}, every one has its project: "
            f"{network_creation()} makes one"
        )
    return given[0]


def claim(connection: Connection, network: Network, host: str) -> Network:
    """Make a host the gateway of a network that has none and needs one; return the network."""
    if network.host is not None or network.multi_host:
        return network
    by_id = networks.c.id == network.id
    connection.execute(sa.update(networks).where(by_id).values(host=host))
    return replace(network, host=host)


def claim_for_manager(connection: Connection, kind: ManagerKind) -> None:
    """Note whose the networks are of which that is not known."""
    unknown = networks.c.manager.is_(None)
    connection.execute(sa.update(networks).where(unknown).values(manager=kind))


def allocated(connection: Connection, network: Network) -> int:
    """Count a network's addresses that instances have."""
    of_network = sa.and_(fixed_ips.c.network_id == network.id, fixed_ips.c.allocated.is_(sa.true()))
    statement = sa.select(sa.func.count()).select_from(fixed_ips).where(of_network)
    return connection.execute(statement).scalar_one()


def update(connection: Connection, network: Network) -> None:
    """Write a network's fields over those of the row with its id."""
    statement = sa.update(networks).where(networks.c.id == network.id).values(values(network))
    connection.execute(statement)


def delete(connection: Connection, network: Network) -> None:
    """Delete a network and the rows of its addresses, whatever their state."""
    connection.execute(sa.delete(fixed_ips).where(fixed_ips.c.network_id == network.id))
    connection.execute(sa.delete(networks).where(networks.c.id == network.id))


def usage(connection: Connection) -> Mapping[int, NetworkUsage]:
    """Count the addresses of every network, by network id, in one query."""
    states = (fixed_ips.c.allocated, fixed_ips.c.leased, fixed_ips.c.reserved)
    counted = (sa.func.count().filter(state.is_(sa.true())) for state in states)
    statement = (
        sa.select(networks.c.id, sa.func.count(fixed_ips.c.network_id), *counted)
        .select_from(networks.outerjoin(fixed_ips))
        .group_by(networks.c.id)
    )
    return {row[0]: NetworkUsage(*row[1:]) for row in connection.execute(statement)}
