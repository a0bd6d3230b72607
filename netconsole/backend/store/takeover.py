"""Writing records that come whole from elsewhere, in any state of their lives."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import FixedIP
from netconsole.backend.store.tables import fixed_ips, now

_AT_A_TIME = 500
"""Rows of one statement: databases limit the number of parameters."""


def insert_fixed_ips(connection: Connection, rows: Iterable[FixedIP]) -> dict[int, int]:
    """Write fixed addresses as they are, and return the new id of each by the id it came with.

    Raises Conflict, naming the address, when one of them exists already.
    """
    moment = now()
    wanted = tuple(rows)
    ids: dict[int, int] = {}
    for begin in range(0, len(wanted), _AT_A_TIME):
        some = wanted[begin : begin + _AT_A_TIME]
        by_address = fixed_ips.c.address.in_([row.address for row in some])
        taken = connection.execute(sa.select(fixed_ips.c.address).where(by_address)).scalar()
        if taken is not None:
            shown = command("fixed", "get", taken)
            raise Conflict(f"fixed address {taken} exists already: {shown} shows where")
        statement = sa.insert(fixed_ips).returning(fixed_ips.c.id, sort_by_parameter_order=True)
        new = connection.execute(
            statement,
            [
                {
                    "address": row.address,
                    "network_id": row.network_id,
                    "allocated": row.allocated,
                    "leased": row.leased,
                    "reserved": row.reserved,
                    "instance_uuid": row.instance_uuid,
                    "port_id": row.port_id,
                    "mac": row.mac,
                    "host": row.host,
                    "updated_at": row.updated_at or moment,
                }
                for row in some
            ],
        ).scalars()
        ids.update(zip((row.id for row in some), new, strict=True))
    return ids
