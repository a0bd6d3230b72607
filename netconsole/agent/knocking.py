"""Knocking: whether somebody answers at the agent's socket. Light: one request, no library."""

import errno
import os
import socket
from dataclasses import dataclass
from typing import Final

from netconsole.backend.model.text import encoded

_REQUEST: Final = b"GET /v1/status HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n"
_SECONDS: Final = 5.0
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


def answering(path: str) -> SocketAnswer:
    """Ask at a UNIX socket. That the answer is a refusal is an answer too."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(_SECONDS)
        try:
            asking.connect(encoded(path))
            asking.sendall(_REQUEST)
            begun = asking.recv(5)
        except TimeoutError:
            return SocketAnswer(False, f"no answer within {_SECONDS:.0f} s")
        except OSError as error:
            number = error.errno or 0
            return SocketAnswer(False, _REASONS.get(number, os.strerror(number)))
    return SocketAnswer(True) if begun == b"HTTP/" else SocketAnswer(False, "not in HTTP")
