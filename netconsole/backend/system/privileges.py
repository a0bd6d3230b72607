"""What this process may do: the capabilities that changing a host needs (capabilities(7)), and
the rights of who called it by sudo(8)."""

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

from netconsole.backend.system import files

_SO_SNDBUFFORCE: Final = 32
"""By asm-generic/socket.h; Python has no name for it."""


class Capability(IntEnum):
    """Part of what root may do."""

    NET_ADMIN = 12
    NET_RAW = 13


def lacking(capability: Capability = Capability.NET_ADMIN) -> str | None:
    """Say what is missing to do what the capability allows, or None."""
    for line in files.read_text("/proc/self/status").rstrip("\n").split("\n"):
        if line.startswith("CapEff:"):
            if int(line.split()[1], 16) >> capability & 1:
                return None
            break
    return f"no privileges: run as root (CAP_{capability.name})"


def run_as_root(error: OSError) -> str:
    """Return what is to be added to what an error says, where root would not meet it."""
    return ", run as root" if isinstance(error, PermissionError) and os.geteuid() != 0 else ""


def sends_any_length() -> bool:
    """Whether the buffer of a socket can be as large as a message to the kernel asks for.

    It takes CAP_NET_ADMIN in the first user namespace, whose root alone may pass over
    net.core.wmem_max (socket(7)).
    """
    with socket.socket(socket.AF_UNIX) as tried:
        try:
            tried.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, 4096)
        except PermissionError:
            return False
    return True


def invoker() -> int | None:
    """Return the user who runs this as root by sudo(8); None where root is who called, or not by
    sudo."""
    uid = os.environ.get("SUDO_UID", "")
    return int(uid) or None if uid.isdecimal() and os.geteuid() == 0 else None


@contextmanager
def as_invoker() -> Iterator[None]:
    """Have the rights of who called by sudo(8), as when they open a file; see `invoker`.

    They are those of the whole process: only for where no other thread is at work.
    """
    uid = invoker()
    if uid is None:
        yield
        return
    former = os.getgroups(), os.getegid()
    gid, groups = _groups(uid)
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(former[1])
        os.setgroups(former[0])


def _groups(uid: int) -> tuple[int, list[int]]:
    """A user's group and all that they are in; none but nobody's for one that is not known."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return 65534, []
    return user.pw_gid, os.getgrouplist(user.pw_name, user.pw_gid)
