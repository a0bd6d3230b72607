"""The kernel's namespaces: unshare(2), setns(2), mount(2), mount_setattr(2) and prctl(2).

Python 3.11 offers none of these, so they are called in the C library. Every function raises
OSError, with what was attempted as its file name.
"""

import ctypes
import functools
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntFlag
from pathlib import Path
from typing import ClassVar, Final


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
    READ_ONLY = 0x1
    NOSUID = 0x2
    NODEV = 0x4
    NOEXEC = 0x8
    BIND = 0x1000
    MOVE = 0x2000
    RECURSIVE = 0x4000
    SLAVE = 0x80000


_SET_PARENT_DEATH_SIGNAL: Final = 1
_SET_NAME: Final = 15
_DROP_FROM_BOUNDING_SET: Final = 24

_MOUNT_SETATTR: Final = 442
"""The number of the system call, the same on every architecture; Linux 5.12."""
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_ATTR_READ_ONLY: Final = 1


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
        enter_by(descriptor, kinds)
    finally:
        os.close(descriptor)


def enter_by(descriptor: int, kinds: Namespace) -> None:
    """Do so by a descriptor of the other, whose number means nothing in a PID namespace below."""
    _check(_libc().setns(descriptor, ctypes.c_int(kinds)), "setns")


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


class _MountAttributes(ctypes.Structure):
    """struct mount_attr of linux/mount.h."""

    _fields_: ClassVar = [
        (name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")
    ]


def set_read_only(path: str) -> None:
    """Make a mount, and all that are mounted under it, read-only in the caller's namespace."""
    _set_attributes(path, _AT_RECURSIVE, _MountAttributes(attr_set=_ATTR_READ_ONLY))


def set_writable(path: str) -> None:
    """Take that back for one mount."""
    _set_attributes(path, 0, _MountAttributes(attr_clr=_ATTR_READ_ONLY))


def _set_attributes(path: str, flags: int, attributes: _MountAttributes) -> None:
    result = _libc().syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(path),
        ctypes.c_uint(flags),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, f"mount_setattr of {path}")


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


def renounce(capabilities: Iterable[int]) -> None:
    """Let no program that the calling process starts have these capabilities(7), by number."""
    for number in capabilities:
        drop = ctypes.c_ulong(number)
        _check(_libc().prctl(_DROP_FROM_BOUNDING_SET, drop, 0, 0, 0), "prctl")
