"""Database errors in one line of plain words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from netconsole.backend.errors import Conflict, NetconsoleError, Unavailable

BUSY_SECONDS = 10
"""How long a transaction waits for others to end."""

_WORDS = {
    "SQLITE_BUSY": f"stayed locked by another program for {BUSY_SECONDS} seconds",
    "SQLITE_CANTOPEN": "cannot be opened",
    "SQLITE_CORRUPT": "is damaged",
    "SQLITE_FULL": "cannot grow: no space left on the device",
    "SQLITE_IOERR": "cannot be read or written: the device reports an error",
    "SQLITE_NOTADB": "is not an SQLite database",
    "SQLITE_PERM": "cannot be opened: permission denied",
    "SQLITE_READONLY": "may not be written",
}
"""By primary result code (https://www.sqlite.org/rescode.html)."""


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn what a database can fail with into errors for an admin.

    Raises Conflict for a broken constraint and Unavailable for a database that cannot be used.
    A mistake in a statement of ours is neither and passes as it is.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        known = _translated(path, error.orig if isinstance(error, DBAPIError) else error)
        if known is None:
            raise
        raise known from error


def _translated(path: Path, error: BaseException | None) -> NetconsoleError | None:
    name: str = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_CONSTRAINT"):
        return Conflict(f"database {path} refuses that: {error}")
    words = _WORDS.get("_".join(name.split("_")[:2]))
    return None if words is None else Unavailable(f"database {path} {words}")
