"""Debian packages that tests run programs of without having them installed."""

import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from entered import SYSTEM_PATH
from vm.machine import put_in_place

_BUILD: Final = Path(__file__).parents[2] / "build"


def why_not(name: str, packages: Sequence[str]) -> str | None:
    """Return why packages cannot be had; None where they can."""
    fetching = all(shutil.which(program, path=SYSTEM_PATH) for program in ("apt-get", "dpkg-deb"))
    return None if fetching or _place(name, packages).exists() else f"{name} cannot be fetched"


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """Return the directory below build/ where packages are unpacked, fetched where missing.

    Only unpacked: installed, they would start. It is there whole or not at all: tests that run at
    once may each fetch it, and the first one's stays.
    """
    target = _place(name, packages)
    if not target.exists():
        _BUILD.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=_BUILD) as directory:
            download = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages)
            subprocess.run(download, cwd=directory, check=True, timeout=600)
            made = Path(directory) / "unpacked"
            for package in sorted(Path(directory).glob("*.deb")):
                unpack = ("dpkg-deb", "--extract", str(package), str(made))
                subprocess.run(unpack, check=True, timeout=600)
            _compile(made / "usr/lib/python3/dist-packages")
            put_in_place(made, target)
    return target


def _compile(modules: Path) -> None:
    """Compile Debian's modules of Python, as their installation does: else each start would."""
    if modules.exists():
        subprocess.run(["/usr/bin/python3", "-m", "compileall", "-qq", modules], timeout=600)


def _place(name: str, packages: Sequence[str]) -> Path:
    """Other packages are in another place."""
    return _BUILD / f"{name}-{zlib.crc32(' '.join(packages).encode()):08x}"
