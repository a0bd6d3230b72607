"""Writing into a guest's file system that is mounted here, without ever being led out of it.

Whoever runs the guest made its file system: its /etc may be a symbolic link to ours. The way to
a file is therefore walked from directory to directory by descriptors, each opened without
following a link (open(2), O_NOFOLLOW), and what is found there is read only if it is a plain
file. The mount point itself is the admin's word, and may be a link.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from netconsole.backend.model.errors import Conflict, InvalidValue, Unavailable
from netconsole.backend.model.text import decoded, encoded
from netconsole.backend.steps import RemoveGuestFile, WriteGuestFile

LONGEST = 1 << 20
"""Bytes of a file that is replaced: it is kept in the journal, for the way back."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a guest's file system holds where a file is to be written."""

    former: str | None
    """The file's text, None where there is none."""
    missing: tuple[str, ...]
    """The directories on the way that are not there, the outermost first."""


def look(root: str, path: str) -> Found:
    """See what is there.

    Raises InvalidValue where `root` is no directory or is the machine's own file system, and
    Conflict where the way to the file leads over anything but directories or the file is none.
    """
    directories = tuple(_above(path))
    with _root(root, path) as handle:
        for depth, name in enumerate(directories):
            try:
                with _opened(handle, root, name):
                    pass
            except FileNotFoundError:
                return Found(None, directories[depth:])
        with _opened(handle, root, path.rpartition("/")[0]) as directory:
            return Found(_read(directory, root, path), ())


def write(step: WriteGuestFile) -> None:
    """Write a file atomically, with mode 0644.

    Raises what `look` does, and Conflict where what is there is not what is to be replaced.
    """
    with _root(step.root, step.path) as handle, ExitStack() as back:
        back.callback(_remove_directories, handle, step.root, step.missing)
        for made in step.missing:
            above, _, name = made.rpartition("/")
            with _opened(handle, step.root, above) as parent, suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=parent)
            with _opened(handle, step.root, made) as directory:
                os.fchmod(directory, 0o755)  # whatever the umask
        parent_path, _, name = step.path.rpartition("/")
        with _opened(handle, step.root, parent_path) as directory:
            _expect(directory, step.root, step.path, step.former)
            _replace(directory, name, step.content)
        back.pop_all()


def remove(step: RemoveGuestFile) -> None:
    """Remove a file if it is still as it was written, and the directories made for it if empty."""
    with _root(step.root, step.path) as handle:
        parent_path, _, name = step.path.rpartition("/")
        with _opened(handle, step.root, parent_path) as directory:
            _expect(directory, step.root, step.path, step.content)
            os.unlink(name, dir_fd=directory)
        _remove_directories(handle, step.root, step.made)


def _remove_directories(handle: int, root: str, made: tuple[str, ...]) -> None:
    """Remove those that are empty; the outermost comes first in `made`."""
    for path in reversed(made):
        above, _, name = path.rpartition("/")
        with suppress(OSError), _opened(handle, root, above) as parent:
            os.rmdir(name, dir_fd=parent)


@contextmanager
def _root(root: str, path: str) -> Iterator[int]:
    """Open the mount point; what the kernel refuses below it is one line."""
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InvalidValue("root", root, f"cannot be entered: {error.strerror}") from error
    try:
        if os.path.samestat(os.fstat(handle), Path("/").stat()):
            raise InvalidValue("root", root, "must be a guest's file system, this is our own")
        yield handle
    except OSError as error:
        raise Unavailable(f"{_whole(root, path)}: {error.strerror}") from error
    finally:
        os.close(handle)


@contextmanager
def _opened(handle: int, root: str, path: str) -> Iterator[int]:
    """Walk down from the root. Raises FileNotFoundError where a directory is not there."""
    here = os.dup(handle)
    names = path.split("/") if path else []
    try:
        for depth, name in enumerate(names):
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                there = os.open(name, flags, dir_fd=here)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    way = _whole(root, "/".join(names[: depth + 1]))
                    raise Conflict(f"{way}: is no directory but a link or a file") from error
                raise
            os.close(here)
            here = there
        yield here
    finally:
        os.close(here)


def _read(directory: int, root: str, path: str) -> str | None:
    """Read a plain file; None where there is none. Anything else is not even opened."""
    name = path.rpartition("/")[2]
    try:
        kind = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(kind):
        raise Conflict(f"{_whole(root, path)}: is no plain file but a link or a device")
    # Non-blocking, should a FIFO have taken the file's place since.
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    with os.fdopen(handle, "rb") as stream:
        content = stream.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise Conflict(f"{_whole(root, path)}: holds more than {LONGEST} bytes, left as it is")
    return decoded(content)


def _expect(directory: int, root: str, path: str, expected: str | None) -> None:
    if _read(directory, root, path) != expected:
        raise Conflict(f"{_whole(root, path)}: was changed meanwhile, left as it is")


def _replace(directory: int, name: str, content: str) -> None:
    temporary = f".{name}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, 0o600, dir_fd=directory)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(encoded(content))
            stream.flush()
            os.fchmod(handle, 0o644)
            os.fsync(handle)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        os.unlink(temporary, dir_fd=directory)
        raise
    os.fsync(directory)


def _above(path: str) -> Iterator[str]:
    """The directories on the way to a file, the outermost first."""
    names = path.split("/")[:-1]
    for end in range(1, len(names) + 1):
        yield "/".join(names[:end])


def _whole(root: str, path: str) -> str:
    return f"{root.rstrip('/')}/{path}"
