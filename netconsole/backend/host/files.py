"""Files of ours: written whole and atomically, with an explicit mode."""

import os
import tempfile
from pathlib import Path

from netconsole.backend.hoststate import File


def write(path: str, content: str, mode: int) -> None:
    """Write a file so that a reader sees the old text or the new, never a part.

    The temporary file begins with a dot: dnsmasq passes over those in a --dhcp-hostsdir.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    handle, temporary = tempfile.mkstemp(prefix=".", dir=target.parent)
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
    """Remove an empty directory; one that is already gone is as wanted."""
    if Path(path).is_dir():
        Path(path).rmdir()


def observe(directory: str) -> dict[str, File]:
    """The files directly in a directory, by path; none where there is no directory."""
    if not Path(directory).is_dir():
        return {}
    return {
        entry.path: File(
            Path(entry.path).read_text(encoding="utf-8", errors="replace"),
            entry.stat().st_mode & 0o777,
        )
        for entry in os.scandir(directory)
        if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
    }


def directories(directory: str) -> frozenset[str]:
    """The directories directly in a directory."""
    if not Path(directory).is_dir():
        return frozenset()
    return frozenset(
        entry.path for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)
    )
