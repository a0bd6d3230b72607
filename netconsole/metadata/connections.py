"""Connections: those of guests, so many for each, and none that holds up another."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

IDLE_SECONDS: Final = 10.0
"""A connection without a whole request for so long is closed."""
ANSWER_SECONDS: Final = 30.0
"""Whoever has not taken an answer by then is hung up on."""
LINGERING_SECONDS: Final = 1.0
HEADER_BYTES: Final = 8190
MOST_HEADERS: Final = 64

NEXT_HOP: Final = 1

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class NearResponse(web.Response):
    """An answer that no router passes on: who stands behind the guest does not get it."""


class MetadataConnection(RequestHandler):
    """One connection of a guest."""

    def __init__(
        self, manager: "MetadataServer", address: str, ended: Callable[[], None], **settings: Any
    ) -> None:
        super().__init__(manager, **settings)
        self.arrival = manager.arrival
        """The bridge by which it came; None where the service listens at an address."""
        self.address = address
        """Of who is at the other end."""
        self._ended = ended
        self.certain: tuple[str, str, str] | None = None
        """The port, by uuid, MAC address and device, behind which its guest was seen last."""
        self.certain_until = 0.0
        self._has_sent_all = False
        """Whether nothing more comes from the other end, which may still wait for answers."""
        self._hops: int | None = None
        """What the kernel gives packets, where this connection was given something else."""
        self._hanging_up: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()
        self._ended()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio heeds it, aiohttp has none
        """Whether to keep the way back: to who has asked all, and closed its way here."""
        self._has_sent_all = self._is_asked() and self._has_whole_requests()
        return self._has_sent_all

    def _is_asked(self) -> bool:
        """Whether a request is not answered yet."""
        is_waiting = self._waiter is not None and not self._waiter.done()
        return self._request_count > 0 and not is_waiting

    def _has_whole_requests(self) -> bool:
        current = self._current_request
        return (current is None or current.content.is_eof()) and all(
            body.is_eof() for _, body in self._messages
        )

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; hang up on who does not take it."""
        connected = self.transport
        self._hang_up_later(None)
        if connected is not None:
            self._limit_hops(connected, isinstance(resp, NearResponse))
        sent = await super().finish_response(request, resp, start_time)
        if connected is not None:
            is_taken = not connected.get_write_buffer_size()
            self._hang_up_later(None if is_taken else connected)
        if self._has_sent_all and not self._messages:
            self.close()
        return sent

    def pause_writing(self) -> None:
        """Who does not take what is sent has some time from now on."""
        super().pause_writing()
        self._hang_up_later(self.transport)

    def _hang_up_later(self, connected: asyncio.Transport | None) -> None:
        """Give who has not taken all some time, unless it was given already; None: all is taken."""
        if self._hanging_up is not None and connected is None:
            self._hanging_up.cancel()
            self._hanging_up = None
        elif self._hanging_up is None and connected is not None:
            self._hanging_up = self._loop.call_later(ANSWER_SECONDS, _hang_up, connected)

    def _limit_hops(self, connected: asyncio.Transport, is_near: bool) -> None:
        """Of a guest on a bridge it is known that no router is between (IP_TTL of ip(7))."""
        if self.arrival is None or is_near == (self._hops is not None):
            return
        end: socket.socket = connected.get_extra_info("socket")
        if is_near:
            self._hops = end.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)
            end.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, NEXT_HOP)
        elif self._hops is not None:
            end.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, self._hops)
            self._hops = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or a bug; neither learns what went wrong in here."""
        if status >= 500:
            self.log_exception("unforeseen", exc_info=exc)
            status = 503
        text = "bad request" if status < 500 else "not available now"
        response = web.Response(
            text=f"{status} {text}\n", status=status, headers={"Server": "netconsole"}
        )
        response.force_close()
        return response


def _hang_up(connected: asyncio.Transport) -> None:
    if connected.get_write_buffer_size():
        connected.abort()


class MetadataServer(web.Server):
    """Makes the connections of one listening socket."""

    def __init__(self, handle: Handle, arrival: str | None) -> None:
        super().__init__(
            handle,
            keepalive_timeout=IDLE_SECONDS,
            tcp_keepalive=False,
            access_log=None,
            lingering_time=LINGERING_SECONDS,
            auto_decompress=False,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=MOST_HEADERS,
        )
        self.arrival = arrival

    def connection(self, address: str, ended: Callable[[], None]) -> MetadataConnection:
        """Make a connection with an address; `ended` is called once it is lost."""
        return MetadataConnection(self, address, ended, loop=self._loop, **self._kwargs)
