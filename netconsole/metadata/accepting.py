"""Accepting: who has too many connections is turned away before anything is spent on one more."""

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from netconsole.metadata.connections import MetadataServer
from netconsole.metadata.ignoring import MOST_IGNORED, ignore
from netconsole.metadata.limits import ConnectionLimits

AT_ONCE: Final = 256
"""So many are taken before whoever is connected has a turn."""
REST_SECONDS: Final = 1.0
"""Where the system lacks files or memory for one more, it is tried again after that."""
IGNORED_SECONDS: Final = 1.0
"""For so long the kernel lets nothing in from whoever was turned away."""
_LACKING: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_AT_ONCE_AND_FOR_GOOD: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of socket(7): nothing is kept of a connection that is closed."""


class Accepting:
    """Takes the connections of one listening socket; for the thread of one event loop."""

    def __init__(
        self,
        listener: socket.socket,
        server: MetadataServer,
        limits: ConnectionLimits,
        turned_away: Callable[[str], None],
    ) -> None:
        """`turned_away` is told the address of whose connection was not taken."""
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._server = server
        self._limits = limits
        self._turned_away = turned_away
        self._resting: asyncio.TimerHandle | None = None
        self._beginning: set[asyncio.Task[None]] = set()
        self._ignored: dict[str, asyncio.TimerHandle] = {}
        self._begin()

    async def close(self, seconds: float) -> None:
        """Take no more; requests under way have so many seconds to be answered."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for task in self._beginning:
            task.cancel()
        for heeding in self._ignored.values():
            heeding.cancel()
        self._server.pre_shutdown()
        await self._server.shutdown(seconds)

    def _begin(self) -> None:
        self._resting = None
        self._loop.add_reader(self._listener, self._take)

    def _take(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connected, (address, _) = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in _LACKING:
                    raise
                self._loop.remove_reader(self._listener)
                self._resting = self._loop.call_later(REST_SECONDS, self._begin)
                return
            if self._limits.admits(address, self._loop.time()):
                task = self._loop.create_task(self._connect(connected, address))
                self._beginning.add(task)
                task.add_done_callback(self._beginning.discard)
            else:
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE_AND_FOR_GOOD)
                connected.close()
                self._turned_away(address)
                self._ignore(address)

    def _ignore(self, address: str) -> None:
        """Leave who was turned away to the kernel for a while."""
        if address not in self._ignored and len(self._ignored) < MOST_IGNORED:
            self._ignored[address] = self._loop.call_later(IGNORED_SECONDS, self._heed, address)
            self._tell_the_kernel()

    def _heed(self, address: str) -> None:
        del self._ignored[address]
        self._tell_the_kernel()

    def _tell_the_kernel(self) -> None:
        with suppress(OSError):  # then each is turned away here, which costs more
            ignore(self._listener, tuple(self._ignored))

    async def _connect(self, connected: socket.socket, address: str) -> None:
        """Hand it to a connection of its own, which says when it has ended."""
        connected.setblocking(False)
        make = partial(self._server.connection, address, partial(self._limits.lost, address))
        try:
            await self._loop.connect_accepted_socket(make, connected)
        except BaseException:
            connected.close()
            self._limits.lost(address)
            raise
