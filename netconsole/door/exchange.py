"""Exchange: one request to an agent and its answer, over a channel, as HTTP/1.0 has it (RFC 1945).

An agent answers every client of HTTP. This one reads the answers of an agent and nothing else: a
connection has one request, and the answer ends with it. http.client would do as well, but brings
the package for mail and TLS along, for which every command would wait.
"""

import select
import socket
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from netconsole.backend.model.text import decoded
from netconsole.door.channel import Channel

_LONGEST_LINE: Final = 65536
_MOST_HEADERS: Final = 100


class AnswerBroken(ConnectionError):
    """What came is no answer of HTTP, or ends before it is whole."""


class AgentAnswer:
    """What an agent answers: the head is read, the rest is still to come."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the head. Raises OSError."""
        self._stream = stream
        self.status = _status(_line(stream))
        headers = dict(_headers(stream))
        self.content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        length = headers.get("content-length")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise AnswerBroken("it does not say how long it is")
        self._length = None if length is None else int(length)

    def read(self) -> bytes:
        """Return all that is still to come. Raises OSError."""
        body = self._stream.read() if self._length is None else self._stream.read(self._length)
        if self._length is not None and len(body) < self._length:
            raise AnswerBroken("it breaks off")
        return body

    def lines(self) -> Iterator[bytes]:
        """Yield each line as it comes, until there are no more. Raises OSError."""
        while line := self._stream.readline():
            if not line.endswith(b"\n"):
                raise AnswerBroken("it breaks off")
            yield line


class AgentExchange:
    """A connection for one request. Close it in the end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._socket: socket.socket | None = None
        self._stream: BinaryIO | None = None

    def open(self, seconds: float | None) -> None:
        """Connect; no answer may take longer. Raises OSError, and Unavailable as a channel does."""
        self._socket = self._channel.open()
        self._socket.settimeout(seconds)

    def allow(self, seconds: float | None) -> None:
        """Say how long the agent may be silent from now on; None for however long."""
        if self._socket is not None:
            self._socket.settimeout(seconds)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> None:
        """Send the request. Raises OSError."""
        if self._socket is None:
            raise AnswerBroken("the connection is not open")
        length = {} if body is None else {"Content-Length": str(len(body))}
        told = (f"{name}: {value}" for name, value in {**headers, **length}.items())
        head = "\r\n".join((f"{method} {path} HTTP/1.0", *told, "", ""))
        self._socket.sendall(head.encode("ascii") + (body or b""))

    def is_answered(self, seconds: float) -> bool:
        """Wait so long for the answer to begin, and say whether it has."""
        waiting = select.poll()
        if self._socket is not None:
            waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))

    def answer(self) -> AgentAnswer:
        """Return what is answered. Raises OSError."""
        if self._socket is None:
            raise AnswerBroken("the connection is not open")
        self._stream = self._socket.makefile("rb")
        return AgentAnswer(self._stream)

    def hang_up(self) -> None:
        """Have a thread that waits for an answer wait no more; from any thread."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Be done with it."""
        if self._stream is not None:
            self._stream.close()
        if self._socket is not None:
            self._socket.close()


def _line(stream: BinaryIO) -> str:
    line = stream.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise AnswerBroken("it breaks off" if len(line) < _LONGEST_LINE else "a line is too long")
    return decoded(line).rstrip("\r\n")


def _status(line: str) -> int:
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
        raise AnswerBroken("it is no answer of HTTP")
    return int(code)


def _headers(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    for _ in range(_MOST_HEADERS):
        line = _line(stream)
        if not line:
            return
        name, _, value = line.partition(":")
        yield name.strip().lower(), value.strip()
    raise AnswerBroken("it has too many headers")
