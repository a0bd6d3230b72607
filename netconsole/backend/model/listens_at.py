"""ListensAt: a place at which somebody waits for TCP connections. Pure."""

from collections.abc import Iterable
from typing import Final, NamedTuple

ANY: Final = "0.0.0.0"  # noqa: S104  it binds nothing
"""For every address."""


class ListensAt(NamedTuple):
    """One socket that listens."""

    address: str
    port: int


def is_heard(places: Iterable[ListensAt], address: str, port: int) -> bool:
    """Return whether somebody listens at an address, or at all of them."""
    return any(each.port == port and each.address in (address, ANY) for each in places)
