"""One lock a host: two admins who change it queue, they do not interleave."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from netconsole.backend.model.errors import Conflict, Unavailable
from netconsole.backend.model.text import decoded
from netconsole.backend.system.files import refuse_other

WAIT_SECONDS = 120.0


@contextmanager
def host_lock(path: str) -> Iterator[None]:
    """Hold the lock for the length of a change (flock(2)); the kernel lets go of a dead holder's.

    Raises Conflict, naming the holder, when it is not to be had within two minutes. A lock file
    that was removed or replaced meanwhile is none: who comes later would hold another one.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with _opened(path) as handle:
            while not _taken(handle):
                if time.monotonic() > deadline:
                    raise Conflict(
                        f"process {_holder(handle)} has been changing this host for over "
                        f"{WAIT_SECONDS:.0f} s (lock {path})"
                    )
                time.sleep(0.02)
            if not _is_at(handle, path):
                continue
            try:
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            except OSError as error:
                raise Unavailable(f"lock {path}: {error.strerror}") from error
            yield
            return


@contextmanager
def host_lock_if_free(path: str) -> Iterator[bool]:
    """Hold the lock if nobody does; the answer is whether it is held.

    One that cannot be opened is not; the next change says why.
    """
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(_opened(path))
        except Unavailable:
            yield False
            return
        yield _taken(handle) and _is_at(handle, path)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    handle = -1
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        with suppress(FileNotFoundError):
            refuse_other(path)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        refuse_other(path, handle)
    except OSError as error:
        if handle >= 0:
            os.close(handle)
        link = error.errno == errno.ELOOP
        reason = "a symbolic link" if link else error.strerror
        raise Unavailable(f"lock {path}: {reason}") from error
    try:
        yield handle
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(handle: int, path: str) -> bool:
    """Whether the file that is held is still the one at the path."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


def _holder(handle: int) -> str:
    """Who holds it, as far as the file says."""
    said = decoded(os.pread(handle, 32, 0)).strip()
    return said if said.isascii() and said.isdecimal() else "unknown"
