"""Exchange: one request to an agent and its answer, over a channel. HTTP is h11's."""

import re
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

import h11

from netconsole.backend.model.text import decoded, visible
from netconsole.door.channel import Channel
from netconsole.door.protocol import DIALLED, HEARD

_RECEIVED_BYTES: Final = 65536
_BEFORE_BYTES: Final = 65536
"""So much may come before an answer, as what a login prints at another host."""
_SHOWN: Final = 100
_BEGINNING_BYTES: Final = 12
_BEGINNING: Final = re.compile(rb"HTTP/1\.[01] \d{3}")


class AnswerBroken(ConnectionError):
    """What came is no answer of HTTP, or ends before it is whole."""


class NeverDialled(AnswerBroken):
    """The connection ended before its other end took anything: the request was not sent."""


class NoAnswer(AnswerBroken):
    """Something else came instead of an answer."""

    def __init__(self, came: bytes) -> None:
        said = decoded(came.replace(DIALLED, b""))
        lines = filter(None, map(str.strip, said.splitlines()))
        self.line = visible(next(lines, ""))[:_SHOWN]
        """Its first words, in one line."""
        super().__init__(f"no answer came, but {self.line!r}")


class AgentAnswer:
    """What an agent answers: the head is read, the rest is still to come."""

    def __init__(self, http: h11.Connection, link: socket.socket, came: bytes = b"") -> None:
        """Read the head; some of what goes before it `came` already. Raises OSError."""
        self._http = http
        self._socket = link
        self._came = came
        self.is_dialled = False
        """Whether the other end of the connection is to hear of what has come."""
        self._http.receive_data(self._begun())
        self._say_heard()
        head = self._event()
        while isinstance(head, h11.InformationalResponse):
            head = self._event()
        if not isinstance(head, h11.Response):
            raise AnswerBroken("it has no head")
        self.status = head.status_code
        kind = decoded(dict(head.headers).get(b"content-type", b""))
        self.content_type = kind.partition(";")[0].strip().lower()

    def _begun(self) -> bytes:
        """Return how the answer begins, without what came before it."""
        came = self._came
        beginning = _BEGINNING.search(came)
        while beginning is None:
            piece = self._socket.recv(_RECEIVED_BYTES)
            if not piece and came in (b"", DIALLED):
                raise AnswerBroken("it has no head")
            if not piece or len(came) > _BEFORE_BYTES:
                raise NoAnswer(came)
            former, came = len(came), came + piece
            beginning = _BEGINNING.search(came, max(0, former - _BEGINNING_BYTES))
        self.is_dialled = DIALLED in came[: beginning.start()]
        return came[beginning.start() :]

    def read(self) -> bytes:
        """Return all that is still to come. Raises OSError."""
        return b"".join(self._pieces())

    def lines(self) -> Iterator[bytes]:
        """Yield each line as it comes, until there are no more. Raises OSError."""
        begun = b""
        for piece in self._pieces():
            *whole, begun = (begun + piece).split(b"\n")
            yield from (line + b"\n" for line in whole)
        if begun:
            raise AnswerBroken("it breaks off")

    def _pieces(self) -> Iterator[bytes]:
        while isinstance(event := self._event(), h11.Data):
            yield bytes(event.data)

    def _event(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(self._socket.recv(_RECEIVED_BYTES))
                self._say_heard()
        except h11.RemoteProtocolError as error:
            raise AnswerBroken(str(error)) from error
        return event

    def _say_heard(self) -> None:
        if self.is_dialled:
            with suppress(OSError):  # who has said all that there is does not wait for it
                self._socket.send(HEARD, socket.MSG_DONTWAIT)


class AgentExchange:
    """A connection for one request. Close it in the end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._http = h11.Connection(h11.CLIENT)
        self._socket: socket.socket | None = None
        self._came = b""
        """Before the answer."""

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
        """Send the request, once the other end is connected. Raises OSError.

        NeverDialled where it can be sent once more, as nobody has any of it.
        """
        if self._channel.is_dialled:
            self._await_dialled()
            self._connected().sendall(HEARD)
        told = {**headers, "Connection": "close"}
        if body is not None:
            told["Content-Length"] = str(len(body))
        events = (
            h11.Request(method=method, target=path, headers=list(told.items())),
            h11.Data(data=body or b""),
            h11.EndOfMessage(),
        )
        self._connected().sendall(b"".join(self._http.send(event) or b"" for event in events))

    def is_answered(self, seconds: float) -> bool:
        """Wait so long for the answer to begin, and say whether it has."""
        waiting = select.poll()
        if self._socket is not None:
            waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))

    def answer(self) -> AgentAnswer:
        """Return what is answered. Raises OSError."""
        answer = AgentAnswer(self._http, self._connected(), self._came)
        if answer.is_dialled:
            self._channel.dialled()
        return answer

    def hang_up(self) -> None:
        """Have a thread that waits for an answer wait no more; from any thread."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Be done with it."""
        if self._socket is not None:
            self._socket.close()

    def _await_dialled(self) -> None:
        """Raises NeverDialled where the connection ends first, and TimeoutError."""
        while DIALLED not in self._came:
            try:
                piece = self._connected().recv(_RECEIVED_BYTES)
            except ConnectionError as error:
                raise NeverDialled(str(error)) from error
            if not piece or len(self._came) > _BEFORE_BYTES:
                raise NeverDialled("it ended before the agent was reached")
            self._came += piece

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise AnswerBroken("the connection is not open")
        return self._socket
