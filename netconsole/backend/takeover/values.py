"""The values of a nova database, checked before they reach the store, dnsmasq or the packet filter.

Every function takes what the value is called and the value; raises InvalidValue, naming both.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from uuid import NAMESPACE_OID, uuid5

from netconsole.backend.configuration import option_rules
from netconsole.backend.model import validate
from netconsole.backend.model.errors import LONGEST_SHOWN, InvalidValue

LONGEST_KEPT = 200
"""Of a name: something may have to be added to make it another's."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def address(what: str, value: str | None) -> str:
    """Return an IPv4 address."""
    try:
        return str(IPv4Address(value or ""))
    except ValueError:
        raise InvalidValue(what, value, "must be an IPv4 address") from None


def address_in(what: str, value: str | None, cidr: str) -> str:
    """Return an IPv4 address of a range."""
    found = address(what, value)
    if IPv4Address(found) not in _range(cidr):
        raise InvalidValue(what, value, f"must lie in {cidr}")
    return found


_range = lru_cache(maxsize=1)(IPv4Network)
"""Of the addresses of one network, which are checked one after the other."""


def ip_address(what: str, value: str | None) -> str | None:
    """Return an address of either kind, or nothing: a name server."""
    try:
        return option_rules.ip_address_or_none(value or "")
    except ValueError as error:
        raise InvalidValue(what, value, str(error)) from None


def optional_address(what: str, value: str | None) -> str | None:
    """Return an IPv4 address, or nothing."""
    return address(what, value) if value else None


def range_v4(what: str, value: str | None) -> IPv4Network:
    """Return an IPv4 range."""
    try:
        return IPv4Network(value or "")
    except ValueError:
        raise InvalidValue(what, value, "must be an IPv4 range such as 10.0.0.0/24") from None


def range_v6(what: str, value: str | None) -> str | None:
    """Return an IPv6 range, or nothing."""
    try:
        return str(IPv6Network(_unscoped(value))) if value else None
    except ValueError:
        raise InvalidValue(what, value, "must be an IPv6 range such as fd00::/64") from None


def address_v6(what: str, value: str | None) -> str | None:
    """Return an IPv6 address, or nothing."""
    try:
        return str(IPv6Address(_unscoped(value))) if value else None
    except ValueError:
        raise InvalidValue(what, value, "must be an IPv6 address") from None


def _unscoped(value: str) -> str:
    """Raises ValueError for the name of an interface behind an address: no store holds that."""
    if "%" in value:
        raise ValueError
    return value


def whole(what: str, value: int | None, allowed: range) -> int | None:
    """Return a whole number that may be, or nothing."""
    if value is not None and value not in allowed:
        raise InvalidValue(what, value, f"must be {allowed[0]} to {allowed[-1]}")
    return value


def mac(what: str, value: str | None) -> str:
    """Return a MAC address, in small letters."""
    return validate.mac(what, value or "")


def interface(what: str, value: str | None) -> str:
    """Return the name of an interface."""
    return validate.interface(what, value or "")


def optional_interface(what: str, value: str | None) -> str | None:
    """Return the name of an interface, or nothing."""
    return interface(what, value) if value else None


def optional_name(what: str, value: str | None) -> str | None:
    """Return a host, or nothing."""
    return validate.name(what, value) if value else None


def called(what: str, value: str | None) -> str | None:
    """Return a project or pool, or nothing."""
    return validate.display_name(what, value) if value else None


def shown(text: str) -> str:
    """Return a text as a display name can have it: printable, with no blank or '-' in front."""
    kept = "".join(letter if letter.isprintable() else "-" for letter in text)
    return kept.lstrip(" -")[:LONGEST_KEPT].strip()


def uuid(what: str, value: str | None, key: str) -> str:
    """Return a UUID. The oldest rows have none: they get one that is the same at every reading."""
    if not value:
        return str(uuid5(NAMESPACE_OID, f"nova:{key}"))
    if not _UUID.fullmatch(value):
        raise InvalidValue(what, value, "must be a UUID in small letters")
    return value


def refuse_twice(what: str, found: Iterable[object]) -> None:
    """Raise InvalidValue for a value that stands in two rows and may in one."""
    seen = set()
    for value in found:
        if value in seen:
            raise InvalidValue(what, value, "stands in two rows")
        seen.add(value)


def quoted(text: str | None) -> str:
    """Any text, as a line that is read by people has it."""
    long = text is not None and len(text) > LONGEST_SHOWN
    return f"{text[:LONGEST_SHOWN]!r}..." if text and long else repr(text)


class Names:
    """Gives names that keep a rule and do not come twice, as near as can be to those asked for.

    Capitals make no difference: none is made in the DNS.
    """

    def __init__(self, fit: Callable[[str], str]) -> None:
        """`fit` makes a text keep the rule, or nothing of one that has nothing to keep."""
        self._fit = fit
        self._given: set[str] = set()

    def give(self, asked: str | None, otherwise: str, distinct: str) -> str:
        """Return the name asked for, made to fit.

        `otherwise` stands for one with nothing to keep; `distinct` is added to one given before.
        """
        name = self._fit(asked or "")[:LONGEST_KEPT].strip() or otherwise
        if name.lower() in self._given:
            name = f"{name}-{distinct}"
        self._given.add(name.lower())
        return name
