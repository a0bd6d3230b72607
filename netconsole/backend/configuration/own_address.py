"""The host's own address, as nova took it: that with which it speaks over its default route."""

import socket
from pathlib import Path

from netconsole.backend.system import files

_ROUTES = Path("/proc/net/route")
_UP = 0x1
_NOWHERE = ("240.0.0.1", 9)
"""Of a block that no route but the default leads to (RFC 1112 section 4); nothing is sent."""


def address_of_default_route() -> str | None:
    """Return the source address of what leaves by the default route, or None without one.

    The kernel chooses it (ip(7), connect(2) of a datagram socket): the interface may have others
    before it, such as the gateway's address of a network whose bridge it has become.
    """
    if not _has_default_route():
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(_NOWHERE)
        except OSError:
            return None
        return str(asking.getsockname()[0])


def _has_default_route() -> bool:
    try:
        lines = files.read_text(_ROUTES).rstrip("\n").split("\n")[1:]
    except OSError:
        return False
    for line in lines:
        _, destination, _, flags, _, _, _, mask, *_ = line.split("\t")
        if int(destination, 16) == 0 == int(mask, 16) and int(flags, 16) & _UP:
            return True
    return False
