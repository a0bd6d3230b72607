"""Files of ours: written whole and atomically, with an explicit mode."""

import os
import tempfile
from pathlib import Path

from netconsole.backend.errors import Conflict
from netconsole.backend.hoststate import File

TEMPORARY = ".netconsole-"
"""Begins the name of a file that is being written."""


def write(path: str, content: str, mode: int) -> None:
    """Write a file so that a reader sees the old text or the new, never a part.

    The temporary file begins with a dot: dnsmasq passes over those in a --dhcp-hostsdir. A link,
    a device or a FIFO of that name is an admin's doing, and no file of ours: raises Conflict.
    """
    target = Path(path)
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise Conflict(f"{path}: is a link or no plain file, and is left as it is; remove it first")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    handle, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(target)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove(path: str) -> None:
    """Remove a file; one that is already gone is as wanted."""
    Path(path).unlink(missing_ok=True)


def make_directory(path: str) -> None:
    """Make a directory, and those above it, that everyone may read."""
    Path(path).mkdir(parents=True, exist_ok=True, mode=0o755)
    Path(path).chmod(0o755)


def remove_directory(path: str) -> None:
    """Remove an empty directory; one that is already gone is as wanted.

    Files that a killed process was writing do not count: nobody else would ever remove them.
    """
    directory = Path(path)
    if directory.is_dir():
        for left in directory.glob(f"{TEMPORARY}*"):
            left.unlink(missing_ok=True)
        directory.rmdir()


def observe(directory: str) -> dict[str, File]:
    """The files directly in a directory, by path; none where there is no directory."""
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    try:
        found = {
            f"{directory}/{entry.name}": _read(entry.name, handle)
            for entry in os.scandir(handle)
            if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
        }
    finally:
        os.close(handle)
    return {path: file for path, file in found.items() if file is not None}


def _read(name: str, directory: int) -> File | None:
    """Read a file, or None for one that vanished: dnsmasq removes its pid file when it ends.

    A network has a file for each of its guests, so that every call here counts by the thousand.
    """
    try:
        handle = os.open(name, os.O_RDONLY, dir_fd=directory)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(handle)
        content = os.read(handle, status.st_size + 1)
        if len(content) > status.st_size:
            content += b"".join(iter(lambda: os.read(handle, 4096), b""))
    finally:
        os.close(handle)
    return File(content.decode(errors="replace"), status.st_mode & 0o777)


def directories(directory: str) -> frozenset[str]:
    """The directories directly in a directory."""
    if not Path(directory).is_dir():
        return frozenset()
    return frozenset(
        entry.path for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)
    )
