"""Reads the state of the file systems under netconsole's directories, and of the lease files."""

import fcntl
import os
import re
import stat
from array import array
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.system import files
from netconsole.backend.system.processes import arguments, running
from netconsole.diagnostics.model.snapshot import Unread
from netconsole.diagnostics.parts.storage import KeptLeases, StatePlace, StateStorage

if TYPE_CHECKING:
    from netconsole.backend.service.service import Service

_GET_FLAGS: Final = 0x80086601
_IMMUTABLE: Final = 0x10
_APPEND_ONLY: Final = 0x20
"""FS_IOC_GETFLAGS, FS_IMMUTABLE_FL and FS_APPEND_FL of linux/fs.h."""
_ESCAPE = re.compile(r"\\([0-7]{3})")


def read_storage(service: "Service | Unread") -> StateStorage:
    """Look at the directories of the configuration; nothing is written to try it.

    Raises Unavailable without a service, OSError for a directory that may not be looked at.
    """
    if isinstance(service, Unread):
        raise Unavailable(service.because)
    options = service.options
    paths = dict.fromkeys((options.state_path, options.networks_path))
    places = tuple(_place(path) for path in paths if Path(path).is_dir())
    known = {each.mount_point for each in places}
    leases = tuple(_leases(options.networks_path))
    apart = (_place(each.path) for each in leases if Path(each.path).is_file())
    own = tuple(each for each in apart if each.mount_point not in known)
    return StateStorage((*places, *own), leases)


def _leases(networks_path: str) -> Iterator[KeptLeases]:
    """Yield the lease file of each dnsmasq that keeps one there."""
    for pid in running("dnsmasq"):
        try:
            argv = arguments(pid)
            opened = dict(_opened(pid))
        except OSError:
            continue  # it has ended
        path = dnsmasq_arguments.value(argv, "dhcp-leasefile")
        if Path(path).parent != Path(networks_path) or "--leasefile-ro" in argv:
            continue
        try:
            told = Path(path).stat()
        except FileNotFoundError:
            is_open = False
        else:
            is_open = (told.st_dev, told.st_ino) in opened
        instead = "" if is_open else next(iter(opened.values()), "")
        yield KeptLeases(path, pid, is_open, instead, _flag(path))


def _opened(pid: int) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the ordinary files that a process has open. Raises OSError."""
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            told = Path(entry.path).stat()
            if stat.S_ISREG(told.st_mode):
                yield (told.st_dev, told.st_ino), entry.path


def _flag(path: str) -> Literal["", "immutable", "append-only"]:
    """Ask for the attributes of a file; many file systems have none."""
    flags = array("l", [0])
    try:
        with Path(path).open("rb") as file:
            fcntl.ioctl(file, _GET_FLAGS, flags)
    except OSError:
        return ""
    if flags[0] & _IMMUTABLE:
        return "immutable"
    return "append-only" if flags[0] & _APPEND_ONLY else ""


def _place(path: str) -> StatePlace:
    told = os.statvfs(path)
    point, by_mount, by_system = _mount(os.path.realpath(path))
    return StatePlace(
        path,
        point,
        told.f_bavail * told.f_frsize,
        told.f_blocks * told.f_frsize,
        told.f_favail,
        told.f_files,
        by_mount,
        by_system,
    )


def _mount(path: str) -> tuple[str, bool, bool]:
    """Return the mount point of a path, and whether the mount, or its file system, is read-only.

    In proc(5) mountinfo the sixth word has the options of the mount, the last one those of the
    file system; of mounts on one place the last is the one seen.
    """
    best = ("", False, False)
    for line in files.read_text("/proc/self/mountinfo").rstrip("\n").split("\n"):
        words = line.split()
        point = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), words[4])
        if (path == point or path.startswith(f"{point.rstrip('/')}/")) and len(point) >= len(
            best[0]
        ):
            best = (point, "ro" in words[5].split(","), "ro" in words[-1].split(","))
    return best
