"""Rows that nobody could have made: another program wrote into the database, or a disk did.

Looked for where rows become records, so that everything behind may trust them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
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


def refuse(record: type, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Refuse rows with values that a record of this kind cannot have. Raises DamagedRow."""
    for at, (name, fits) in enumerate(_columns(record)):
        for row in rows:
            if not fits(row[at]):
                key = f"{fields(record)[0].name} {row[0]!r}"
                raise DamagedRow(f"table {table}, row with {key}: {name} cannot be {row[at]!r}")


@cache
def _columns(record: type) -> tuple[tuple[str, Callable[[object], bool]], ...]:
    hints = get_type_hints(record)
    return tuple((field.name, _check(field.name, hints[field.name])) for field in fields(record))


def _check(name: str, hint: object) -> Callable[[object], bool]:
    kinds = get_args(hint) if get_origin(hint) is not Literal and get_args(hint) else (hint,)
    optional = NoneType in kinds
    (kind,) = (each for each in kinds if each is not NoneType)
    if get_origin(kind) is Literal:
        allowed = frozenset(get_args(kind))
        return lambda value: value in allowed or (optional and value is None)
    text = _TEXTS.get(name) if kind is str else None
    if text is not None:
        fits = text
        return lambda value: fits(value) if isinstance(value, str) else optional and value is None
    types = (kind, NoneType) if optional else kind
    return lambda value: isinstance(value, types)


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


_TEXTS: Mapping[str, Callable[[str], bool]] = {
    **dict.fromkeys(_ADDRESSES, _is_address),
    **dict.fromkeys(_RANGES, _is_range),
    **dict.fromkeys(_NAMES, lambda value: _NAME.fullmatch(value) is not None),
    "mac": lambda value: _MAC.fullmatch(value) is not None,
}
"""What texts must be that are no mere names."""
