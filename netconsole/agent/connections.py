"""Connections: those at the agent's socket, so many for each user, and none that holds it up."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from socket import socket
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from netconsole.agent.roles import Peer, peer_of
from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import InvalidValue, NetconsoleError
from netconsole.backend.model.text import visible
from netconsole.door import protocol
from netconsole.door.failures import AgentFailed, Refused, told_error

OF_ONE_USER = 16
OF_ROOT = 64
IDLE_SECONDS = 15.0
"""A connection without a whole request for so long is closed."""
LINGERING_SECONDS = 2.0
TURNED_AWAY_SECONDS = 0.2
TURNED_AWAY_AT_ONCE = 100
HEADER_BYTES = 8190
LARGEST_BODY = 16 << 20
"""Bytes; it is read of those alone who may change."""

Handle = Callable[["DoorRequest"], Awaitable[web.StreamResponse]]


def failed(error: NetconsoleError, status: int) -> web.Response:
    """Return an error as it is answered: one line of JSON."""
    text = as_line(told_error(error))
    return web.Response(text=text, status=status, content_type=protocol.ONE_DOCUMENT)


class DoorRequest(web.BaseRequest):
    """A request, and who makes it."""

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        handler = self.protocol
        if not isinstance(handler, DoorConnection):
            raise TypeError(type(handler).__name__)
        return handler.peer


class DoorConnection(RequestHandler):
    """One connection; its mistakes are answered as all others are."""

    def __init__(self, manager: "DoorServer", **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._server = manager
        self.peer = Peer(0, -1)
        self._counted = False
        self._turned_away = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connected: socket = transport.get_extra_info("socket")
        self.peer = peer_of(connected)
        if not self._server.admits(self.peer):
            self._turn_away(transport)
            return
        self._counted = True
        super().connection_made(transport)

    def _turn_away(self, transport: asyncio.BaseTransport) -> None:
        """Say why, and hang up once the request was taken: of one unread none would read that."""
        self._force_close = True  # what comes is read, and dropped
        if isinstance(transport, asyncio.Transport):
            transport.write(_TOO_MANY)
        if self._server.turns_away():
            self._turned_away = True
            self._loop.call_later(TURNED_AWAY_SECONDS, transport.close)
        else:
            transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._turned_away:
            self._server.turned_away()
        if self._counted:
            self._counted = False
            self._server.lost(self.peer)
            super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or a bug."""
        if status >= 500:
            self.log_exception("unforeseen", exc_info=exc)
            response = failed(AgentFailed(f"a bug in the agent ({type(exc).__name__})"), status)
        else:
            why = visible(" ".join(str(message or exc or "").split()))[:120]
            response = failed(InvalidValue("request", why, "must be HTTP/1.1"), status)
        response.force_close()
        return response


class DoorServer(web.Server):
    """Makes connections, as many for a user as they may have."""

    def __init__(self, handle: Handle) -> None:
        super().__init__(
            handle,  # type: ignore[arg-type]  # its requests are those of `_make_request`
            keepalive_timeout=IDLE_SECONDS,
            tcp_keepalive=False,
            access_log=None,
            lingering_time=LINGERING_SECONDS,
            auto_decompress=False,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=64,
        )
        self._open: Counter[int] = Counter()
        self._turning_away = 0

    def __call__(self) -> RequestHandler:
        return DoorConnection(self, loop=self._loop, **self._kwargs)

    def admits(self, peer: Peer) -> bool:
        """Whether a user may have one more connection; then it is counted."""
        if self._open[peer.uid] >= (OF_ROOT if peer.uid == 0 else OF_ONE_USER):
            return False
        self._open[peer.uid] += 1
        return True

    def turns_away(self) -> bool:
        """Whether one more may wait to be hung up on; then it is counted."""
        if self._turning_away >= TURNED_AWAY_AT_ONCE:
            return False
        self._turning_away += 1
        return True

    def turned_away(self) -> None:
        """One was hung up on."""
        self._turning_away -= 1

    def lost(self, peer: Peer) -> None:
        """A connection has ended."""
        self._open[peer.uid] -= 1
        if not self._open[peer.uid]:
            del self._open[peer.uid]

    def _make_request(self, message: Any, payload: Any, handler: Any, *more: Any) -> DoorRequest:
        return DoorRequest(
            *(message, payload, handler, *more, self._loop), client_max_size=LARGEST_BODY
        )


def _too_many() -> bytes:
    text = as_line(told_error(Refused("too many connections of one user: try again later")))
    lines = (
        "HTTP/1.1 429 Too Many Requests",
        f"Content-Type: {protocol.ONE_DOCUMENT}",
        f"Content-Length: {len(text)}",
        "Connection: close",
        "",
        text,
    )
    return "\r\n".join(lines).encode()


_TOO_MANY = _too_many()
