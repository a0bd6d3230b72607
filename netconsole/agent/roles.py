"""Roles: who may do what at the agent's socket, by the kernel's word on who is at its other end."""

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.system.who import login_of

ADMINS, VIEWERS = "netconsole-admin", "netconsole"

Role = Literal["root", "admin", "viewer", "nobody"]

_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as it was when it connected (SO_PEERCRED of unix(7))."""

    process: int
    uid: int


def peer_of(connected: socket.socket) -> Peer:
    """Return who is at the other end of a UNIX socket."""
    told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, uid, _ = _CREDENTIALS.unpack(told)
    return Peer(process, uid)


def role_of(uid: int) -> Role:
    """Return what a user may do: by the groups that they are in now, not those of their process."""
    if uid == 0:
        return "root"
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return "nobody"
    groups = frozenset(os.getgrouplist(user.pw_name, user.pw_gid))
    if _number(ADMINS) in groups:
        return "admin"
    return "viewer" if _number(VIEWERS) in groups else "nobody"


def _number(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def why_not_in(uid: int) -> str:
    """Return why a user is not let in, and what lets them in."""
    login = login_of(uid)
    return (
        f"{login} is not in the group {VIEWERS}, which looks, nor in {ADMINS}, which changes: "
        f"`usermod --append --groups {VIEWERS} {login}` lets them look"
    )


def why_not_change(uid: int) -> str:
    """Return why a user who looks may not change, and what lets them."""
    login = login_of(uid)
    return (
        f"{login} is in the group {VIEWERS}, which only looks: "
        f"`usermod --append --groups {ADMINS} {login}` lets them change"
    )
