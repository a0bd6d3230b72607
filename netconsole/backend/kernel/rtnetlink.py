"""Asks the kernel of one network namespace about links, routes and neighbours (rtnetlink(7)).

An answer takes some 20 µs, where a program that tells of it takes 2 ms to start, and a library that
knows all messages 130 ms to load.
"""

import os
import socket
from types import TracebackType
from typing import Final, Self

from netconsole.backend.filtering.nf_messages import ERROR, HEADER, error_code

REQUEST: Final = 0x1
"""NLM_F_REQUEST of linux/netlink.h."""
DUMP: Final = 0x300
"""NLM_F_DUMP: what is asked for is told of everything."""
_SECONDS: Final = 10.0
_BUFFER: Final = 1 << 20
"""Bytes of changes that wait until they are read."""


class Rtnetlink:
    """A connection; for one thread."""

    def __init__(self, seconds: float = _SECONDS, groups: int = 0) -> None:
        """`groups` are those of which changes are told, as RTMGRP_NEIGH.

        Raises OSError where the kernel is not to be asked.
        """
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._kernel.settimeout(seconds)
        if groups:
            self._kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._kernel.bind((0, groups))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kernel.close()

    def send(self, kind: int, body: bytes, flags: int = REQUEST) -> None:
        """Send a question, of a kind as RTM_GETLINK: its message and attributes."""
        self._kernel.send(HEADER.pack(HEADER.size + len(body), kind, flags, 0, 0) + body)

    def receive(self, seconds: float | None = None) -> bytes:
        """Return what comes next, one or more messages, within so long where that is given.

        Raises OSError where nothing comes, with ENOBUFS where more came than is kept.
        """
        if seconds is not None:
            self._kernel.settimeout(seconds)
        return self._kernel.recv(1 << 17)

    def ask(self, kind: int, body: bytes) -> bytes:
        """Return the message that answers a question, without its header.

        Raises OSError with the kernel's error, as ENODEV where there is nothing of that name.
        """
        self.send(kind, body)
        answer = self.receive()
        length, told, *_ = HEADER.unpack_from(answer)
        if told != ERROR:
            return answer[HEADER.size : length]
        code = error_code(answer, HEADER.size)
        raise OSError(code, os.strerror(code))
