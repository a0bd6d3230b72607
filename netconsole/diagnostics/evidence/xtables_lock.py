"""Looks who holds /run/xtables.lock, by the kernel's list of locks (proc_locks(5))."""

import os
import time
from pathlib import Path

from netconsole.backend.system import files
from netconsole.diagnostics.parts.xtables_lock import XtablesLock

LOCK = Path("/run/xtables.lock")
LOCKS = Path("/proc/locks")
SECONDS = 1.0
"""Throughout which one process has to hold it: a change of rules takes a fraction of that."""
_EVERY = 0.1


def read_xtables_lock() -> XtablesLock:
    """Watch the lock for a second, or until it is free or changes hands."""
    try:
        found = LOCK.stat()
    except FileNotFoundError:
        return XtablesLock()
    device = found.st_dev
    name = f"{os.major(device):02x}:{os.minor(device):02x}:{found.st_ino}"
    began = time.monotonic()
    holder, waiting = held(files.read_text(LOCKS), name)
    while holder and time.monotonic() - began < SECONDS:
        time.sleep(_EVERY)
        now, waiting = held(files.read_text(LOCKS), name)
        if now != holder:
            return XtablesLock()
    return XtablesLock(holder, _command(holder), waiting, time.monotonic() - began)


def held(locks: str, name: str) -> tuple[int, int]:
    """Return who holds the lock of a file, named `MAJOR:MINOR:INODE`, and how many wait for it."""
    holder = waiting = 0
    for line in locks.splitlines():
        words = line.split()
        if name not in words:
            continue
        if "->" in words:
            waiting += 1
        elif "WRITE" in words:
            # A process that this pid namespace does not have is printed as 0.
            holder = int(words[words.index("WRITE") + 1]) or -1
    return holder, waiting


def _command(pid: int) -> str:
    try:
        words = files.read_text(f"/proc/{pid}/cmdline").split("\0")
    except OSError:
        return ""
    return " ".join(words).strip()
