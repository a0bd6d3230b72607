"""Reads the state of the file systems under netconsole's directories."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.system import files
from netconsole.diagnostics.model.snapshot import Unread
from netconsole.diagnostics.parts.storage import StatePlace, StateStorage

if TYPE_CHECKING:
    from netconsole.backend.service.service import Service

_ESCAPE = re.compile(r"\\([0-7]{3})")


def read_storage(service: "Service | Unread") -> StateStorage:
    """Look at the directories of the configuration; nothing is written to try it.

    Raises Unavailable without a service, OSError for a directory that may not be looked at.
    """
    if isinstance(service, Unread):
        raise Unavailable(service.because)
    options = service.options
    paths = dict.fromkeys((options.state_path, options.networks_path))
    return StateStorage(tuple(_place(path) for path in paths if Path(path).is_dir()))


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
