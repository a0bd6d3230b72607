"""The answers of an agent, and what is none."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from netconsole.door.channel import Channel
from netconsole.door.connection import AgentConnection
from netconsole.door.exchange import AgentAnswer, AgentExchange, AnswerBroken, NeverDialled
from netconsole.door.protocol import DIALLED, HEARD


class Pair(Channel):
    """A way to a test, which says what it likes."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()

    def open(self) -> socket.socket:
        return self.ours

    @property
    def patience_seconds(self) -> float:
        return 10.0

    def command(self, *words: str) -> str:
        return " ".join(words)

    @property
    def whose_agent(self) -> str:
        return "the test"

    @property
    def restart(self) -> str:
        return "the test's beginning"

    def why_ended(self) -> str:
        return "the test has ended"

    def why_silent(self) -> str:
        return "the test is silent"


@contextmanager
def asked(said: bytes) -> Iterator[AgentAnswer]:
    """What is answered to who asks, before the other end closes."""
    pair = Pair()
    with closing(AgentExchange(pair)) as exchange, pair.theirs:
        exchange.open(10.0)
        pair.theirs.sendall(said)
        pair.theirs.shutdown(socket.SHUT_WR)
        exchange.send("GET", "/v1", {"Host": "agent"})
        yield exchange.answer()


def test_a_request_says_what_it_is_and_how_long_its_body_is() -> None:
    pair = Pair()
    with closing(AgentExchange(pair)) as exchange, pair.theirs:
        exchange.open(10.0)
        pair.theirs.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        exchange.send("POST", "/v1/do", {"Host": "agent"}, b"{}")
        exchange.answer()
        told = pair.theirs.recv(4096)
    first, *headers, _, body = told.split(b"\r\n")
    assert (first, body) == (b"POST /v1/do HTTP/1.1", b"{}")
    assert sorted(headers) == [b"Connection: close", b"Content-Length: 2", b"Host: agent"]


@pytest.mark.parametrize(
    ("said", "status", "kind", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more", 200, "", b"{}"),
        (b"HTTP/1.0 404 Not Found\r\nCONTENT-TYPE: a/b; charset=x\r\n\r\nall", 404, "a/b", b"all"),
        (b"Welcome\nto node2: HTTP/1.0 200 OK\r\n\r\nall", 200, "", b"all"),
        (b"x" * 60_000 + b"HTTP/1.0 200 OK\r\n\r\nall", 200, "", b"all"),
        (b"HTTP/1.0 503\nContent-Length: 0\n\n", 503, "", b""),
        (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1", 200, "", b"1"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            *(200, "", b"ab"),
        ),
    ],
)
def test_an_answer_is_read_to_its_end(said: bytes, status: int, kind: str, body: bytes) -> None:
    with asked(said) as answer:
        assert (answer.status, answer.content_type, answer.read()) == (status, kind, body)


def test_lines_come_one_by_one_and_a_piece_of_one_is_none() -> None:
    with asked(b"HTTP/1.0 200 OK\r\n\r\none\ntwo\nthr") as answer:
        lines = answer.lines()
        assert [next(lines), next(lines)] == [b"one\n", b"two\n"]
        with pytest.raises(AnswerBroken):
            next(lines)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2",
        b"220 mail.example.org ESMTP\r\n\r\n",
        b"y\n" * 100_000,
        b"HTTP/1.0 two\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n" + b"A: b\r\n" * 10_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.0 200 " + b"A" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n{}",
    ],
)
def test_what_is_no_answer_is_said_to_be_none(said: bytes) -> None:
    with pytest.raises(AnswerBroken), asked(said) as answer:
        answer.read()


class Dialled(Pair):
    """A way by which each connection says first that it is one."""

    def __init__(self, *rest: Pair) -> None:
        super().__init__()
        self.left = [self, *rest]

    @property
    def is_dialled(self) -> bool:
        return True

    def open(self) -> socket.socket:
        return self.left.pop(0).ours


def test_what_a_dying_link_never_took_is_sent_by_a_new_connection() -> None:
    second = Pair()
    first = Dialled(second)
    first.theirs.close()
    second.theirs.sendall(DIALLED + b"HTTP/1.1 200 OK\r\n\r\n{}")
    second.theirs.shutdown(socket.SHUT_WR)
    with closing(AgentConnection(first)) as connection, second.theirs:
        connection.open(10.0)
        assert connection.ask("POST", "/v1/do", {}).read() == b"{}"
        assert second.theirs.recv(65536).startswith(HEARD + b"POST /v1/do ")


def test_of_a_link_that_stays_dead_that_is_said() -> None:
    second = Pair()
    first = Dialled(second)
    first.theirs.close()
    second.theirs.close()
    with closing(AgentConnection(first)) as connection:
        connection.open(10.0)
        with pytest.raises(NeverDialled):
            connection.tell("POST", "/v1/do", {})


def test_what_was_taken_is_never_sent_twice() -> None:
    """It may have been done, whatever became of the answer."""
    second = Pair()
    first = Dialled(second)
    first.theirs.sendall(DIALLED)
    first.theirs.shutdown(socket.SHUT_WR)
    with closing(AgentConnection(first)) as connection, first.theirs:
        connection.open(10.0)
        with pytest.raises(AnswerBroken):
            connection.ask("POST", "/v1/do", {})
    assert first.left == [second]
    second.ours.close()
    second.theirs.close()


def test_a_dialled_connection_hears_that_it_is_heard() -> None:
    pair = Dialled()
    with closing(AgentExchange(pair)) as exchange, pair.theirs:
        exchange.open(10.0)
        pair.theirs.sendall(DIALLED)
        exchange.send("GET", "/v1/watch", {"Host": "agent"})
        pair.theirs.recv(65536)
        pair.theirs.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        answer = exchange.answer()
        assert pair.theirs.recv(65536) == HEARD
        pair.theirs.sendall(b"{}\n")
        assert next(answer.lines()) == b"{}\n"
        assert pair.theirs.recv(65536) == HEARD
