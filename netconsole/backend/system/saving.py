"""Saving: files that an admin asks for, made anew and never in place of what is there."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from netconsole.backend.model.errors import ExitStatus, NetconsoleError

MODE = 0o600
"""What is saved tells much about a host and its guests: it is for its owner only."""
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


class NotSaved(NetconsoleError):
    """A file that cannot be written."""


class AlreadyThere(NotSaved):
    """Something has that name: a file, or a link, a device, a directory."""

    exit_status = ExitStatus.REFUSED

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: is there already, and is left as it is; name a new file")


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name when it is complete.

    Raises AlreadyThere at once where the name is taken, and where it is by the end; NotSaved
    where the file cannot be written.
    """
    try:
        if _is_there(path):
            raise AlreadyThere(path)
        handle, temporary = tempfile.mkstemp(prefix=".netconsole-", dir=path.parent)
    except (OSError, ValueError) as error:
        raise NotSaved(f"{path}: cannot be written: {_reason(error)}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            os.fchmod(file.fileno(), MODE)
        _give_name(temporary, path)
    except FileExistsError:
        raise AlreadyThere(path) from None
    except OSError as error:
        raise NotSaved(f"{path}: cannot be written: {_reason(error)}") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _is_there(path: Path) -> bool:
    """Whether a name is taken, if only by a link that leads nowhere. Raises OSError, ValueError."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _give_name(temporary: str, path: Path) -> None:
    """Give a file its name, unless it is taken; a rename would replace what has it."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))
        Path(temporary).replace(path)


def _reason(error: Exception) -> str:
    """What is wrong with a path: a zero byte is no OSError in Python."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
