"""What a column of a nova database can hold.

SQLite keeps anything in any column, and no database is asked what it is said to be.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from functools import cache
from types import NoneType
from typing import TypeVar, get_args, get_type_hints

from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.takeover.rows import (
    NovaDefaultRule,
    NovaFixedIP,
    NovaFloatingIP,
    NovaInstance,
    NovaInterface,
    NovaMembership,
    NovaMetadata,
    NovaNetwork,
    NovaSecurityGroup,
    NovaSecurityGroupRule,
)

Row = TypeVar(
    "Row",
    NovaDefaultRule,
    NovaFixedIP,
    NovaFloatingIP,
    NovaInstance,
    NovaInterface,
    NovaMembership,
    NovaMetadata,
    NovaNetwork,
    NovaSecurityGroup,
    NovaSecurityGroupRule,
)

_WHOLE = range(-(2**63), 2**63)


def needed(kind: type) -> tuple[str, ...]:
    """Return the columns without which there can be no such row."""
    return tuple(each.name for each in fields(kind) if each.default is MISSING)


def row(kind: type[Row], table: str, names: Sequence[str], values: Sequence[object]) -> Row:
    """Make a row of the values of the columns so named, as the database has them.

    Raises InvalidValue for one that its column cannot hold, naming it.
    """
    record: type = kind
    readers = _readers(record)
    told = {}
    for name, value in zip(names, values, strict=True):
        read, rule = readers[name]
        try:
            told[name] = read(value)
        except ValueError:
            what = f"{table}.{name} of {names[0]} {values[0]!r:.40}"
            raise InvalidValue(what, value, f"must be {rule}") from None
    # Each reader returns what the field of that name holds.
    return kind(**told)  # type: ignore[arg-type]


@cache
def _readers(kind: type) -> Mapping[str, tuple[Callable[[object], object], str]]:
    return {name: _reader(hint) for name, hint in get_type_hints(kind).items()}


def _reader(hint: object) -> tuple[Callable[[object], object], str]:
    kinds = get_args(hint) or (hint,)
    (kind,) = (each for each in kinds if each is not NoneType)
    read, rule = _OF_KIND[kind]
    if NoneType not in kinds:
        return read, rule
    return lambda value: None if value is None else read(value), f"{rule} or nothing"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or value not in _WHOLE:
        raise ValueError
    return int(value)


def _boolean(value: object) -> bool:
    if not isinstance(value, int) or value not in (0, 1):
        raise ValueError
    return bool(value)


def _time(value: object) -> datetime:
    """A time; SQLite has none, and keeps them as texts."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))


_OF_KIND: Mapping[object, tuple[Callable[[object], object], str]] = {
    str: (_text, "text"),
    int: (_whole, "a whole number"),
    bool: (_boolean, "0 or 1"),
    datetime: (_time, "a time"),
}
