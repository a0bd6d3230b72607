"""One lock a host: two admins who change it queue, they do not interleave."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netconsole.backend.errors import Conflict, Unavailable

WAIT_SECONDS = 120.0


@contextmanager
def host_lock(path: str) -> Iterator[None]:
    """Hold the lock for the length of a change (flock(2)); the kernel lets go of a dead holder's.

    Raises Conflict, naming the holder, when it is not to be had within two minutes.
    """
    with _opened(path) as handle:
        deadline = time.monotonic() + WAIT_SECONDS
        while not _taken(handle):
            if time.monotonic() > deadline:
                holder = os.pread(handle, 32, 0).decode().strip() or "unknown"
                raise Conflict(
                    f"process {holder} has been changing this host for over "
                    f"{WAIT_SECONDS:.0f} s (lock {path})"
                )
            time.sleep(0.02)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield


@contextmanager
def host_lock_if_free(path: str) -> Iterator[bool]:
    """Hold the lock if nobody does; the answer is whether it is held."""
    with _opened(path) as handle:
        yield _taken(handle)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unavailable(f"lock {path}: {error.strerror}") from error
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
