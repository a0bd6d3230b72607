"""Rows that nobody could have made: another program wrote into the database, or a disk did.

Looked for where rows become records, so that everything behind may trust them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
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

_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
_NAME = re.compile(r"[^\s/]{0,15}")


class DamagedRow(Unavailable):
    """A row with a value that its column cannot have."""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    types: frozenset[object]
    says: Callable[[str], object] | None
    """Of a text: whether it is one that the column can have; None where any is."""

    def fits(self, value: object) -> bool:
        """Whether this is a value that the column can have."""
        return self.fit((value,))

    def fit(self, values: Sequence[object]) -> bool:
        """Whether all of these are; of many it is told much sooner than of each in turn."""
        if not self.types.issuperset(map(type, values)):
            return False
        says = self.says
        return says is None or all(says(value) for value in values if isinstance(value, str))


def refuse(record: type, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Refuse rows with values that a record of this kind cannot have. Raises DamagedRow."""
    if not rows:
        return
    for column, values in zip(_columns(record), zip(*rows, strict=True), strict=True):
        if column.fit(values):
            continue
        row, value = next(
            (row, value) for row, value in zip(rows, values, strict=True) if not column.fits(value)
        )
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
        return _Column(name, frozenset({*map(type, allowed), *none}), allowed.__contains__)
    return _Column(name, frozenset({kind, *none}), _TEXTS.get(name) if kind is str else None)


def _is_address(value: str) -> bool:
    return _IPV4.fullmatch(value) is not None or (":" in value and _parses(ip_address, value))


def _is_range(value: str) -> bool:
    return "/" in value and _parses(ip_network, value)


def _parses(parse: Callable[[str], object], value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True


_TEXTS: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(_ADDRESSES, _is_address),
    **dict.fromkeys(_RANGES, _is_range),
    **dict.fromkeys(_NAMES, _NAME.fullmatch),
    "mac": _MAC.fullmatch,
}
"""What texts must be that are no mere names."""
