"""Reading: the body of a request, no more of it than it may have."""

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError


class Malformed(Exception):
    """A body that is not as its headers say."""


class TooLong(Exception):
    """A body that is longer than it may be; the rest of it was not read."""


async def body_of(request: web.BaseRequest, most: int) -> bytes:
    """Return a request's body of at most so many bytes. Raises TooLong and Malformed.

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
        while piece := await request.content.readany():
            body += piece
            if len(body) > most:
                raise TooLong
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise Malformed from error
    return body
