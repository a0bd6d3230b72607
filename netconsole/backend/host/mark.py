"""The mark of a host: from which store it was configured last.

It lies in /run, for it is gone by a reboot as all is that the kernel holds, and survives the loss
of the store. Each network namespace has its own, as each is a host.
"""

import json
from pathlib import Path

from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.hoststate import Mark
from netconsole.backend.system import files

DIRECTORY = "/run/netconsole"
_NAMESPACE = Path("/proc/self/ns/net")
_MOST_BYTES = 2**16


def path_of(what: str) -> str:
    """Return where something is noted of this network namespace."""
    return f"{DIRECTORY}/{what}-{_NAMESPACE.stat().st_ino}.json"


def read() -> Mark | None:
    """Read the mark; None where there is none. Raises Unavailable for one that says nothing."""
    path = path_of("host")
    try:
        found: object = json.loads(files.read(path, _MOST_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}") from error
    except ValueError:
        found = None
    match found:
        case {"store": str(store), "serial": int(serial), "database": str(database)}:
            return Mark(store, serial, database)
        case _:
            raise Unavailable(
                f"{path} does not say from which store this host was configured; remove it, "
                "and what the host holds says it"
            )


def prepare() -> None:
    """Make the directory before a change begins; raises Unavailable where that is refused."""
    try:
        Path(DIRECTORY).mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{DIRECTORY}: {error.strerror}") from error


def write(mark: Mark) -> None:
    """Write the mark over the former one. Raises Unavailable."""
    path = path_of("host")
    try:
        files.write(path, as_line(mark), 0o644)
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}") from error
