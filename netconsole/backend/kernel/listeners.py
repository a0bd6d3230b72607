"""Asks the kernel at which TCP ports somebody listens (sock_diag(7)).

Those that listen alone are asked for: connections, of which there may be thousands, are not told.
"""

import errno
import os
import socket
import struct
from pathlib import Path
from typing import Final

from netconsole.backend.filtering.nf_messages import DONE, ERROR, HEADER, error_code
from netconsole.backend.model.listens_at import ANY, ListensAt
from netconsole.backend.system.files import read_text

_SOCK_DIAG: Final = 4
"""NETLINK_SOCK_DIAG."""
_BY_FAMILY: Final = 20
_REQUEST, _DUMP = 0x1, 0x300
_LISTENING: Final = 1 << 10
"""TCP_LISTEN, as a bit of the states that are asked for."""
_ASKED = struct.Struct("=BBBBI48x")
"""inet_diag_req_v2 of linux/inet_diag.h, whose socket is any."""
_PLACE = struct.Struct(">B3xH2x16s")
"""Of inet_diag_msg the family, after state and two of timers the port, the other end's, address."""
_PRESENCE: Final = "@netconsole-metadata-"


def tcp_listeners() -> frozenset[ListensAt]:
    """Return where sockets of this network namespace wait for connections by IPv4.

    One that waits by IPv6 at all addresses counts as one by IPv4: by default it takes both. Raises
    OSError.
    """
    found: set[ListensAt] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(10.0)
        for family in (socket.AF_INET, socket.AF_INET6):
            length = HEADER.size + _ASKED.size
            header = HEADER.pack(length, _BY_FAMILY, _REQUEST | _DUMP, 0, 0)
            kernel.send(header + _ASKED.pack(family, socket.IPPROTO_TCP, 0, 0, _LISTENING))
            while _taken(kernel.recv(1 << 16), found):
                pass
    return frozenset(found)


def metadata_services() -> frozenset[int]:
    """Return the ports of our metadata services that run in this network namespace.

    By the names that they hold (`presence_name`; proc_pid_net(5)). Raises OSError.
    """
    lines = read_text(Path("/proc/self/net/unix")).splitlines()
    names = {line.rpartition(" ")[2] for line in lines}
    ports = (name.removeprefix(_PRESENCE) for name in names if name.startswith(_PRESENCE))
    return frozenset(int(each) for each in ports if each.isdecimal())


def presence_name(port: int) -> str:
    """Return the abstract name that a metadata service of ours holds (unix(7))."""
    return f"\0{_PRESENCE.removeprefix('@')}{port}"


def _taken(piece: bytes, found: set[ListensAt]) -> bool:
    """Take the places of a piece of an answer; false where it is the last."""
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
        family, port, address = _PLACE.unpack_from(piece, at + HEADER.size)
        length_of_address = 4 if family == socket.AF_INET else 16
        text = socket.inet_ntop(family, address[:length_of_address])
        found.add(ListensAt(ANY if text == "::" else text.removeprefix("::ffff:"), port))
        at += length + 3 & ~3
    return True
