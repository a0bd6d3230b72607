"""Database errors in one line of plain words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from netconsole.backend.model.errors import Conflict, NetconsoleError, Unavailable
from netconsole.backend.store.damage import DamagedRow

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

_LACKS = ("no such table", "no such column", "Could not decode to UTF-8")
"""Begin what sqlite3 says of a database of the right revision that was changed by another hand."""


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn what a database can fail with into errors for an admin.

    Raises Conflict for a broken constraint and Unavailable for a database that cannot be used.
    A mistake in a statement of ours is neither and passes as it is.
    """
    try:
        yield
    except DamagedRow as error:
        raise _damaged(path, str(error)) from error
    except (DBAPIError, sqlite3.Error) as error:
        known = _translated(path, error.orig if isinstance(error, DBAPIError) else error)
        if known is None:
            raise
        raise known from error


def _damaged(path: Path, what: str) -> Unavailable:
    return Unavailable(f"database {path} is damaged: {what}; bring back a copy, or mend the row")


def _translated(path: Path, error: BaseException | None) -> NetconsoleError | None:
    name: str = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_CONSTRAINT"):
        return Conflict(f"database {path} refuses that: {error}")
    if isinstance(error, sqlite3.OperationalError) and str(error).startswith(_LACKS):
        return _damaged(path, " ".join(str(error).split()))
    words = _WORDS.get("_".join(name.split("_")[:2]))
    return None if words is None else Unavailable(f"database {path} {words}")
