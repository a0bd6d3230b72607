"""The SSH session that this process was started from."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from netconsole.backend.model.text import decoded, encoded
from netconsole.backend.system import files

VARIABLE = "SSH_CONNECTION"


@dataclass(frozen=True, slots=True)
class SshSession:
    """The two ends of a session's TCP connection; addresses without their zone."""

    client: str
    client_port: int
    server: str
    server_port: int


def ssh_session() -> SshSession | None:
    """Return the session, None where there is none.

    SSH_CONNECTION tells of it (ssh(1)). sudo(8) takes it from the environment: then the nearest
    process above that still has it is asked.
    """
    own = os.environ.get(VARIABLE)
    told = own if own is not None else next(_above(os.getppid()), "")
    return parse(told)


def ssh_session_of(process: int) -> SshSession | None:
    """Return the session that another process was started from, None where there is none."""
    return parse(next(_above(process), ""))


def parse(told: str) -> SshSession | None:
    """Read what SSH_CONNECTION holds; None for anything else."""
    try:
        client, client_port, server, server_port = told.split()
        addresses = [str(ip_address(each.partition("%")[0])) for each in (client, server)]
        return SshSession(addresses[0], int(client_port), addresses[1], int(server_port))
    except ValueError:
        return None


def _above(process: int) -> Iterator[str]:
    """Return the variable of a process and of those above it, where they have it (proc(5))."""
    while process > 1:
        try:
            status = files.read_text(f"/proc/{process}/status")
            environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        except OSError:
            return  # it is gone, or somebody else's
        for entry in environment:
            name, _, value = entry.partition(b"=")
            if name == encoded(VARIABLE):
                yield decoded(value)
        (parent,) = (line for line in status.splitlines() if line.startswith("PPid:"))
        process = int(parent.split()[1])
