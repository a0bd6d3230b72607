"""The host's own address, as nova took it: that of the interface of the default route."""

import fcntl
import socket
import struct
from pathlib import Path

from netconsole.backend import files
from netconsole.backend.text import encoded

_ROUTES = Path("/proc/net/route")
_UP = 0x1
_SIOCGIFADDR = 0x8915


def address_of_default_route() -> str | None:
    """Return the first IPv4 address of the interface of the default route, or None without one.

    Asks the kernel only (proc(5), netdevice(7)); sends nothing.
    """
    interface = _interface_of_default_route()
    if interface is None:
        return None
    request = struct.pack("256s", encoded(interface))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, request)
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def _interface_of_default_route() -> str | None:
    """Return the interface of the default route with the lowest metric."""
    try:
        lines = files.read_text(_ROUTES).rstrip("\n").split("\n")[1:]
    except OSError:
        return None
    defaults = []
    for line in lines:
        interface, destination, _, flags, _, _, metric, mask, *_ = line.split("\t")
        if int(destination, 16) == 0 == int(mask, 16) and int(flags, 16) & _UP:
            defaults.append((int(metric), interface))
    return min(defaults)[1] if defaults else None
