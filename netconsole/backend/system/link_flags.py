"""The flags of an interface of this network namespace, by ioctl(2): netdevice(7)."""

import fcntl
import socket
import struct
from typing import Final

_GET_FLAGS: Final = 0x8913
_SET_FLAGS: Final = 0x8914
"""SIOCGIFFLAGS and SIOCSIFFLAGS of linux/sockios.h."""
_REQUEST: Final = struct.Struct("16sH14x")
"""struct ifreq with its flags; the kernel takes 40 bytes at most."""
_UP, _RUNNING, _NO_ARP = 0x1, 0x40, 0x80


def bring_up_without_arp(interface: str) -> None:
    """Take it up as one that neither asks nor answers by ARP. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        flags = _flags(asked, interface) | _UP | _NO_ARP
        fcntl.ioctl(asked, _SET_FLAGS, _request(interface, flags))


def is_running(interface: str) -> bool:
    """Whether it has a carrier, and its queue takes packets. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        return bool(_flags(asked, interface) & _RUNNING)


def _flags(asked: socket.socket, interface: str) -> int:
    told = fcntl.ioctl(asked, _GET_FLAGS, _request(interface, 0))
    flags: int = _REQUEST.unpack_from(told)[1]
    return flags


def _request(interface: str, flags: int) -> bytes:
    return _REQUEST.pack(interface.encode(), flags) + bytes(8)
