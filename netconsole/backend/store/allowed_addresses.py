"""Queries on the ranges from which ports may send beside their own addresses."""

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.records import AllowedAddress
from netconsole.backend.store.rows import columns, fetch
from netconsole.backend.store.tables import allowed_addresses

_COLUMNS = columns(allowed_addresses, AllowedAddress)


def every(connection: Connection) -> tuple[AllowedAddress, ...]:
    """Return all of them, the first allowed first."""
    found = sa.select(*_COLUMNS).order_by(allowed_addresses.c.id)
    return fetch(connection, AllowedAddress, found)
