"""Hears DHCP servers at guests' ports, before the bridge and its guards can take what they say."""

import socket
from collections.abc import Iterable
from typing import Final, Self

from netconsole.backend.system import packet_sockets, socket_filters
from netconsole.diagnostics.probes.dhcp_message import Message, read

_EVERY_PROTOCOL: Final = 0x0003
"""ETH_P_ALL: others are asked after a bridge has taken the frame (Linux net/core/dev.c)."""
_OUTGOING: Final = 4
"""PACKET_OUTGOING of linux/if_packet.h."""
_LONGEST: Final = 2048
FILTER: Final = (
    (0x28, 0, 0, 12),  # the kind of the frame
    (0x15, 0, 7, 0x0800),  # IPv4
    (0x30, 0, 0, 23),
    (0x15, 0, 5, socket.IPPROTO_UDP),
    (0x28, 0, 0, 20),
    (0x45, 3, 0, 0x1FFF),  # not the first fragment
    (0xB1, 0, 0, 14),  # the length of its head
    (0x48, 0, 0, 14),
    (0x15, 1, 0, 67),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, _LONGEST),
)
"""Classic BPF, which lets by what comes from the port of DHCP servers."""


class ServerEar:
    """One socket for all ports, however many there are; use it as a context manager."""

    def __init__(self, ports: Iterable[str]) -> None:
        """Raises OSError where this user may not see frames."""
        self._ports = frozenset(ports)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._socket.setblocking(False)
            socket_filters.attach(self._socket, FILTER)
            packet_sockets.bind_everywhere(self._socket, _EVERY_PROTOCOL)
        except OSError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor to wait at."""
        return self._socket.fileno()

    def heard(self) -> list[tuple[str, Message]]:
        """Return what has come in at the ports since, and at which."""
        found: list[tuple[str, Message]] = []
        while True:
            try:
                frame, (port, _, kind, *_) = self._socket.recvfrom(_LONGEST)
            except UnicodeDecodeError:
                continue  # of an interface of others: Python takes its name for UTF-8
            except BlockingIOError:
                return found
            message = read(frame) if kind != _OUTGOING and port in self._ports else None
            if message is not None:
                found.append((port, message))
