"""Which store this is, and how far it has come."""

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.records import StoreIdentity
from netconsole.backend.store.tables import stores


def identity(connection: Connection) -> StoreIdentity | None:
    """Return who this store is; None where it was only looked for and is not there."""
    row = connection.execute(sa.select(stores.c.uuid, stores.c.serial)).one_or_none()
    return None if row is None else StoreIdentity(row.uuid, row.serial)


def next_serial(connection: Connection) -> int:
    """Return which change of the store is the one under way, before it is counted."""
    serial: int = connection.execute(sa.select(stores.c.serial)).scalar_one()
    return serial + 1


def advance(connection: Connection) -> StoreIdentity:
    """Count a change, and return who the store is then."""
    counted = sa.update(stores).values(serial=stores.c.serial + 1)
    row = connection.execute(counted.returning(stores.c.uuid, stores.c.serial)).one()
    return StoreIdentity(row.uuid, row.serial)
