"""Dialling: standard input and output at the socket of an agent, for who comes in by SSH."""

import os
import select
import socket

from netconsole.door.channel import LocalChannel
from netconsole.door.connection import require_alive

_BLOCK = 1 << 16


def dial(path: str, source: int = 0, sink: int = 1) -> None:
    """Copy both ways until the agent hangs up, or nobody reads any more.

    The end of what is sent is handed on, as a client may wait for an answer after it. Raises
    OSError where nobody is there, AgentGone where the agent hangs.
    """
    channel = LocalChannel(path)
    with channel.open() as agent:
        require_alive(channel)
        agent.settimeout(None)
        sources = [source, agent.fileno()]
        while agent.fileno() in sources:
            ready, _, _ = select.select(sources, [], [])
            if source in ready and not _handed_on(source, agent):
                sources.remove(source)
            if agent.fileno() in ready and not _written(agent.recv(_BLOCK), sink):
                return


def _handed_on(source: int, agent: socket.socket) -> bool:
    """Send on what came; False at its end, or where the agent takes no more."""
    data = os.read(source, _BLOCK)
    try:
        agent.sendall(data)
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
