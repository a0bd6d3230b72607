"""Reads the listening sockets of this network namespace."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal

from netconsole.backend.kernel.listeners import metadata_services
from netconsole.backend.system import files
from netconsole.diagnostics.parts.listeners import Listener, Listeners

PROC_NET = Path("/proc/self/net")
_TABLES: tuple[tuple[str, Literal["tcp", "udp"]], ...] = (
    ("tcp", "tcp"),
    ("tcp6", "tcp"),
    ("udp", "udp"),
    ("udp6", "udp"),
)
_LISTENING = "0A"
"""TCP_LISTEN of the kernel's tcp_states.h."""


def read_listeners() -> Listeners:
    """Read TCP sockets that listen and UDP sockets that are bound."""
    return Listeners(tuple(_listeners()), _services())


def _services() -> frozenset[int] | None:
    try:
        return metadata_services()
    except OSError:
        return None


def _listeners() -> Iterator[Listener]:
    for name, protocol in _TABLES:
        try:
            lines = files.read_text(PROC_NET / name).rstrip("\n").split("\n")[1:]
        except OSError:
            continue
        for line in lines:
            _, local, _, state, *_ = line.split()
            if protocol == "tcp" and state != _LISTENING:
                continue
            address, _, port = local.partition(":")
            yield Listener(protocol, _text(address), int(port, 16))


def _text(words: str) -> str:
    """Return an address that the kernel prints as 32-bit words in its own byte order."""
    octets = b"".join(
        int(words[at : at + 8], 16).to_bytes(4, "little") for at in range(0, len(words), 8)
    )
    if len(octets) == 4:
        return str(IPv4Address(octets))
    address = IPv6Address(octets)
    return str(address.ipv4_mapped or address)
