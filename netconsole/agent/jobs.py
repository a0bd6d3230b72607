"""Jobs: what the agent does for who asks, told line by line, and ended when they are gone, or say
so.
"""

import asyncio
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from aiohttp import web

from netconsole.agent.connections import DoorRequest
from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import NetconsoleError, NotFound
from netconsole.door import protocol
from netconsole.door.failures import AgentFailed, Refused, told_error

AT_ONCE: Final = 4
WRITE_SECONDS: Final = 30.0
"""For which who asked may leave unread what they were told."""
_WAITING: Final = 16
"""Lines that wait to be written; then the job waits."""
_BEAT: Final = as_line({})

Tell = Callable[[object], None]
Work = Callable[[Tell, threading.Event], object]
"""Does the job in a thread, telling lines; its event is set when it is to end. The last line is
what it returns, or raises."""


class Jobs:
    """Those that are under way: a few at once, as each may send and hear packets."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(AT_ONCE, "jobs")
        self._under_way: dict[str, tuple[int, threading.Event]] = {}
        """By a token that only who asked was told: their uid, and what ends it."""

    def end(self) -> None:
        """The agent ends: who asked is told no more."""
        for _, cancelled in list(self._under_way.values()):
            cancelled.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def end_one(self, token: str, uid: int) -> None:
        """Have one ended; what has come of it is told. Raises NotFound for somebody else's."""
        whose, cancelled = self._under_way.get(token, (None, None))
        if cancelled is None or whose != uid:
            raise NotFound("no such job is under way: it is over")
        cancelled.set()

    async def answer(self, request: DoorRequest, work: Work) -> web.StreamResponse:
        """Do a job, and answer with its lines. Raises Refused where too many are under way."""
        if len(self._under_way) >= AT_ONCE:
            raise Refused(
                f"{AT_ONCE} captures, examinations and traces are under way: try again later"
            )
        token, cancelled, gone = secrets.token_urlsafe(16), threading.Event(), threading.Event()
        self._under_way[token] = request.peer.uid, cancelled
        lines: asyncio.Queue[object] = asyncio.Queue(_WAITING)
        loop = asyncio.get_running_loop()

        def tell(line: object) -> None:
            _put(lines, line, loop, gone)

        def do() -> object:
            try:
                return work(tell, cancelled)
            finally:
                with suppress(RuntimeError):  # the agent ends
                    loop.call_soon_threadsafe(self._under_way.pop, token)

        lines.put_nowait({"job": token})
        doing = loop.run_in_executor(self._executor, do)
        doing.add_done_callback(_settle)
        try:
            return await _told(request, lines, doing)
        finally:
            gone.set()
            cancelled.set()


def _put(
    lines: "asyncio.Queue[object]",
    line: object,
    loop: asyncio.AbstractEventLoop,
    gone: threading.Event,
) -> None:
    """Hand a line over, in the thread of the job; wait for room as long as somebody listens."""
    putting = asyncio.run_coroutine_threadsafe(lines.put(line), loop)
    while not gone.is_set():
        with suppress(TimeoutError):
            putting.result(0.5)
            return
    putting.cancel()


def _settle(doing: "asyncio.Future[object]") -> None:
    """Whoever is gone hears of no error, and it is nobody else's."""
    if not doing.cancelled():
        doing.exception()


async def _told(
    request: DoorRequest, lines: "asyncio.Queue[object]", doing: "asyncio.Future[object]"
) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = protocol.LINES
    with suppress(ConnectionError, TimeoutError):
        await response.prepare(request)
        while not (doing.done() and lines.empty()):
            if request.transport is None or request.transport.is_closing():
                return response
            await _write(response, await _next(lines, doing))
        await _write(response, _end(doing))
        return response
    if request.transport is not None:
        request.transport.abort()
    return response


async def _next(lines: "asyncio.Queue[object]", doing: "asyncio.Future[object]") -> str:
    """Wait for a line; where none comes, what says that the job is under way."""
    getting = asyncio.ensure_future(lines.get())
    await asyncio.wait(
        {getting, doing}, timeout=protocol.BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    if getting.done():
        return as_line(getting.result())
    getting.cancel()
    return _BEAT


async def _write(response: web.StreamResponse, line: str) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(line.encode())


def _end(doing: "asyncio.Future[object]") -> str:
    try:
        return as_line({"done": doing.result()})
    except NetconsoleError as error:
        return as_line(told_error(error))
    except Exception as error:  # noqa: BLE001  the outermost edge of the job's thread
        return as_line(told_error(AgentFailed(f"a bug in the agent ({type(error).__name__})")))
