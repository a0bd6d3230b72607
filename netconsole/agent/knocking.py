"""Knocking: whether somebody answers at the agent's socket. Light: one request, no library."""

import errno
import json
import os
import socket
from dataclasses import dataclass
from typing import Final

from netconsole.backend.model.text import encoded

_REQUEST: Final = b"GET /v1/status HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n"
_SECONDS: Final = 5.0
_MOST: Final = 64 << 20
"""Bytes of an answer; that of ten thousand floating addresses has five million."""
_REASONS: Final = {
    errno.ENOENT: "there is no socket",
    errno.ECONNREFUSED: "nobody answers",
    errno.EACCES: "closed to this user: be in group netconsole",
}


@dataclass(frozen=True, slots=True)
class SocketAnswer:
    """What came of asking."""

    answers: bool
    because: str = ""
    configuration_kept: str = ""
    """Why it goes by its former configuration, where it does and this user may know."""


def answering(path: str) -> SocketAnswer:
    """Ask at a UNIX socket. That the answer is a refusal is an answer too."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(_SECONDS)
        try:
            asking.connect(encoded(path))
            asking.sendall(_REQUEST)
            answer = _whole(asking)
        except TimeoutError:
            return SocketAnswer(False, f"no answer within {_SECONDS:.0f} s")
        except OSError as error:
            number = error.errno or 0
            return SocketAnswer(False, _REASONS.get(number, os.strerror(number)))
    if not answer.startswith(b"HTTP/"):
        return SocketAnswer(False, "not in HTTP")
    return SocketAnswer(True, configuration_kept=_kept(answer))


def _whole(asking: socket.socket) -> bytes:
    answer = bytearray()
    while len(answer) < _MOST and (piece := asking.recv(1 << 16)):
        answer += piece
    return bytes(answer)


def _kept(answer: bytes) -> str:
    """What a status says of the configuration; nothing of a refusal."""
    try:
        told = json.loads(answer.partition(b"\r\n\r\n")[2])
        return str(told["host"]["configuration_kept"])
    except (KeyError, TypeError, ValueError):
        return ""
