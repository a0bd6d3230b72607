"""promtool, which judges metrics and alerts as Prometheus would."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from entered import SYSTEM_PATH

_UNPACKED = Path(__file__).parents[2] / "build" / "prometheus"
_PROGRAM = _UNPACKED / "usr" / "bin" / "promtool"


def is_there() -> bool:
    """Whether it is installed, or was fetched before."""
    return _PROGRAM.exists() or shutil.which("promtool", path=SYSTEM_PATH) is not None


def promtool(*words: str, input: str = "") -> subprocess.CompletedProcess[str]:
    """Run it to its end; fetch it where it is missing.

    Debian's package is only unpacked: installed, it would start a server.
    """
    program = shutil.which("promtool", path=SYSTEM_PATH) or str(_fetched())
    return subprocess.run(
        [program, *words], input=input, capture_output=True, text=True, timeout=120, check=False
    )


def _fetched() -> Path:
    if not _PROGRAM.exists():
        with tempfile.TemporaryDirectory(prefix="netconsole-prometheus-") as directory:
            download = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "prometheus")
            subprocess.run(download, cwd=directory, check=True, timeout=600)
            (package,) = Path(directory).glob("*.deb")
            unpack = ("dpkg-deb", "--extract", str(package), f"{directory}/unpacked")
            subprocess.run(unpack, check=True, timeout=600)
            _PROGRAM.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(f"{directory}/unpacked/usr/bin/promtool", _PROGRAM)
    return _PROGRAM
