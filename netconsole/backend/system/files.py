"""Files: read only where they are files and of a bearable size, written whole and atomically."""

import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from operator import not_
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import File
from netconsole.backend.model.text import decoded, encoded, visible

TEMPORARY = ".netconsole-"
"""Begins the name of a file that is being written."""

LARGEST = 64 * 2**20
"""Bytes of a file that is read whole: a hundred times what the largest of ours has."""

_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read(path: str | Path, most: int = LARGEST) -> bytes:
    """Read a whole file.

    Raises OSError, with the reason in `strerror`, also for what is no regular file and for one of
    more than `most` bytes.
    """
    with opened(path) as stream:
        handle = stream.fileno()
        return _read_all(path, handle, os.fstat(handle).st_size, most)


def opened(path: str | Path) -> BinaryIO:
    """Open a file for reading.

    Raises OSError also for what is no regular file: to read it might never end, and to open it
    might do something.
    """
    refuse_other(path)  # a device is not even opened
    stream = os.fdopen(os.open(path, _READING), "rb")
    try:
        refuse_other(path, stream.fileno())
    except OSError:
        stream.close()
        raise
    return stream


def refuse_other(path: str | Path, handle: int | None = None) -> None:
    """Raise OSError where there is something else than a regular file, or nothing.

    At the path, or, of what is open already, behind the `handle`.
    """
    _refuse_other(path, os.stat(path if handle is None else handle))  # noqa: PTH116  or a handle


def read_text(path: str | Path, most: int = LARGEST) -> str:
    """Read a whole file as text; what is no UTF-8 in it is kept. Raises OSError as `read` does."""
    return decoded(read(path, most))


def _refuse_other(path: str | Path, status: os.stat_result, expected: str = "a file") -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, _mistaken(status, expected), str(path))


def _mistaken(status: os.stat_result, expected: str) -> str:
    return f"is {_KINDS.get(stat.S_IFMT(status.st_mode), 'something else')}, not {expected}"


def in_place_of(directory: str | Path) -> str:
    """Say what is where a directory should be; nothing where it is one, or there is nothing."""
    try:
        status = os.stat(directory)  # noqa: PTH116  what is only a string
    except OSError:
        return ""
    return "" if stat.S_ISDIR(status.st_mode) else _mistaken(status, "a directory")


def unfit_directory(directory: str | Path) -> str:
    """Say why a directory can be neither used nor made; nothing where it can.

    As far as this user may see: what only root may look at counts as fit.
    """
    wanted = Path(directory)
    for at in (wanted, *wanted.parents):
        try:
            at.lstat()
            reason = _unfit(at)
        except PermissionError:
            return ""
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                continue
            reason = f"cannot be looked at: {error.strerror}"
        is_above = at != wanted and reason
        return f"cannot be made: {visible(str(at))} {reason}" if is_above else reason
    return ""


def _unfit(at: Path) -> str:
    """Why nothing can be written below what is there. Raises OSError."""
    if at.is_symlink() and not at.exists():
        return "is a link that leads nowhere"
    return in_place_of(at) or unwritable(at)


def unwritable(place: Path) -> str:
    """Say why nobody can write what is there; nothing where somebody can. Raises OSError."""
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return "cannot be written: its file system is read-only"
    is_refused = os.geteuid() == 0 and not os.access(place, os.W_OK)
    return "cannot be written, not even by root" if is_refused else ""


def _read_all(path: str | Path, handle: int, size: int, most: int = LARGEST) -> bytes:
    """Read to the end: files of /proc say that they are empty, others grow meanwhile.

    What says so is asked for much at once: a kernel setting is told in one read, or cut off.
    """
    content = os.read(handle, min(size, most) + 1 if size else 2**16)
    if content and (len(content) > size or size > most):
        parts, length = [content], len(content)
        while length <= most and (part := os.read(handle, 2**16)):
            parts.append(part)
            length += len(part)
        content = b"".join(parts)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"has more than {most:,} bytes", str(path))
    return content


def write(path: str, content: str, mode: int) -> None:
    """Write a file so that a reader sees the old text or the new, never a part.

    The temporary file begins with a dot: dnsmasq passes over those in a --dhcp-hostsdir. A link,
    a device or a FIFO of that name is an admin's doing, and no file of ours: raises Conflict.
    """
    with _naming(path), ExitStack() as left:
        _beside(path, content, mode, left).replace(path)


def write_all(entries: Iterable[tuple[str, str]], mode: int) -> None:
    """Write files, each given by its path and text, or none of them. Raises as `write` does."""
    with ExitStack() as left, ExitStack() as back:
        written = []
        for path, content in entries:
            with _naming(path):
                written.append((_beside(path, content, mode, left), Path(path)))
        for temporary, target in written:
            with _naming(str(target)):
                back.callback(_way_back(target, left))
                temporary.replace(target)
        back.pop_all()


def _beside(path: str, content: str, mode: int, left: ExitStack) -> Path:
    """Write a temporary file next to where it is to be; `left` removes it if it stays there."""
    target = Path(path)
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise Conflict(f"{path}: is a link or no plain file, and is left as it is; remove it first")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=target.parent)
    temporary = Path(name)
    left.callback(temporary.unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as stream:
        stream.write(encoded(content))
        os.fchmod(stream.fileno(), mode)
        stream.flush()
        os.fsync(stream.fileno())
    return temporary


def _way_back(target: Path, left: ExitStack) -> Callable[[], object]:
    """Return what puts a file back as it is now."""
    if not target.exists():
        return partial(target.unlink, missing_ok=True)
    kept = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    kept.hardlink_to(target)
    left.callback(kept.unlink, missing_ok=True)
    return partial(kept.replace, target)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Name the file that an error is about, not the temporary one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error


def remove(path: str) -> None:
    """Remove a file; one that is already gone is as wanted."""
    Path(path).unlink(missing_ok=True)


def remove_all(paths: Iterable[str]) -> None:
    """Remove files, or none of them; those that are already gone are as wanted."""
    with ExitStack() as back:
        moved = []
        for path in map(Path, paths):
            aside = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
            with suppress(FileNotFoundError):
                path.rename(aside)
                back.callback(aside.replace, path)
                moved.append(aside)
        back.pop_all()
    for aside in moved:
        aside.unlink(missing_ok=True)


def make_directory(path: str) -> None:
    """Make a directory, and those above it, that everyone may read.

    Raises Conflict where something else has its name.
    """
    directory = Path(path)
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise Conflict(f"{path}: is a link or no directory, and is left as it is; remove it first")
    directory.mkdir(parents=True, exist_ok=True, mode=0o755)
    directory.chmod(0o755)


def remove_directory(path: str) -> None:
    """Remove an empty directory; one that is already gone is as wanted.

    Files that a killed process was writing do not count: nobody else would ever remove them.
    """
    directory = Path(path)
    if directory.is_dir():
        for left in directory.glob(f"{TEMPORARY}*"):
            left.unlink(missing_ok=True)
        directory.rmdir()


class FoundFiles(NamedTuple):
    """What was found where files of ours are."""

    files: dict[str, File]
    """By path."""
    unread: dict[str, str]
    """The paths of what is there and cannot be read, and why: it is not taken for absent."""


def observe(
    directory: str,
    concerns: Callable[[str], object] = bool,
    may_be_directory: Callable[[str], object] = not_,
    others: Container[str] = (),
) -> FoundFiles:
    """Return the files directly in a directory whose paths concern us; none where there is no
    directory.

    The `others` do not, by their names: there may be ten thousand. Links and hidden files are an
    admin's, and passed over as well. Directories are those of paths that may be one.
    """
    seen = FoundFiles({}, {})
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return seen
    except OSError as error:
        seen.unread[directory] = in_place_of(directory) or f"cannot be read: {error.strerror}"
        return seen
    try:
        for entry in os.scandir(handle):
            if entry.name in others:
                continue
            path = f"{directory}/{entry.name}"
            if entry.name.startswith(".") or not concerns(path):
                continue
            if entry.is_file(follow_symlinks=False):
                _look(path, handle, seen)
            elif not entry.is_symlink() and not (may_be_directory(path) and entry.is_dir()):
                expected = "a directory" if may_be_directory(path) else "a file"
                _note_kind(path, entry, seen, expected)
    finally:
        os.close(handle)
    return seen


def observe_all(
    directories: Iterable[str], others: Mapping[str, Container[str]] = MappingProxyType({})
) -> FoundFiles:
    """Return the files directly in several directories, of those that are directories.

    The `others` of each directory are passed over, as of `observe`.
    """
    found = [
        observe(each, others=others.get(each, ())) for each in directories if Path(each).is_dir()
    ]
    return FoundFiles(
        {path: file for seen in found for path, file in seen.files.items()},
        {path: reason for seen in found for path, reason in seen.unread.items()},
    )


def _look(path: str, directory: int, seen: FoundFiles) -> None:
    """Read a file that is in an open directory, or note why it cannot be read.

    One that vanished is passed over: dnsmasq removes its pid file when it ends. A network has a
    file for each of its guests, so that every call here counts by the thousand.
    """
    name = path.rpartition("/")[2]
    try:
        handle = os.open(name, _READING | os.O_NOFOLLOW, dir_fd=directory)
        try:
            status = os.fstat(handle)
            content = _read_all(name, handle, status.st_size)
        finally:
            os.close(handle)
    except FileNotFoundError:
        return
    except OSError as error:
        seen.unread[path] = str(error.strerror)
    else:
        seen.files[path] = File(decoded(content), status.st_mode & 0o777)


def _note_kind(path: str, entry: os.DirEntry[str], seen: FoundFiles, expected: str) -> None:
    """Note what is in the place of a file; it is not opened, which might do something."""
    try:
        _refuse_other(path, entry.stat(follow_symlinks=False), expected)
    except FileNotFoundError:
        return
    except OSError as error:
        seen.unread[path] = str(error.strerror)


def directories(directory: str) -> frozenset[str]:
    """Return the directories directly in a directory."""
    if not Path(directory).is_dir():
        return frozenset()
    return frozenset(
        entry.path for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)
    )
