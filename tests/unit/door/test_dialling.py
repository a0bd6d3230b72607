"""What a dialled connection hands on, and how it finds out that nobody hears it."""

import os
import socket
import threading
from pathlib import Path

import pytest

from netconsole.door import dialling
from netconsole.door.protocol import DIALLED, HEARD

ALIVE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Line:
    """A dialled connection: `near` is who dialled, `agent` the connection that comes of it."""

    def __init__(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()
            self.near, theirs = socket.socketpair()
            number = theirs.detach()
            self.thread = threading.Thread(target=dialling.dial, args=(str(path), number, number))
            self.thread.start()
            self.agent, _ = listening.accept()
            asked, _ = listening.accept()
            with asked:
                asked.recv(65536)
                asked.sendall(ALIVE)
        self.agent.settimeout(30.0)
        self.near.settimeout(30.0)
        assert self.near.recv(65536) == DIALLED
        self._number = number

    def close(self) -> None:
        self.agent.close()
        self.near.close()
        self.thread.join(30.0)
        os.close(self._number)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path / "socket")


def test_the_agent_gets_the_request_and_nothing_else(line: Line) -> None:
    line.near.sendall(HEARD + b"POST / HTTP/1.1\r\n")
    assert line.agent.recv(65536) == b"POST / HTTP/1.1\r\n"
    line.near.sendall(b"\r\n")
    assert line.agent.recv(65536) == b"\r\n"
    for _ in range(3):
        line.agent.sendall(b"{}\n")
        assert line.near.recv(65536) == b"{}\n"
        line.near.sendall(HEARD)
    line.near.shutdown(socket.SHUT_WR)
    assert line.agent.recv(65536) == b""
    line.close()


def test_who_is_told_and_says_nothing_is_dead(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "HEARD_SECONDS", 0.2)
    line.near.sendall(HEARD + b"POST / HTTP/1.1\r\n\r\n")
    line.agent.recv(65536)
    line.agent.sendall(b"{}\n")
    assert line.agent.recv(65536) == b""
    line.thread.join(30.0)
    assert not line.thread.is_alive()
    line.close()


def test_of_a_client_that_never_says_so_silence_means_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialling, "HEARD_SECONDS", 0.0)
    line.near.sendall(b"POST / HTTP/1.1\r\n\r\n")
    line.agent.recv(65536)
    for _ in range(3):
        line.agent.sendall(b"{}\n")
        assert line.near.recv(65536) == b"{}\n"
    assert line.thread.is_alive()
    line.close()
