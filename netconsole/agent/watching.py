"""Watching: a line for each new sight of the host; who reads slowly gets the newest, no backlog."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

from aiohttp import web

from netconsole.agent.connections import DoorRequest
from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import NetconsoleError
from netconsole.door import protocol
from netconsole.door.door import Deliver, Sight, Subscription
from netconsole.door.failures import AgentFailed, told_error

Subscribe = Callable[[Deliver], Subscription]
InThread = Callable[[Callable[[], str]], Awaitable[str]]


class Manner(Protocol):
    """How sights are told to one reader."""

    def line(self, sight: Sight) -> str:
        """Return the line of a sight; called in a thread."""

    def beat(self, looking_for: float) -> str:
        """Return what is told where nothing is new; empty for nothing."""


class Newest:
    """Holds what came last, until it is taken; told from any thread."""

    def __init__(self, ended: asyncio.Event) -> None:
        """`ended` is set when the agent ends."""
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._held: Sight | Exception | None = None
        self._there = asyncio.Event()

    def put(self, sight: Sight | Exception) -> None:
        """Replace what nobody has taken yet."""
        with suppress(RuntimeError):  # the agent ends
            self._loop.call_soon_threadsafe(self._put, sight)

    def _put(self, sight: Sight | Exception) -> None:
        self._held = sight
        self._there.set()

    async def take(self) -> Sight | Exception | None:
        """Wait for what is new; None where there is nothing for some seconds."""
        waiting = [asyncio.ensure_future(each.wait()) for each in (self._there, self._ended)]
        first = asyncio.FIRST_COMPLETED
        await asyncio.wait(waiting, timeout=protocol.BEAT_SECONDS, return_when=first)
        for each in waiting:
            each.cancel()
        if not self._there.is_set():
            return None
        self._there.clear()
        return self._held


async def watched(
    request: DoorRequest,
    subscribe: Subscribe,
    in_thread: InThread,
    manner: Manner,
    ended: asyncio.Event,
) -> web.StreamResponse:
    """Answer with a line for each sight, until who asks hangs up or the agent has ended."""
    response = web.StreamResponse()
    response.content_type = protocol.LINES
    newest = Newest(ended)
    subscription = await asyncio.to_thread(subscribe, newest.put)
    try:
        with suppress(ConnectionError):
            await response.prepare(request)
            while not (ended.is_set() or _is_gone(request)):
                sight = await newest.take()
                if sight is None:
                    line = manner.beat(subscription.waits_for())
                else:
                    line = await _told(sight, in_thread, manner)
                if line:
                    await response.write(line.encode())
    finally:
        await asyncio.to_thread(subscription.end)
    return response


def _is_gone(request: DoorRequest) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _told(sight: Sight | Exception, in_thread: InThread, manner: Manner) -> str:
    if not isinstance(sight, Exception):
        return await in_thread(lambda: manner.line(sight))
    if isinstance(sight, NetconsoleError):
        error = sight
    else:
        error = AgentFailed(f"the agent cannot look: {type(sight).__name__}: {sight}")
    return as_line({"taken": datetime.now(UTC), **told_error(error)})
