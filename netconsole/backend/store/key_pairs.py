"""Queries on the key pairs of projects: their public keys."""

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.guest_data import KeyPair
from netconsole.backend.model.phrases import command
from netconsole.backend.store.rows import columns, fetch, values
from netconsole.backend.store.tables import key_pairs

_COLUMNS = columns(key_pairs, KeyPair)


def every(connection: Connection, project: str | None = None) -> tuple[KeyPair, ...]:
    """Return the key pairs of a project, or of all, by project and name."""
    found = sa.select(*_COLUMNS).order_by(key_pairs.c.project_id, key_pairs.c.name)
    if project is not None:
        found = found.where(key_pairs.c.project_id == project)
    return fetch(connection, KeyPair, found)


def find(connection: Connection, project: str, name: str) -> KeyPair:
    """Return a project's key pair of that name. Raises NotFound."""
    found = _named(connection, project, name)
    if found is None:
        listed = command("keypair", "list", "--project", project)
        raise NotFound(
            f"key pair {name!r} does not exist in project {project!r}: {listed} shows which do"
        )
    return found


def _named(connection: Connection, project: str, name: str) -> KeyPair | None:
    wanted = sa.and_(key_pairs.c.project_id == project, key_pairs.c.name == name)
    found = fetch(connection, KeyPair, sa.select(*_COLUMNS).where(wanted))
    return found[0] if found else None


def insert(connection: Connection, pair: KeyPair) -> KeyPair:
    """Write a new key pair and return it with its id; the id it came with does not count.

    Raises Conflict where its project has one of that name.
    """
    if _named(connection, pair.project_id, pair.name) is not None:
        listed = command("keypair", "list", "--project", pair.project_id)
        raise Conflict(
            f"key pair {pair.name!r} exists already in project {pair.project_id!r}: {listed} shows "
            "which do"
        )
    statement = sa.insert(key_pairs).values(values(pair)).returning(key_pairs.c.id)
    return replace(pair, id=connection.execute(statement).scalar_one())


def count_of_project(connection: Connection, project: str) -> int:
    """Count a project's key pairs."""
    own = sa.select(sa.func.count(key_pairs.c.id)).where(key_pairs.c.project_id == project)
    return connection.execute(own).scalar_one()


def delete(connection: Connection, pair: KeyPair) -> None:
    """Delete a key pair; instances keep the key."""
    connection.execute(sa.delete(key_pairs).where(key_pairs.c.id == pair.id))
