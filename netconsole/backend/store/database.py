"""Store: transactions on the database."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from netconsole.backend.model.errors import InvalidValue, ReadOnly
from netconsole.backend.store import files, schema
from netconsole.backend.store.failures import in_words
from netconsole.backend.store.references import explained
from netconsole.backend.store.tables import metadata
from netconsole.backend.store.version import Versions


class Store:
    """The database of one controller, for any number of threads and processes at once.

    A connection lives as long as its transaction: opening one costs less than a millisecond, and
    a file that was replaced meanwhile is noticed.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        """Name the database by its SQLAlchemy URL. Nothing is opened yet.

        Raises InvalidValue for anything but the path of an SQLite file.
        """
        self._path = _path(url)
        self._read_only = read_only
        self._engine = create_engine("sqlite://", creator=self._open, poolclass=NullPool)
        event.listen(self._engine, "begin", _begin)

    @property
    def path(self) -> str:
        """Where the file is; its log has the same name with -wal behind it."""
        return str(self._path)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Write: committed at the end, rolled back on any exception. Writers queue.

        Makes the database and brings its schema up to date where needed. Raises ReadOnly when
        the store is, Unavailable when the database cannot be used.
        """
        if self._read_only:
            raise ReadOnly(f"database {self._path} was opened for reading only")
        files.create(self._path)
        with in_words(self._path), self._connection("IMMEDIATE") as connection:
            if schema.upgrade(connection, self._path):
                files.close_to_others(self._path)  # an older one had no secrets in it
            yield connection
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read: all that is seen is of one moment, and writing is refused.

        A read-only store makes and changes nothing: without a database it is empty. Raises
        Unavailable when the database cannot be used.
        """
        if not self._read_only:
            files.create(self._path)
        present = None
        for is_first in (True, False):
            with in_words(self._path), self._connection("DEFERRED") as connection:
                present = schema.revision(connection, self._path)
                if present == schema.HEAD:
                    connection.exec_driver_sql("PRAGMA query_only = ON")
                    yield connection
                    return
            if self._read_only or not is_first:
                break
            with self.transaction():
                pass  # brings the schema up to date
        if present is not None:
            raise schema.unsuited(self._path, present)
        with _empty() as connection:
            yield connection

    def versions(self) -> Versions:
        """Return what tells whether the store was written; of a read-only one it never does."""
        return Versions(self._path, None if self._read_only else files.open_as_it_is)

    def close(self) -> None:
        """Let go of what the store holds. It may be used again."""
        self._engine.dispose()

    @contextmanager
    def _connection(self, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[Connection]:
        with self._engine.connect() as connection, explained(connection):
            connection.execution_options(begin=kind)
            yield connection

    def _open(self) -> sqlite3.Connection:
        if self._read_only:
            return files.open_for_reading(self._path)
        return files.open_for_writing(self._path)


def _begin(connection: Connection) -> None:
    """Begin as the store says: Python's driver begins late, and never takes the lock at once."""
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options()['begin']}")


@contextmanager
def _empty() -> Iterator[Connection]:
    """Give a store that holds nothing."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("PRAGMA query_only = ON")
        yield connection
    engine.dispose()


def unusable(url: str) -> str:
    """Return why no store can be kept at a URL, in words; nothing where it can.

    Whether it may be written is known to root alone.
    """
    try:
        path = _path(url)
    except InvalidValue:
        return _RULE
    return files.unusable(path)


_RULE = "must be sqlite:/// and the path of a file"


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        shown = "(not a URL)"
    else:
        shown = parsed.render_as_string(hide_password=True)
        file = "" if parsed.database == ":memory:" else parsed.database
        if parsed.get_backend_name() == "sqlite" and file:
            return Path(file).absolute()
    raise InvalidValue("database connection", shown, _RULE)
