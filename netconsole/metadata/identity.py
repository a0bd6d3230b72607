"""Identity: which guest makes a request."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from netconsole.backend.kernel.neighbours import Neighbours
from netconsole.backend.model.errors import Unavailable, said
from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.model.records import PortView
from netconsole.backend.model.text import visible
from netconsole.backend.service.service import Service
from netconsole.metadata import proxies
from netconsole.metadata.callers import Whereabouts, mistrusted, port_at
from netconsole.metadata.connections import MetadataConnection
from netconsole.metadata.guests import Guests
from netconsole.metadata.proxies import ProxyRefusal, forwarded_address, signed_request
from netconsole.metadata.tally import Tally

CERTAIN_SECONDS: Final = 5.0
"""For so long it is not asked again behind which port the guest of a connection is.

Who took the guest's addresses meanwhile does not know the sequence numbers of the connection, which
the kernel chose at random (RFC 6528). To ask takes some 30 µs of processor time, however many
ports there are, and longer while others list the links, as the kernel does one thing at a time.
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nobody whom the service knows: the HTTP status that says so."""

    status: int


class Identity:
    """Finds out who asks; for the thread of one event loop."""

    def __init__(
        self,
        service: Service,
        guests: Guests,
        neighbours: Neighbours,
        devices: Callable[[], Mapping[str, str]],
        tally: Tally,
        say: Callable[[str], None],
    ) -> None:
        """`devices` gives the ports of this host's guests, each with its instance's name."""
        self._options = service.options
        self._guests = guests
        self._neighbours = neighbours
        self._devices = devices
        self._tally = tally
        self._say = say

    async def of(self, request: web.BaseRequest) -> GuestData | Refusal:
        """Return the guest that makes a request. Raises Unavailable where that is not known."""
        if self._options.service_metadata_proxy:
            return await self._signed(request)
        if proxies.INSTANCE_ID in request.headers:
            self._say(
                f"{_sender(request)} sends {proxies.INSTANCE_ID}: ignored, as the option "
                "service_metadata_proxy is off"
            )
        connection = _connection(request)
        if self._is_from_proxy(request, connection):
            return await self._forwarded(request)
        guest = await self._guests.at(connection.address)
        view = None if guest is None else port_at(guest, connection.address)
        if guest is None or view is None:
            return Refusal(404)
        if reason := self._doubt(connection, guest, view):
            self._tally.impostor()
            self._say(
                f"{connection.address} is {guest.view.instance.name}'s, and asked for its "
                f"metadata: {reason}; answered 404"
            )
            return Refusal(404)
        return guest

    def address_of(self, request: web.BaseRequest) -> str:
        """Return the address that asks, or for which a proxy does."""
        connection = _connection(request)
        is_told = self._options.service_metadata_proxy or self._is_from_proxy(request, connection)
        if not is_told:
            return connection.address
        told = forwarded_address(request.headers.get(proxies.FORWARDED_FOR, ""))
        return connection.address if told is None else told

    def _is_from_proxy(self, request: web.BaseRequest, connection: MetadataConnection) -> bool:
        if proxies.FORWARDED_FOR not in request.headers:
            return False
        options = self._options
        if options.use_forwarded_for and connection.address in options.metadata_proxies:
            return True
        because = (
            "it is none of metadata_proxies"
            if options.use_forwarded_for
            else "the option use_forwarded_for is off"
        )
        self._say(f"{_sender(request)} sends {proxies.FORWARDED_FOR}: ignored, as {because}")
        return False

    async def _forwarded(self, request: web.BaseRequest) -> GuestData | Refusal:
        """By a proxy there is no port to see: its word counts."""
        address = forwarded_address(request.headers[proxies.FORWARDED_FOR])
        guest = None if address is None else await self._guests.at(address)
        if guest is None or address is None or port_at(guest, address) is None:
            return Refusal(404)
        return guest

    async def _signed(self, request: web.BaseRequest) -> GuestData | Refusal:
        signed = signed_request(request.headers, self._options.metadata_proxy_shared_secret)
        if isinstance(signed, ProxyRefusal):
            self._say(f"{_sender(request)} asks as a proxy: {signed.because}")
            return Refusal(signed.status)
        guest = await self._guests.of(signed.instance)
        if guest is None or guest.view.instance.project_id != signed.project:
            return Refusal(404)
        return guest

    def _doubt(
        self, connection: MetadataConnection, guest: GuestData, view: PortView
    ) -> str | None:
        """Why it is not the guest's; it is asked when a connection begins, and now and then."""
        now = time.monotonic()
        port = view.port
        place = (port.uuid, port.mac, port.device)
        if connection.certain == place and now < connection.certain_until:
            return None
        seen = self._seen(connection, view.network.bridge)
        reason = mistrusted(guest, view, seen, self._options.host, self._devices())
        if reason is None:
            connection.certain = place
            connection.certain_until = now + CERTAIN_SECONDS
        return reason

    def _seen(self, connection: MetadataConnection, bridge: str) -> Whereabouts:
        """Where the kernel finds who sends. Raises Unavailable where it does not tell."""
        try:
            mac, port = self._neighbours.place_of(bridge, connection.address)
        except OSError as error:
            raise Unavailable(f"cannot tell who sends: {said(error)}") from error
        return Whereabouts(connection.arrival, mac, port)


def _connection(request: web.BaseRequest) -> MetadataConnection:
    handler = request.protocol
    if not isinstance(handler, MetadataConnection):
        raise TypeError(type(handler).__name__)
    return handler


def _sender(request: web.BaseRequest) -> str:
    return visible(_connection(request).address)
