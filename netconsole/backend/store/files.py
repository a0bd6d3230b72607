"""The database file: made whole or not at all, opened for writing or only for reading."""

import os
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.store.failures import BUSY_SECONDS

_MODE = 0o640
_DIRECTORY_MODE = 0o755
_ATTEMPTS = 5
_SQLITE = b"SQLite format 3\0"
"""How a database begins (https://www.sqlite.org/fileformat.html)."""


def create(path: Path) -> None:
    """Make an empty database in WAL mode, and the directories above it, unless it is there.

    The file appears under its name when it is ready, so that programs that start at once never
    see it half-made. Raises Unavailable.
    """
    try:
        if path.exists():
            return
        _make_directory(path.parent)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            os.fchmod(handle, _MODE)
            os.close(handle)
            made = sqlite3.connect(name)
            made.execute("PRAGMA journal_mode = WAL")
            made.close()
            # Another program may have been quicker; its database is as good.
            with suppress(FileExistsError):
                os.link(name, path)
        finally:
            Path(name).unlink()
    except OSError as error:
        raise Unavailable(f"database {path} cannot be made: {error.strerror}") from error


def _make_directory(directory: Path) -> None:
    """Make a directory that everyone may enter, whatever the umask: dnsmasq must."""
    if directory.is_dir():
        return
    _make_directory(directory.parent)
    directory.mkdir(exist_ok=True)
    directory.chmod(_DIRECTORY_MODE)


def close_to_others(path: Path) -> None:
    """Let nobody read a database but its owner and their group, its log neither.

    Raises OSError.
    """
    for file in (path, *(path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))):
        with suppress(FileNotFoundError):
            file.chmod(file.stat().st_mode & _MODE)


def unusable(path: Path) -> str:
    """Return why a database can be neither used nor made, in words; nothing where it can."""
    try:
        if path.exists():
            return _unfit(path)
        above = next(each for each in path.parents if os.path.lexists(each))
        if not above.is_dir():
            return f"{above} is no directory; must be a directory, or become one"
        return _unwritable(above)
    except PermissionError:
        return ""  # root may see it
    except OSError as error:
        return f"{path}: {error.strerror}"


def _unfit(path: Path) -> str:
    """Why what is there is no database of ours."""
    if mistaken := _mistaken(path):
        return mistaken
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) not in (b"", _SQLITE):
            return "is not an SQLite database; must be one, or become one"
    return _unwritable(path) or _unwritable(path.parent)


def _unwritable(place: Path) -> str:
    is_refused = os.geteuid() == 0 and not os.access(place, os.W_OK)
    return f"{place} cannot be written, not even by root" if is_refused else ""


def _mistaken(path: Path) -> str:
    """Say what is there where a database should be; nothing where it is a file, or there is none.

    SQLite would say of a FIFO or a device that the disk is broken. Raises OSError.
    """
    if path.is_file() or not path.exists():
        return ""
    kinds = {"a directory": path.is_dir, "a FIFO": path.is_fifo, "a device": path.is_char_device}
    kind = next((kind for kind, is_one in kinds.items() if is_one()), "no file")
    return f"is {kind}; must be an SQLite database, or become one"


def _refuse_other(path: Path) -> None:
    try:
        mistaken = _mistaken(path)
    except PermissionError:
        return  # who opens it says so
    if mistaken:
        raise Unavailable(f"database {path} {mistaken}")


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a database that exists. Raises Unavailable where it is no file."""
    _refuse_other(path)
    connection = _open(path, "mode=rw")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def open_as_it_is(path: Path) -> sqlite3.Connection:
    """Open a database that exists, for questions about itself that wait for nobody."""
    return _open(path, "mode=rw", timeout=0.2)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a database so that SQLite itself refuses every write. Without a file it is empty.

    Raises Unavailable when the file may not be read, or is none.
    """
    _refuse_other(path)
    try:
        path.stat()
        if not os.access(path, os.R_OK):
            raise PermissionError
    except FileNotFoundError:
        return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    except PermissionError as error:
        raise Unavailable(f"database {path} cannot be read: permission denied") from error
    for _ in range(_ATTEMPTS):
        # SQLite would make the log and its index beside a file that nobody has open.
        copy = _copy_at_rest(path)
        if copy is not None:
            return copy
        connection = _open(path, "mode=ro")
        try:
            connection.execute("PRAGMA schema_version")
        except sqlite3.OperationalError as error:
            connection.close()
            if not error.sqlite_errorname.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
                raise
        else:
            return connection
    raise Unavailable(f"database {path} cannot be read by this user while another writes it")


def _copy_at_rest(path: Path) -> sqlite3.Connection | None:
    """Copy a database that nobody has open into memory, or return None when somebody has.

    A reader who may not write the directory cannot make the WAL's index, and SQLite then refuses
    to open the file (https://www.sqlite.org/wal.html#readonly). With no WAL beside it the file is
    complete in itself; that it stayed so is checked afterwards.
    """
    log = path.with_name(f"{path.name}-wal")
    before = path.stat()
    if log.exists():
        return None
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    source = _open(path, "mode=ro&immutable=1")
    source.backup(copy)
    source.close()
    after = path.stat()
    unchanged = (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    if unchanged and not log.exists():
        copy.execute("PRAGMA query_only = ON")
        return copy
    copy.close()
    return None


def _open(path: Path, parameters: str, timeout: float = BUSY_SECONDS) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?{parameters}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
    )
