"""Reads who holds locks on the host's lock file and on the store (proc_locks(5))."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import decoded, visible
from netconsole.backend.system import files
from netconsole.backend.system.processes import arguments
from netconsole.diagnostics.model.snapshot import Unread
from netconsole.diagnostics.parts.state_holders import LockHolder, StateHolders

if TYPE_CHECKING:
    from netconsole.backend.service.service import Service

FILES = ("host.lock", "netconsole.sqlite", "netconsole.sqlite-shm")
"""With a journal written ahead, SQLite's locks are on the last (sqlite.org/wal.html)."""
PROGRAM = "netconsole"


def read_state_holders(service: "Service | Unread") -> StateHolders:
    """Look at the kernel's list of locks; raises Unavailable without a service."""
    if isinstance(service, Unread):
        raise Unavailable(service.because)
    inodes = dict(_inodes(service.options.state_path))
    told = files.read_text("/proc/locks").splitlines()
    return StateHolders(tuple(_holders(told, inodes)))


def _inodes(directory: str) -> Iterator[tuple[str, str]]:
    """Return the files by device and inode, as the list of locks names them."""
    for name in FILES:
        path = f"{directory}/{name}"
        try:
            found = Path(path).stat()
        except OSError:
            continue
        device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
        yield f"{device}:{found.st_ino}", path


def _holders(told: list[str], inodes: dict[str, str]) -> Iterator[LockHolder]:
    own = arguments(os.getpid())
    for line in told:
        words = line.split()
        # `->` stands before one that waits.
        if len(words) < 6 or words[1] == "->" or words[3] != "WRITE" or words[5] not in inodes:
            continue
        pid = int(words[4])
        if pid in (os.getpid(), -1):
            continue
        try:
            argv = arguments(pid)
            stat = decoded(Path(f"/proc/{pid}/stat").read_bytes())
        except OSError:
            continue  # it has let go, by ending
        ours = argv == own or any(Path(word).name == PROGRAM for word in argv[:3])
        state = stat.rpartition(")")[2].split()[0]
        command = visible(" ".join(argv))
        yield LockHolder(inodes[words[5]], pid, command, ours, state == "T")
