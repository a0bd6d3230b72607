"""Queries on what guests are told beside their network.

Apart from those of records: whoever reads these reads secrets.
"""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from netconsole.backend.model.guest_data import GuestData, GuestFile, GuestKey
from netconsole.backend.model.records import Instance
from netconsole.backend.store import instances
from netconsole.backend.store.tables import (
    guest_data,
    guest_files,
    guest_keys,
    instance_metadata,
)
from netconsole.backend.store.views import instance_view

_COLUMNS = tuple(column for column in guest_data.c if column.name != "instance_uuid")
_OWN = sa.select(*_COLUMNS).where(guest_data.c.instance_uuid == sa.bindparam("instance"))


def _in_order(table: Table) -> sa.Select[tuple[object, ...]]:
    """The statement that finds an instance's rows as they were written, or by their keys."""
    own = sa.select(table).where(table.c.instance_uuid == sa.bindparam("instance"))
    return own.order_by(*table.primary_key.columns)


_KEYS, _META, _FILES = map(_in_order, (guest_keys, instance_metadata, guest_files))


def of_instance(connection: Connection, instance: Instance) -> GuestData:
    """Return all that an instance is told, by four queries more than its view takes."""
    its = {"instance": instance.uuid}
    row = connection.execute(_OWN, its).one_or_none()
    return GuestData(
        view=instance_view(connection, instance),
        keys=tuple(
            GuestKey(row.name, row.public_key, row.type) for row in connection.execute(_KEYS, its)
        ),
        meta={row.key: row.value for row in connection.execute(_META, its)},
        files=tuple(GuestFile(row.path, row.content) for row in connection.execute(_FILES, its)),
        **({} if row is None else row._asdict()),
    )


def write(connection: Connection, guest: GuestData) -> None:
    """Write what an instance is told, in place of what it was told before."""
    uuid = guest.view.instance.uuid
    instances.delete_told(connection, uuid)
    told = {column.name: getattr(guest, column.name) for column in _COLUMNS}
    if any(value is not None for value in told.values()):
        _insert(connection, guest_data, uuid, [told])
    keys = [
        {"name": key.name, "type": key.type, "public_key": key.public_key} for key in guest.keys
    ]
    _insert(connection, guest_keys, uuid, keys)
    meta = [{"key": key, "value": value} for key, value in guest.meta.items()]
    _insert(connection, instance_metadata, uuid, meta)
    files = [{"path": file.path, "content": file.content} for file in guest.files]
    _insert(connection, guest_files, uuid, files)


def _insert(
    connection: Connection, table: Table, uuid: str, rows: Iterable[Mapping[str, object]]
) -> None:
    found = [{"instance_uuid": uuid, **row} for row in rows]
    if found:
        connection.execute(sa.insert(table), found)
