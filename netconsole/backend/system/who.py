"""Who asks for a change: the audit log says it, and the journal for those that are killed."""

import os
import pwd
from dataclasses import dataclass

from netconsole.backend.system.ssh_session import ssh_session


@dataclass(frozen=True, slots=True)
class Who:
    """An admin, as far as a process can tell."""

    login: str
    sudo_user: str | None = None
    ssh_peer: str | None = None
    """The address that the SSH session comes from."""


UNKNOWN = Who("unknown")
"""Who made a change of which an earlier version does not say it."""


def who() -> Who:
    """Return whose process this is."""
    session = ssh_session()
    peer = session.client if session is not None else None
    return Who(_login(), os.environ.get("SUDO_USER"), peer)


def _login() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
