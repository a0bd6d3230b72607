"""Dialling: standard input and output at the socket of an agent, for who comes in by SSH."""

import os
import select
import socket
import time

from netconsole.door.channel import LocalChannel
from netconsole.door.connection import require_alive
from netconsole.door.protocol import DIALLED, HEARD, HEARD_SECONDS

_BLOCK = 1 << 16


def dial(path: str, source: int = 0, sink: int = 1) -> None:
    """Copy both ways until the agent hangs up, or nobody reads any more.

    Says first that it is connected. The end of what is sent is handed on, as a client may wait for
    an answer after it. A client that says what it has heard of the answer, and then is silent for
    long, is dead, or the link to it is. Raises OSError where nobody is there, AgentGone where the
    agent hangs.
    """
    channel = LocalChannel(path)
    with channel.open() as agent:
        require_alive(channel)
        agent.settimeout(None)
        hearing = _Hearing()
        if not _written(DIALLED, sink):
            return
        sources = [source, agent.fileno()]
        while agent.fileno() in sources and not hearing.is_over:
            ready, _, _ = select.select(sources, [], [], hearing.patience)
            if source in ready and not _handed_on(os.read(source, _BLOCK), agent, hearing):
                sources.remove(source)
            if agent.fileno() in ready:
                if not _written(agent.recv(_BLOCK), sink):
                    return
                hearing.answered()


class _Hearing:
    """Whether the client hears what it is told, as far as it says so."""

    def __init__(self) -> None:
        self._since: float | None = None
        """Since when it has said nothing to what it was told."""
        self._says = False
        """Whether it says so at all."""
        self._is_asked = self._is_answered = False
        """Whether anything of its request has come, and of the answer, before which all that comes
        is of the request."""

    def answered(self) -> None:
        """Something of the answer went to it."""
        self._is_answered = True
        if self._since is None:
            self._since = time.monotonic()

    def passed(self, data: bytes) -> bytes:
        """Return what came from it without its own words: all of a request is for the agent."""
        if not self._is_asked and data:
            self._is_asked, self._says = True, data.startswith(HEARD)
            data = data.removeprefix(HEARD)
        elif self._is_answered and data and not data.strip(HEARD):
            self._since, data = None, b""
        return data

    @property
    def patience(self) -> float | None:
        """For how many seconds to wait; None for however long."""
        return HEARD_SECONDS / 4 if self._says else None

    @property
    def is_over(self) -> bool:
        """Whether it has been silent for too long."""
        if not self._says or self._since is None:
            return False
        return time.monotonic() - self._since > HEARD_SECONDS


def _handed_on(data: bytes, agent: socket.socket, hearing: _Hearing) -> bool:
    """Send on what came; False at its end, or where the agent takes no more."""
    try:
        agent.sendall(hearing.passed(data))
        if not data:
            agent.shutdown(socket.SHUT_WR)
    except OSError:
        return False
    return bool(data)


def _written(data: bytes, sink: int) -> bool:
    """Write what the agent said; False at its end, or where nobody reads."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(sink, left) :]
    except BrokenPipeError:
        return False
    return bool(data)
