"""References: a row that another one names has to be there.

SQLite does not look at what another program writes. Whoever takes a network, an instance or an
address that is missing for one that was deleted would clear up behind it on the host.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Column, ColumnElement, Connection

from netconsole.backend.store.damage import DamagedRow
from netconsole.backend.store.tables import (
    TOLD_TABLES,
    fixed_ips,
    floating_ips,
    instances,
    is_assigned,
    metadata,
    ports,
)

_ANY = sa.true()


@dataclass(frozen=True, slots=True)
class _Reference:
    """A column that names a row by its key, in the rows of which that holds."""

    column: Column[object]
    key: Column[object]
    of: ColumnElement[bool] = _ANY
    to: ColumnElement[bool] = _ANY
    """Which rows may be named."""

    def broken(self) -> sa.Select[object, object]:
        """Select the first row that names one that is not there: its key, and what it names."""
        (own, *_) = self.column.table.primary_key.columns
        there = sa.exists().where(self.key == self.column, self.to)
        return sa.select(own, self.column).where(self.of, self.column.is_not(None), ~there).limit(1)


def _all() -> Iterator[_Reference]:
    for table in metadata.sorted_tables:
        if table in TOLD_TABLES:
            continue  # nothing of a host is made of these, and they are read with their instance
        for foreign in table.foreign_keys:
            yield _Reference(foreign.parent, foreign.column)
    # An address that waits for the end of its lease may outlive its instance and its port.
    yield _Reference(fixed_ips.c.instance_uuid, instances.c.uuid, of=fixed_ips.c.allocated)
    yield _Reference(fixed_ips.c.port_id, ports.c.id, of=fixed_ips.c.allocated)
    # A fixed address that no instance has lost its floating ones before.
    yield _Reference(floating_ips.c.fixed_ip_id, fixed_ips.c.id, to=is_assigned)


_REFERENCES = tuple((reference, reference.broken()) for reference in _all())
"""Each with its statement: SQLAlchemy takes longer to put one together than SQLite to answer."""


def refuse_broken(connection: Connection) -> None:
    """Refuse a store in which a row names one that is not there. Raises DamagedRow."""
    for reference, statement in _REFERENCES:
        found = connection.execute(statement).first()
        if found is not None:
            row, missing = found
            table = reference.column.table
            (own, *_) = table.primary_key.columns
            raise DamagedRow(
                f"table {table.name}, row with {own.name} {row!r}: {reference.column.name} "
                f"{missing!r} is not in table {reference.key.table.name}"
            )


@contextmanager
def explained(connection: Connection) -> Iterator[None]:
    """Tell which row names one that is not there, where one was looked up in vain.

    Raises DamagedRow.
    """
    try:
        yield
    except LookupError as error:
        try:
            refuse_broken(connection)
        except DamagedRow as damage:
            raise damage from error
        raise
