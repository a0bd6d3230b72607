"""Connection: one request at the socket of an agent, and its answer, which is waited for as long
as the agent is alive.
"""

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

from netconsole import __version__
from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import Unavailable
from netconsole.door import protocol
from netconsole.door.answers import Unintelligible
from netconsole.door.channel import Channel
from netconsole.door.exchange import AgentAnswer, AgentExchange, NeverDialled
from netconsole.door.failures import error_of

ANSWER_SECONDS = 120.0
"""Of silence, within an answer that has begun."""
PATIENCE_SECONDS = 5.0
"""After so long without an answer it is asked whether the agent is alive."""

_SILENT_SECONDS = 3 * protocol.BEAT_SECONDS
"""Without a sign of life for so long an agent hangs."""

_HEADERS = {
    "Host": "agent",
    protocol.VERSION_HEADER: __version__,
    protocol.API_HEADER: str(protocol.API),
}


class AgentGone(Unavailable):
    """An agent has ended before it answered, or hangs."""


class AgentConnection:
    """One request over a channel. Close it in the end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._exchange = AgentExchange(channel)
        self._seconds: float | None = None

    def open(self, seconds: float | None) -> None:
        """Connect; no answer may take longer. Raises OSError, and Unavailable as a channel does."""
        self._seconds = seconds
        self._exchange.open(seconds)

    def begin(self) -> None:
        """Connect. Raises AgentGone."""
        try:
            self.open(ANSWER_SECONDS)
        except OSError as error:
            raise AgentGone(f"{self._channel.why_ended()}: {error.strerror}") from error

    def ask(self, method: str, path: str, body: object = None) -> AgentAnswer:
        """Send a request and return the answer, however long it takes, while the agent lives.

        Raises the error that it says, AgentGone where the agent hangs, and OSError where the
        connection breaks.
        """
        self.tell(method, path, body)
        while not self._exchange.is_answered(PATIENCE_SECONDS):
            require_alive(self._channel)
        return self.answer()

    def tell(self, method: str, path: str, body: object = None) -> None:
        """Send a request. Raises OSError.

        A connection over a link that is just found dead ends before it took any of it: then it is
        sent by a new one.
        """
        headers = dict(_HEADERS)
        data = None if body is None else as_line(body).encode()
        if data is not None:
            headers["Content-Type"] = protocol.ONE_DOCUMENT
        try:
            self._exchange.send(method, path, headers, data)
        except NeverDialled:
            self._exchange.close()
            self._exchange = AgentExchange(self._channel)
            self._exchange.open(self._seconds)
            self._exchange.send(method, path, headers, data)

    def answer(self) -> AgentAnswer:
        """Return the answer. Raises the error that it says, and OSError."""
        answer = self._exchange.answer()
        if answer.status >= 400:
            raise error_of(object_of(object_of(document_of(answer)).get("error", {})))
        return answer

    def expect_beats(self) -> None:
        """Of an answer that says at each beat that it goes on, find out when it does not."""
        self._seconds = max(_SILENT_SECONDS, self._channel.patience_seconds)
        self._exchange.allow(self._seconds)

    def hang_up(self) -> None:
        """Have a thread that waits for an answer wait no more."""
        with suppress(OSError):
            self._exchange.hang_up()

    def close(self) -> None:
        """Be done with it."""
        self._exchange.close()


def require_alive(channel: Channel) -> None:
    """Ask something that an agent answers whatever it is busy with. Raises AgentGone."""
    with closing(AgentExchange(channel)) as exchange:
        try:
            exchange.open(channel.patience_seconds)
            exchange.send("GET", protocol.NOTHING, _HEADERS)
            exchange.answer()
        except TimeoutError as error:
            raise AgentGone(channel.why_silent()) from error
        except OSError as error:
            raise AgentGone(channel.why_ended()) from error


def document_of(response: AgentAnswer) -> Any:
    """Return the JSON document of an answer. Raises Unintelligible."""
    try:
        return json.loads(response.read())
    except ValueError as error:
        raise Unintelligible(f"the agent answers no JSON: {error}") from error


def object_of(told: object) -> dict[str, Any]:
    """Return an object of JSON. Raises Unintelligible for anything else."""
    if not isinstance(told, dict):
        raise Unintelligible("the agent answers no object of JSON")
    return told


def lines_of(response: AgentAnswer) -> Iterator[dict[str, Any]]:
    """Yield each line of an answer as it comes."""
    for line in response.lines():
        yield object_of(json.loads(line))
