"""What the links of others were on a host before networks used them."""

import json
from collections.abc import Iterable
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.belongings import Belongings, Words
from netconsole.backend.model.hoststate import FormerLink
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
            moved=json.dumps({name: getattr(former.moved, name) for name in _MOVED}),
        )
    )


def forget(connection: Connection, host: str, names: Iterable[str]) -> None:
    """Forget links of a host, after they were put back."""
    connection.execute(sa.delete(table).where(table.c.host == host, table.c.name.in_(tuple(names))))


def _read(name: str, moved: str) -> Belongings:
    try:
        values: object = json.loads(moved)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not all(map(_is_words, values.values())):
        raise DamagedRow(f"table former_links, row with name {name!r}: moved is not what it was")
    kinds = cast(dict[str, list[list[str]]], values)
    found: dict[str, tuple[Words, ...]] = {
        kind: tuple(map(tuple, kinds.get(kind, ()))) for kind in _MOVED
    }
    return Belongings(
        found["addresses"],
        found["routes"],
        found["later_routes"],
        found["connected_routes"],
        found["rules"],
        found["neighbours"],
    )


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, list) and each and all(isinstance(word, str) for word in each)
        for each in value
    )
