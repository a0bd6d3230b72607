"""Asks the kernel about routes, by rtnetlink(7)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Protocol

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import decoded
from netconsole.diagnostics.parts.guest_routes import BEYOND, NARROW

Message = Mapping[str, object]

MAIN_TABLE: Final = 254
"""RT_TABLE_MAIN of linux/rtnetlink.h."""


class RouteNetlink(Protocol):
    """What is used of pyroute2's IPRoute, which has no types of its own."""

    def get_addr(self, *, family: int) -> Iterable[Message]:
        """Return the addresses."""

    def get_rules(self, *, family: int) -> Iterable[Message]:
        """Return the rules."""

    def get_neighbours(self, *, family: int) -> Iterable[Message]:
        """Return the neighbours."""

    def get_routes(self, *, family: int, table: int) -> Iterable[Message]:
        """Return the routes of a table."""

    def link(self, command: str, *, index: int) -> Sequence[Message]:
        """Ask about an interface."""


@contextmanager
def asking() -> Iterator[RouteNetlink]:
    """Open a connection; raises Unavailable when the kernel does not answer about routes at all."""
    from pyroute2 import IPRoute  # type: ignore[import-untyped]  # RouteNetlink has its types
    from pyroute2.netlink.exceptions import (  # type: ignore[import-untyped]  # it has none
        NetlinkError,
    )

    try:
        with IPRoute() as netlink:
            yield netlink
    except NetlinkError as error:
        raise Unavailable(f"the kernel did not answer about its routes: {error}") from error


def number(message: Message, name: str) -> int:
    """Return a number of a message, 0 where it has none of that name."""
    value = message.get(name)
    return value if isinstance(value, int) else 0


def text(message: Message, name: str) -> str:
    """Return a text of a message, which pyroute2 leaves as bytes where it is no UTF-8."""
    value = message.get(name)
    return decoded(value) if isinstance(value, bytes) else str(value)


def beyond(routes: Iterable[Message]) -> str:
    """Return an address that only the default routes cover; empty where there is none."""
    prefixes = [
        IPv4Network(f"{route.get('dst')}/{length}", strict=False)
        for route in routes
        if (length := number(route, "dst_len")) >= NARROW
    ]
    return next((each for each in BEYOND if not any(IPv4Address(each) in p for p in prefixes)), "")


def name_of(netlink: RouteNetlink, index: int) -> str:
    """Return the name of an interface; its number where it has just gone, nothing for 0."""
    from pyroute2.netlink.exceptions import NetlinkError

    if not index:
        return ""
    try:
        return text(netlink.link("get", index=index)[0], "ifname")
    except NetlinkError:
        return f"interface {index}"
