"""What the links of others were on a host before networks used them."""

import json
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.belongings import Belongings, Words
from netconsole.backend.model.codec import as_json
from netconsole.backend.model.hoststate import FormerLink
from netconsole.backend.steps.codec import structure
from netconsole.backend.store.damage import DamagedRow
from netconsole.backend.store.tables import former_links as table

_MOVED: Final = (
    *("addresses", "routes", "later_routes", "connected_routes", "rules", "neighbours"),
)


def of_host(connection: Connection, host: str) -> dict[str, FormerLink]:
    """Return the links of a host that networks use, by name, as they were. Raises DamagedRow."""
    statement = sa.select(table).where(table.c.host == host).order_by(table.c.name)
    return {
        row.name: FormerLink(
            row.name, row.up, tuple(row.used_by.split()), row.bridge, _read(row.name, row.moved)
        )
        for row in connection.execute(statement)
    }


def remember(connection: Connection, host: str, former: FormerLink) -> None:
    """Note what a link was, instead of what was noted before."""
    forget(connection, host, (former.name,))
    connection.execute(
        sa.insert(table).values(
            host=host,
            name=former.name,
            up=former.up,
            used_by=" ".join(former.used_by),
            bridge=former.bridge,
            moved=as_json({name: getattr(former.moved, name) for name in _MOVED}, in_ascii=True),
        )
    )


def forget(connection: Connection, host: str, names: Iterable[str]) -> None:
    """Forget links of a host, after they were put back."""
    connection.execute(sa.delete(table).where(table.c.host == host, table.c.name.in_(tuple(names))))


def _read(name: str, moved: str) -> Belongings:
    try:
        found = structure(dict[str, tuple[Words, ...]], json.loads(moved))
    except (ValueError, RecursionError):
        raise DamagedRow(
            f"table former_links, row with name {name!r}: moved is not what it was"
        ) from None
    kinds = {kind: found.get(kind, ()) for kind in _MOVED}
    return Belongings(
        kinds["addresses"],
        kinds["routes"],
        kinds["later_routes"],
        kinds["connected_routes"],
        kinds["rules"],
        kinds["neighbours"],
    )
