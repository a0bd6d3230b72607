"""Listening: the agent's socket as a file, which one agent at a time answers at."""

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netconsole.backend.model.errors import Conflict, InvalidValue, Unavailable

SOCKET_MODE = 0o666
"""Anybody may connect: who may do what is decided by who they are, and said in a line."""
BACKLOG = 128


@contextmanager
def listening(path: str) -> Iterator[socket.socket]:
    """Listen at a path as long as the context lasts. One that a dead agent left is replaced.

    Raises Conflict where a live one answers, InvalidValue where something else is there, and
    Unavailable where none can be made.
    """
    place = Path(path)
    try:
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with _alone(place), _bound(place) as listener:
            yield listener
    except OSError as error:
        raise Unavailable(f"agent_socket {path}: {error.strerror or error}") from error


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Hold the lock by which two agents that start at once know of each other (flock(2))."""
    handle = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"agent_socket {place}: another agent answers there") from None
        _refuse_other(place)
        yield
    finally:
        os.close(handle)


def _refuse_other(place: Path) -> None:
    """Refuse what is no socket, and one at which some other program answers."""
    try:
        if not stat.S_ISSOCK(place.lstat().st_mode):
            raise InvalidValue("agent_socket", place, "is there, and is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as tried:
        tried.settimeout(1)
        try:
            tried.connect(str(place))
        except OSError as error:
            if error.errno in (errno.ECONNREFUSED, errno.ENOENT):
                return
    raise Conflict(f"agent_socket {place}: another program answers there")


@contextmanager
def _bound(place: Path) -> Iterator[socket.socket]:
    """Make the socket beside its place, and put it there whole: nobody finds it half made."""
    made = place.with_name(f".{place.name}.{os.getpid()}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with suppress(FileNotFoundError):
            made.unlink()
        listener.bind(str(made))
        made.chmod(SOCKET_MODE)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        made.rename(place)
        own = place.lstat().st_ino
        try:
            yield listener
        finally:
            with suppress(OSError):
                if place.lstat().st_ino == own:
                    place.unlink()
