"""Sockets at guests' ports: frames go out to a guest alone, and what comes by is seen.

A socket of packet(7) sees a frame that comes in before the packet filter, the bridge and its rules
do, whatever becomes of it then, and one that goes out when it has left the queue.
"""

import select
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Thread
from typing import Final, Self

from netconsole.backend.system import packet_sockets, socket_filters
from netconsole.diagnostics.probes.guest_frames import FILTER, PortFrame, parse

_EVERY_PROTOCOL: Final = 0x0003
_OUTGOING: Final = 4
"""PACKET_OUTGOING of linux/if_packet.h."""
_SNAPLEN: Final = 160
MOST_FRAMES: Final = 4_096
"""Kept of one port."""


class PortWires:
    """The ports of guests, watched from when this is opened; use it as a context manager."""

    def __init__(self, ports: Iterable[str]) -> None:
        """Raises OSError where this user may not see frames."""
        self.frames: dict[str, list[PortFrame]] = {}
        """What came by, by port."""
        self._watched: dict[int, tuple[socket.socket, str]] = {}
        self._sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        for port in dict.fromkeys(ports):
            self._watch(port)

    def _watch(self, port: str) -> None:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            made.setblocking(False)
            socket_filters.attach(made, FILTER)
            packet_sockets.bind(made, port, _EVERY_PROTOCOL)
        except OSError:
            made.close()  # it has gone, or is down
            return
        self._watched[made.fileno()] = made, port
        self.frames[port] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Before the kernel lets go of such a socket it waits for all processors.
        Thread(target=self._close, daemon=True).start()

    def _close(self) -> None:
        for each in (self._sender, *(each for each, _ in self._watched.values())):
            each.close()

    def send(self, port: str, frames: Iterable[bytes]) -> None:
        """Write frames out of a port, to its guest; one that is down, or full, takes none."""
        with suppress(OSError):
            packet_sockets.bind(self._sender, port, 0)
            for frame in frames:
                self._sender.send(frame)

    def watch(self, seconds: float, is_enough: Callable[[], bool] = lambda: False) -> None:
        """Keep what comes by for so long, or until there is enough."""
        until, asked = time.monotonic() + seconds, select.poll()
        for descriptor in self._watched:
            asked.register(descriptor, select.POLLIN)
        while (left := until - time.monotonic()) > 0 and not is_enough():
            for descriptor, _ in asked.poll(left * 1000):
                self._take(*self._watched[descriptor])

    def _take(self, watched: socket.socket, port: str) -> None:
        kept = self.frames[port]
        while True:
            try:
                frame, (_, _, kind, *_) = watched.recvfrom(_SNAPLEN)
            except OSError:  # nothing more, or the port went down
                return
            seen = parse(frame, leaves=kind == _OUTGOING)
            if seen is not None and len(kept) < MOST_FRAMES:
                kept.append(seen)
