"""Reading: the body of a request, no more of it than it may have."""

import asyncio

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from netconsole.metadata.connections import IDLE_SECONDS


class Malformed(Exception):
    """A body that is not as its headers say, or whose sender has gone."""


class TooSlow(Exception):
    """A body that does not come."""


class TooLong(Exception):
    """A body that is longer than it may be; the rest of it was not read."""


async def body_of(request: web.BaseRequest, most: int) -> bytes:
    """Return a request's body of at most so many bytes. Raises TooLong, TooSlow and Malformed.

    A client that waits to be told to send it is told (`Expect: 100-continue`, RFC 9110,
    section 10.1.1), unless it says already that it is too long.
    """
    if request.content_length is not None and request.content_length > most:
        raise TooLong
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        transport = request.transport
        if transport is not None and request.version >= (1, 1):
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = b""
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            while piece := await request.content.readany():
                body += piece
                if len(body) > most:
                    raise TooLong
    except TimeoutError as error:
        raise TooSlow from error
    except (HttpProcessingError, web.RequestPayloadError, ConnectionError) as error:
        raise Malformed from error
    return body
