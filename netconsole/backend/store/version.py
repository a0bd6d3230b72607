"""Version: whether the store was written since somebody last looked, for who asks very often."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from netconsole.backend.model.store_version import StoreVersion
from netconsole.backend.store.failures import in_words


class Versions:
    """Asks one open connection for its version: 10 µs, where reading anything takes 1 ms.

    As long as it is open SQLite keeps the log beside the database, so it is closed while nobody
    asks (`rest`). For one thread at a time.
    """

    def __init__(self, path: Path, connect: Callable[[Path], sqlite3.Connection] | None) -> None:
        """`connect` opens the database; without it the version is never known."""
        self._path = path
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._opened = 0
        self._inode = -1

    def current(self) -> StoreVersion | None:
        """Return the version as it is now; None where there is no database, or nobody knows.

        What is committed before this is called shows in it. Raises Unavailable where the database
        cannot be used.
        """
        if self._connect is None:
            return None
        try:
            inode = os.stat(self._path).st_ino  # noqa: PTH116  asked at each request
        except FileNotFoundError:
            self.rest()
            return None
        with in_words(self._path):
            if self._connection is None or inode != self._inode:
                self.rest()
                self._connection = self._connect(self._path)
                self._opened += 1
                self._inode = inode
            (data,) = self._connection.execute("PRAGMA data_version").fetchone()
        return StoreVersion(self._opened, data)

    def rest(self) -> None:
        """Close the connection; the next question opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
