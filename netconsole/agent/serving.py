"""Serving: the door of a host at the agent's socket, as long as the agent runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from netconsole.agent.answering import Answering
from netconsole.agent.connections import DoorServer
from netconsole.agent.listening import BACKLOG, listening
from netconsole.backend.configuration.options import Options
from netconsole.door.local import LocalDoor

ENDING_SECONDS = 2.0
"""For requests that only look, once the agent is told to end."""


@asynccontextmanager
async def serving(door: LocalDoor, options: Options) -> AsyncIterator[None]:
    """Answer at `options.agent_socket`. Changes that are under way at the end are finished first.

    Raises Conflict where another agent answers there, InvalidValue and Unavailable where it cannot
    be had.
    """
    with listening(options.agent_socket) as listener:
        answering = Answering(door)
        server = DoorServer(answering.handle)
        loop = asyncio.get_running_loop()
        accepting = await loop.create_unix_server(server, sock=listener, backlog=BACKLOG)
        try:
            yield
        finally:
            accepting.close()
            await answering.close()
            server.pre_shutdown()
            await server.shutdown(ENDING_SECONDS)
