"""Sockets of packets, bound to an interface whatever its name is: packet(7).

Python asks for the name as UTF-8 and answers with it, and so ends at one that is none.
"""

import ctypes
import errno
import os
import socket
import struct

_ADDRESS = struct.Struct("=HHiHBB")
"""sockaddr_ll up to the hardware address, the protocol in the order of the network."""
_ROOM = 128
"""Bytes of a sockaddr_storage: addresses of InfiniBand are longer than sockaddr_ll says."""


def bind(packets: socket.socket, interface: str, protocol: int) -> tuple[int, bytes]:
    """Bind to an interface, and return its kind (ARPHRD_*) and its hardware address.

    Raises OSError where there is none of that name.
    """
    try:
        index = socket.if_nametoindex(interface)
    except OSError:  # it carries no number
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV)) from None
    _bind(packets, index, protocol)
    room = ctypes.create_string_buffer(_ROOM)
    _call("getsockname", packets, room, ctypes.byref(ctypes.c_int(_ROOM)))
    _, _, _, kind, _, length = _ADDRESS.unpack_from(room)
    return kind, room.raw[_ADDRESS.size : _ADDRESS.size + length]


def bind_everywhere(packets: socket.socket, protocol: int) -> None:
    """Bind to every interface that there is, and will be; raises OSError."""
    _bind(packets, 0, protocol)


def _bind(packets: socket.socket, index: int, protocol: int) -> None:
    address = _ADDRESS.pack(socket.AF_PACKET, socket.htons(protocol), index, 0, 0, 0) + bytes(8)
    _call("bind", packets, address, len(address))


def _call(name: str, packets: socket.socket, *arguments: object) -> None:
    call = ctypes.CDLL(None, use_errno=True)[name]
    if call(packets.fileno(), *arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
