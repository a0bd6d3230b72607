"""Who else configures an interface, as they say themselves in /run."""

import socket
from collections.abc import Collection, Iterable
from pathlib import Path

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.plan.configurators import NETWORK_MANAGER, NETWORKD
from netconsole.backend.system import files, processes

_STATES = (
    (NETWORKD, Path("/run/systemd/netif/links"), "ADMIN_STATE=", "unmanaged"),
    (NETWORK_MANAGER, Path("/run/NetworkManager/devices"), "managed=", "false"),
)
"""A file an interface, by its index; the word in a line that says whether it is configured, and
what that says where it is not."""


def configured_by(interfaces: Iterable[str]) -> dict[str, str]:
    """Return who configures each of these interfaces; those are left out that nobody does."""
    found: dict[str, str] = {}
    for interface in interfaces:
        for who, directory, word, no in _STATES:
            state = _state(interface, directory, word)
            if state not in (None, no):
                found[interface] = who
    return found


_DHCP_CLIENTS = frozenset({"busybox", "dhclient", "dhcpcd", "udhcpc"})


def dhcp_clients(interfaces: Collection[str]) -> dict[str, str]:
    """Return the process on each of these interfaces that asks DHCP there, with its id."""
    found: dict[str, str] = {}
    for pid, name in processes.process_names() if interfaces else ():
        if name in _DHCP_CLIENTS and processes.in_this_network(pid):
            words = processes.arguments(pid)
            asks = name != "busybox" or "udhcpc" in words
            found |= {each: f"process {pid}" for each in interfaces if asks and each in words}
    return found


def _state(interface: str, directory: Path, word: str) -> str | None:
    try:
        text = files.read_text(directory / str(socket.if_nametoindex(interface)))
    except (OSError, NetconsoleError):
        return None  # it is not there, or says nothing
    lines = (line.strip() for line in text.splitlines())
    return next((line.removeprefix(word) for line in lines if line.startswith(word)), None)
