"""Debian packages that tests run programs of without having them installed."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from entered import SYSTEM_PATH

_BUILD: Final = Path(__file__).parents[2] / "build"


def why_not(name: str) -> str | None:
    """Return why packages cannot be had under a name; None where they can."""
    fetching = all(shutil.which(program, path=SYSTEM_PATH) for program in ("apt-get", "dpkg-deb"))
    return None if fetching or _ready(name).exists() else f"{name} cannot be fetched"


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """Return the directory below build/ where packages are unpacked, fetched where missing.

    Only unpacked: installed, they would start.
    """
    target = _BUILD / name
    if not _ready(name).exists():
        with tempfile.TemporaryDirectory(prefix=f"netconsole-{name}-") as directory:
            download = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages)
            subprocess.run(download, cwd=directory, check=True, timeout=600)
            target.mkdir(parents=True, exist_ok=True)
            for package in sorted(Path(directory).glob("*.deb")):
                unpack = ("dpkg-deb", "--extract", str(package), str(target))
                subprocess.run(unpack, check=True, timeout=600)
        _ready(name).touch()
    return target


def _ready(name: str) -> Path:
    return _BUILD / name / "ready"
