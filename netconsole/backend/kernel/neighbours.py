"""Asks the kernel who is at an address and behind which port, one at a time (rtnetlink(7)).

A neighbour is asked for by its interface and address, an entry of a bridge's forwarding database
by the bridge and a MAC address: RTM_GETNEIGH without a dump, which Linux answers since 5.1. Both
together take some 20 µs.
"""

import errno
import socket
import struct
from types import TracebackType
from typing import Final, Self

from netconsole.backend.filtering.nf_messages import attribute, attributes
from netconsole.backend.kernel.rtnetlink import Rtnetlink

_GETNEIGH: Final = 30
_MESSAGE = struct.Struct("=BBHiHBB")
"""ndmsg of linux/neighbour.h: family, two of padding, index, state, flags, type."""
_DESTINATION, _MAC, _MASTER = 1, 2, 9
"""NDA_DST, NDA_LLADDR and NDA_MASTER."""
_NOBODY: Final = frozenset({errno.ENOENT, errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP})
"""No such entry, or no bridge: what is asked for is nowhere."""
_SECONDS: Final = 1.0


class Neighbours:
    """Open questions to the kernel of one network namespace; for one thread."""

    def __init__(self) -> None:
        """Raises OSError where the kernel is not to be asked."""
        self._kernel = Rtnetlink(_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kernel.__exit__(kind, error, trace)

    def place_of(self, bridge: str, address: str) -> tuple[str | None, str | None]:
        """Return the MAC address at which a bridge finds an IPv4 address, and behind which port.

        None for the address where it does not find it, and for the port where it has not learnt
        one. Raises OSError where the kernel does not tell.
        """
        try:
            index = socket.if_nametoindex(bridge)
        except OSError:
            return None, None
        mac = self._mac_of(index, address)
        return (None, None) if mac is None else (mac.hex(":"), self._port_of(index, mac))

    def port_of(self, bridge: str, mac: str) -> str:
        """Return the port behind which a bridge has a MAC address; empty where it has no entry.

        Raises OSError where there is no such bridge, or the kernel does not tell.
        """
        asked = _entry_asked(socket.if_nametoindex(bridge), bytes.fromhex(mac.replace(":", "")))
        try:
            found = self._kernel.ask(_GETNEIGH, asked)
        except OSError as refusal:
            if refusal.errno == errno.ENOENT:
                return ""
            raise
        return socket.if_indextoname(_MESSAGE.unpack_from(found)[3])

    def _mac_of(self, index: int, address: str) -> bytes | None:
        told = attribute(_DESTINATION, socket.inet_aton(address))
        found = self._asked(_MESSAGE.pack(socket.AF_INET, 0, 0, index, 0, 0, 0) + told)
        return None if found is None else _mac(found)

    def _port_of(self, bridge: int, mac: bytes) -> str | None:
        found = self._asked(_entry_asked(bridge, mac))
        if found is None:
            return None
        port = _MESSAGE.unpack_from(found)[3]
        try:
            return socket.if_indextoname(port)
        except OSError:
            return None

    def _asked(self, question: bytes) -> bytes | None:
        """Return the message that answers a question; None where there is no such entry."""
        try:
            return self._kernel.ask(_GETNEIGH, question)
        except OSError as refusal:
            if refusal.errno in _NOBODY:
                return None
            raise


def _entry_asked(bridge: int, mac: bytes) -> bytes:
    """The question for an entry of the forwarding database of a bridge, by its index."""
    head = _MESSAGE.pack(socket.AF_BRIDGE, 0, 0, 0, 0, 0, 0)
    return head + attribute(_MASTER, struct.pack("=I", bridge)) + attribute(_MAC, mac)


def _mac(message: bytes) -> bytes | None:
    for kind, data in attributes(message[_MESSAGE.size :]):
        if kind == _MAC and len(data) == 6:
            return data
    return None
