"""Presence: whether a metadata service of ours serves in this network namespace already.

The agent may come to a host where `netconsole metadata serve` runs: its port is taken, and guests
are told what they ask all the same. Each service of ours holds a name among the abstract UNIX
sockets, of which every network namespace has its own (unix(7)); it goes with the process.
"""

import socket
from typing import Self

from netconsole.backend.kernel.listeners import presence_name


class ServicePresence:
    """The name that this process holds, or none."""

    def __init__(self, port: int) -> None:
        self._name = presence_name(port)
        self._held: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def take(self) -> bool:
        """Hold the name from now on; return false where another process holds it."""
        if self._held is None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                made.bind(self._name)
            except OSError:
                made.close()
                return False
            self._held = made
        return True
