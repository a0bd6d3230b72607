"""Who asks for a change: the audit log says it, and the journal for those that are killed."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from netconsole.backend.model.text import decoded
from netconsole.backend.system import files
from netconsole.backend.system.ssh_session import SshSession, ssh_session, ssh_session_of


@dataclass(frozen=True, slots=True)
class Who:
    """An admin, as far as a process can tell."""

    login: str
    sudo_user: str | None = None
    ssh_peer: str | None = None
    """The address that the SSH session comes from."""
    uid: int | None = None
    """Of the process that asked; changes of old do not say."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a change, and the SSH session that it might cut off."""

    who: Who
    session: SshSession | None = None


UNKNOWN = Who("unknown")
"""Who made a change of which an earlier version does not say it."""


def who() -> Who:
    """Return whose process this is."""
    return this_process().who


def this_process() -> Asker:
    """Return who asks where this process does."""
    return _asker(os.getuid(), os.environ.get("SUDO_USER"), ssh_session())


def other_process(uid: int, process: int) -> Asker:
    """Return who asks at the other end of a socket (SO_PEERCRED of unix(7)).

    The uid is the kernel's word. By sudo(8) is who has come as root; by SSH is whose process, or
    one above it, says so in its environment, which who is not root could not read of others.
    """
    if not _is_of(uid, process):
        return _asker(uid, None, None)  # it is gone, and its number may be another's
    sudo_user = _variable(process, "SUDO_USER") if uid == 0 else None
    return _asker(uid, sudo_user, ssh_session_of(process))


def _asker(uid: int, sudo_user: str | None, session: SshSession | None) -> Asker:
    peer = session.client if session is not None else None
    return Asker(Who(login_of(uid), sudo_user, peer, uid), session)


def login_of(uid: int) -> str:
    """Return a user's login; their number where they have none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _is_of(uid: int, process: int) -> bool:
    if process <= 0:
        return False  # of a namespace that is not seen from here
    try:
        status = files.read_text(f"/proc/{process}/status")
    except OSError:
        return False
    own = (line.split() for line in status.splitlines() if line.startswith("Uid:"))
    return any(words[1:3] == [str(uid), str(uid)] for words in own)


def _variable(process: int, name: str) -> str | None:
    """A variable of a process's environment (proc(5)); None where it has none."""
    try:
        environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    begin = f"{name}=".encode()
    found = (entry[len(begin) :] for entry in environment if entry.startswith(begin))
    value = next(found, None)
    return None if value is None else decoded(value)
