"""Rows that nobody could have made: another program wrote into the database, or a disk did.

Looked for where rows become records, so that everything behind may trust them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network
from types import NoneType
from typing import Literal, get_args, get_origin, get_type_hints

from netconsole.backend.model.errors import Unavailable

_ADDRESSES = frozenset(
    {
        *("address", "gateway", "dhcp_server", "dhcp_start", "netmask", "broadcast"),
        *("dns1", "dns2", "vpn_private_address", "vpn_public_address", "gateway_v6", "netmask_v6"),
    }
)
_RANGES = frozenset({"cidr", "cidr_v6"})
_NAMES = frozenset({"bridge", "bridge_interface", "interface", "device", "peer"})

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_IPV4 = re.compile(r"\.".join((_BYTE,) * 4))
_MAC = re.compile(":".join(("[0-9A-Fa-f][0-9A-Fa-f]",) * 6))
"""Both without a count or a flag, by which they would take three times as long of thousands."""
_NAME = re.compile(r"[^\s/]{0,15}")


class DamagedRow(Unavailable):
    """A row with a value that its column cannot have."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What the texts of a column must be."""

    is_met: Callable[[str], object]
    usual: re.Pattern[str] | None = None
    """What nearly all of them match: many are told by it at once."""

    def are_met(self, texts: Sequence[str]) -> bool:
        """Whether all of these are; each is asked after where they are not all usual."""
        if self.usual is not None:
            lines = "\n".join((*texts, ""))
            if lines.count("\n") == len(texts) and self.usual.fullmatch(lines):
                return True
        return all(map(self.is_met, texts))


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    types: frozenset[object]
    form: _Form | None
    """Of texts; None where any will do."""

    def fit(self, values: Sequence[object]) -> bool:
        """Whether all of these are values that the column can have."""
        if not self.types.issuperset(map(type, values)):
            return False
        form = self.form
        return form is None or form.are_met([each for each in values if isinstance(each, str)])


def refuse(record: type, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Refuse rows with values that a record of this kind cannot have. Raises DamagedRow."""
    if not rows:
        return
    for column, values in zip(_columns(record), zip(*rows, strict=True), strict=True):
        if column.fit(values):
            continue
        pairs = zip(rows, values, strict=True)
        row, value = next((row, value) for row, value in pairs if not column.fit((value,)))
        key = f"{fields(record)[0].name} {row[0]!r}"
        raise DamagedRow(f"table {table}, row with {key}: {column.name} cannot be {value!r}")


@cache
def _columns(record: type) -> tuple[_Column, ...]:
    hints = get_type_hints(record)
    return tuple(_column(field.name, hints[field.name]) for field in fields(record))


def _column(name: str, hint: object) -> _Column:
    kinds = get_args(hint) if get_origin(hint) is not Literal and get_args(hint) else (hint,)
    (kind,) = (each for each in kinds if each is not NoneType)
    none = {NoneType} if NoneType in kinds else set()
    if get_origin(kind) is Literal:
        allowed = frozenset(get_args(kind))
        form = _Form(allowed.__contains__)
        return _Column(name, frozenset({*map(type, allowed), *none}), form)
    return _Column(name, frozenset({kind, *none}), _FORMS.get(name) if kind is str else None)


def _is_address(value: str) -> bool:
    return _IPV4.fullmatch(value) is not None or (":" in value and _parses(ip_address, value))


@lru_cache(maxsize=4096)
def _is_range(value: str) -> bool:
    return "/" in value and _parses(ip_network, value)


def _parses(parse: Callable[[str], object], value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True


def _lines_of(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern.pattern}\n)*+", pattern.flags)


_FORMS: Mapping[str, _Form] = {
    **dict.fromkeys(_ADDRESSES, _Form(_is_address, _lines_of(_IPV4))),
    **dict.fromkeys(_RANGES, _Form(_is_range)),
    **dict.fromkeys(_NAMES, _Form(_NAME.fullmatch, _lines_of(_NAME))),
    "mac": _Form(_MAC.fullmatch, _lines_of(_MAC)),
}
"""Of the columns that hold no mere names."""
