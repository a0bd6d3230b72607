"""Listening: the sockets at which guests' requests arrive."""

import errno
import resource
import socket
from collections.abc import Iterable
from typing import Final

from netconsole.backend.model.errors import Conflict, Unavailable
from netconsole.backend.survey.survey import Survey

BACKLOG: Final = 1024
LOOPBACK: Final = "127.0.0.1"
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  of one interface alone, where it is bound to one
_KEPT: Final = 128
"""File descriptors that the rest of the process needs."""
_MOST: Final = 8192


def most_connections() -> int:
    """Return how many connections this process may hold at once, by its limit (getrlimit(2))."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(soft, _MOST) - _KEPT)


def allow_more_connections() -> None:
    """Raise this process' limit as far as is needed; for the agent its unit does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def bridges_of(survey: Survey) -> frozenset[str]:
    """Return the bridges by which guests are led to a service of this host.

    None where metadata_host is another's address, or is not known.
    """
    host = survey.options.metadata_host
    own = {address.address.partition("/")[0] for address in survey.observed.addresses}
    if host is None or not (host == LOOPBACK or host in own):
        return frozenset()
    bridges = {network.bridge for network in survey.records.networks}
    return frozenset(bridges & set(survey.observed.links))


def at_bridge(bridge: str, port: int) -> socket.socket:
    """Listen to what comes in by a bridge, to whichever of the host's addresses it was led.

    Nobody else is heard (SO_BINDTODEVICE of socket(7)). Raises Conflict where the port is taken,
    Unavailable where the kernel refuses.
    """
    return _listening(EVERYWHERE, port, f"at {bridge}", bridge)


def at_address(address: str, port: int) -> socket.socket:
    """Listen at an address of this host. Raises as `at_bridge` does."""
    return _listening(address, port, f"at {address}", None)


def _listening(address: str, port: int, place: str, bridge: str | None) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bridge is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, bridge.encode())
        listener.bind((address, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"metadata_listen_port {port}: another program listens {place} already "
                f"(`ss -ltnp sport = {port}` says which)"
            ) from error
        raise Unavailable(f"metadata service {place}, port {port}: {error.strerror}") from error
    return listener


def indexes(bridges: Iterable[str]) -> dict[str | None, int]:
    """Return the bridges that are there, each with its number; a new one has another."""
    found: dict[str | None, int] = {}
    for bridge in bridges:
        try:
            found[bridge] = socket.if_nametoindex(bridge)
        except OSError:
            continue
    return found
