"""The kernel's namespaces: unshare(2), setns(2), mount(2) and prctl(2).

Python 3.11 offers none of these, so they are called in the C library. Every function raises
OSError, with what was attempted as its file name.
"""

import ctypes
import functools
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntFlag
from pathlib import Path
from typing import Final


class Namespace(IntFlag):
    """Kinds of namespace, by their numbers in linux/sched.h."""

    MOUNT = 0x00020000
    UTS = 0x04000000
    IPC = 0x08000000
    USER = 0x10000000
    PID = 0x20000000
    NET = 0x40000000


class MountFlag(IntFlag):
    """Flags of mount(2), by their numbers in linux/mount.h."""

    NONE = 0
    NOSUID = 0x2
    NODEV = 0x4
    NOEXEC = 0x8
    BIND = 0x1000
    RECURSIVE = 0x4000
    SLAVE = 0x80000


_SET_PARENT_DEATH_SIGNAL: Final = 1
_SET_NAME: Final = 15


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, attempted: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), attempted)


def unshare(kinds: Namespace) -> None:
    """Give the calling process new namespaces; a new PID namespace begins with its next child."""
    _check(_libc().unshare(ctypes.c_int(kinds)), "unshare")


def enter(pid: int, kinds: Namespace) -> None:
    """Move the calling process into namespaces of another (pidfd_open(2), Linux 5.8)."""
    descriptor = os.pidfd_open(pid)
    try:
        _check(_libc().setns(descriptor, ctypes.c_int(kinds)), "setns")
    finally:
        os.close(descriptor)


def mount(
    source: str, target: str, kind: str = "", flags: MountFlag = MountFlag.NONE, options: str = ""
) -> None:
    """Mount a file system, or change a mount as the flags say."""
    _check(
        _libc().mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode(),
            ctypes.c_ulong(flags),
            options.encode(),
        ),
        f"mount {kind or source} on {target}",
    )


@contextmanager
def same_directory() -> Iterator[None]:
    """Come back to the working directory by its path, which may lead to another mount by then.

    Where it leads nowhere, the directory is / afterwards.
    """
    try:
        directory = Path.cwd()
    except FileNotFoundError:
        directory = Path("/")
    yield
    try:
        os.chdir(directory)
    except OSError:
        os.chdir("/")


def set_hostname(name: str) -> None:
    """Name the host of the calling process's UTS namespace."""
    encoded = name.encode()
    _check(_libc().sethostname(encoded, ctypes.c_size_t(len(encoded))), "sethostname")


def set_process_name(name: str) -> None:
    """Name the calling process in /proc/PID/comm; the kernel keeps 15 bytes."""
    _check(_libc().prctl(_SET_NAME, name.encode(), 0, 0, 0), "prctl")


def die_with_parent() -> None:
    """Have the kernel kill the calling process when its parent ends in whatever way.

    Gone again after a change of credentials or of user namespace; see prctl(2).
    """
    _check(
        _libc().prctl(_SET_PARENT_DEATH_SIGNAL, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0), "prctl"
    )
