"""Reads which modules are there, what blocks them (modprobe.d(5)) and what loads them at boot."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from netconsole.backend.system import files
from netconsole.diagnostics.parts.modules import Module, Modules, ModuleState
from netconsole.diagnostics.reasoning.module_drop_ins import OURS

NAMES = ("vhost_net", "br_netfilter", "8021q", "nf_conntrack", "tun", "bridge")
_INFRASTRUCTURE = {
    "br_netfilter": "/proc/sys/net/bridge",
    "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
    "bridge": "/sys/class/net",
}
"""What a module brings, for kernels whose own list of built-in modules is not installed."""
_PRESENT = {"vhost_net": "/proc/misc", "tun": "/proc/misc"}
MODPROBE_DIRECTORIES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
LOAD_DIRECTORIES = (
    "/etc/modules-load.d",
    "/run/modules-load.d",
    "/usr/local/lib/modules-load.d",
    "/usr/lib/modules-load.d",
)
_BLOCK = re.compile(r"\s*(?:install\s+(\S+)\s+\S*/?(?:false|true)\b|blacklist\s+(\S+))")


def read_modules() -> Modules:
    """Read what is known of each module. A file that cannot be read raises OSError."""
    release = os.uname().release
    loaded = {line.split()[0] for line in _lines(Path("/proc/modules"))}
    blocked, at_boot = dict(_blocked()), dict(_at_boot())
    found = tuple(
        Module(name, _state(name, release, loaded), blocked.get(name, ""), at_boot.get(name, ""))
        for name in NAMES
    )
    try:
        ours: str | None = files.read_text(OURS)
    except FileNotFoundError:
        ours = None
    return Modules(found, release, ours)


def _state(name: str, release: str, loaded: set[str]) -> ModuleState:
    if name in loaded:
        return "loaded"
    directory = Path("/lib/modules", release)
    if any(_stem(line) == name for line in _lines(directory / "modules.builtin")):
        return "built-in"
    if any(_stem(line.partition(":")[0]) == name for line in _lines(directory / "modules.dep")):
        return "available"
    return "built-in" if _works(name) else "missing"


def _works(name: str) -> bool:
    """Whether a module's functions are there although no list names it."""
    if file := _PRESENT.get(name):
        device = name.replace("_", "-")
        return any(line.split()[-1] == device for line in _lines(Path(file)))
    place = _INFRASTRUCTURE.get(name)
    return place is not None and Path(place).exists()


def _stem(path: str) -> str:
    return Path(path.strip()).name.partition(".")[0].replace("-", "_")


def _blocked() -> Iterator[tuple[str, str]]:
    for file in _files(MODPROBE_DIRECTORIES):
        for number, line in enumerate(_lines(file), start=1):
            if found := _BLOCK.match(line):
                name = (found.group(1) or found.group(2)).replace("-", "_")
                yield name, f"{file}:{number} {line.strip()}"


def _at_boot() -> Iterator[tuple[str, str]]:
    for file in (*_files(LOAD_DIRECTORIES), Path("/etc/modules")):
        for line in _lines(file):
            if line.strip() and line.strip()[0] not in "#;":
                yield line.split()[0].replace("-", "_"), str(file)


def _files(directories: tuple[str, ...]) -> Iterator[Path]:
    """Return the files that count: one hides those of its name in later directories."""
    seen: set[str] = set()
    for directory in directories:
        for file in sorted(Path(directory).glob("*.conf")):
            if file.name not in seen:
                seen.add(file.name)
                yield file


def _lines(file: Path) -> list[str]:
    """The lines of a file, none where it is not there; raises OSError where it cannot be read."""
    try:
        return files.read_text(file).rstrip("\n").split("\n")
    except FileNotFoundError:
        return []
