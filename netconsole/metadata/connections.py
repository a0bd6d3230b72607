"""Connections: those of guests, so many for each, and none that holds up another."""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

OF_ONE_ADDRESS: Final = 16
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


class ConnectionLimits:
    """Counts connections, by the address at their other end."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()
        self._total = 0

    def admits(self, address: str) -> bool:
        """Whether there may be one more; then it is counted."""
        if self._total >= self._most or self._open[address] >= OF_ONE_ADDRESS:
            return False
        self._open[address] += 1
        self._total += 1
        return True

    def lost(self, address: str) -> None:
        """One that was counted has ended."""
        self._total -= 1
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


class MetadataConnection(RequestHandler):
    """One connection of a guest."""

    def __init__(self, manager: "MetadataServer", **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._limits = manager.limits
        self.arrival = manager.arrival
        """The bridge by which it came; None where the service listens at an address."""
        self.address = ""
        self.certain: tuple[str, str, str] | None = None
        """The port, by uuid, MAC address and device, behind which its guest was seen last."""
        self.certain_until = 0.0
        self._counted = False
        self._hops: int | None = None
        """What the kernel gives packets, where this connection was given something else."""
        self._hanging_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.address, *_ = transport.get_extra_info("peername") or ("",)
        if not self._limits.admits(self.address):
            self._force_close = True  # what comes is dropped
            if isinstance(transport, asyncio.Transport):
                transport.abort()
            return
        self._counted = True
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()
        if self._counted:
            self._counted = False
            self._limits.lost(self.address)
            super().connection_lost(exc)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; hang up on who does not take it."""
        connected = self.transport
        if self._hanging_up is not None:
            self._hanging_up.cancel()
        if connected is not None:
            self._limit_hops(connected, isinstance(resp, NearResponse))
            self._hanging_up = self._loop.call_later(ANSWER_SECONDS, _hang_up, connected)
        sent = await super().finish_response(request, resp, start_time)
        if connected is not None and self._hanging_up and not connected.get_write_buffer_size():
            self._hanging_up.cancel()
            self._hanging_up = None
        return sent

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

    def __init__(self, handle: Handle, limits: ConnectionLimits, arrival: str | None) -> None:
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
        self.limits = limits
        self.arrival = arrival

    def __call__(self) -> RequestHandler:
        return MetadataConnection(self, loop=self._loop, **self._kwargs)
