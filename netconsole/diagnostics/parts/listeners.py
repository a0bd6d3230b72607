"""Sockets of this network namespace that wait for connections or datagrams (proc_net_tcp(5))."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Listener:
    """One socket."""

    protocol: Literal["tcp", "udp"]
    address: str
    """0.0.0.0 or :: for every address."""
    port: int


@dataclass(frozen=True, slots=True)
class Listeners:
    """All of them."""

    listeners: tuple[Listener, ...]
    metadata_services: frozenset[int] | None = None
    """The ports of metadata services of ours; None where that is not known."""

    def at(self, protocol: Literal["tcp", "udp"], address: str, port: int) -> bool:
        """Whether somebody listens there, at that address or at all of them."""
        return any(
            (each.protocol, each.port) == (protocol, port)
            and each.address in (address, "0.0.0.0", "::")  # noqa: S104  it binds nothing
            for each in self.listeners
        )
