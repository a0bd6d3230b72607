"""Asks the kernel at which TCP ports somebody listens (sock_diag(7)).

Those that listen alone are asked for: connections, of which there may be thousands, are not told.
"""

import errno
import os
import socket
import struct
from typing import Final

from netconsole.backend.filtering.nf_messages import DONE, ERROR, HEADER, error_code

_SOCK_DIAG: Final = 4
"""NETLINK_SOCK_DIAG."""
_BY_FAMILY: Final = 20
_REQUEST, _DUMP = 0x1, 0x300
_LISTENING: Final = 1 << 10
"""TCP_LISTEN, as a bit of the states that are asked for."""
_ASKED = struct.Struct("=BBBBI48x")
"""inet_diag_req_v2 of linux/inet_diag.h, whose socket is any."""
_PORT = struct.Struct(">4xH")
"""Of inet_diag_msg the port, after family, state and two of timers."""


def tcp_ports() -> frozenset[int]:
    """Return the ports at which a socket of this network namespace waits for connections by IPv4.

    One that waits by IPv6 counts as well: by default it takes both. Raises OSError.
    """
    found: set[int] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(10.0)
        for family in (socket.AF_INET, socket.AF_INET6):
            length = HEADER.size + _ASKED.size
            header = HEADER.pack(length, _BY_FAMILY, _REQUEST | _DUMP, 0, 0)
            kernel.send(header + _ASKED.pack(family, socket.IPPROTO_TCP, 0, 0, _LISTENING))
            while _taken(kernel.recv(1 << 16), found):
                pass
    return frozenset(found)


def _taken(piece: bytes, found: set[int]) -> bool:
    """Take the ports of a piece of an answer; false where it is the last."""
    at = 0
    while at + HEADER.size <= len(piece):
        length, kind, *_ = HEADER.unpack_from(piece, at)
        if kind == DONE:
            return False
        if kind == ERROR:
            code = error_code(piece, at + HEADER.size)
            if code == errno.ENOENT:  # a kernel without IPv6
                return False
            raise OSError(code, f"listening sockets: {os.strerror(code)}")
        (port,) = _PORT.unpack_from(piece, at + HEADER.size)
        found.add(port)
        at += length + 3 & ~3
    return True
