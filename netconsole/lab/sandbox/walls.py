"""The walls of a lab: what of the machine it sees, and that it changes nothing of it.

They are raised in a mount namespace before the lab's own user namespace is made: there they are
locked (mount_namespaces(7)), so that not even root of the lab can take them down.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from netconsole.backend.model.errors import InvalidValue
from netconsole.lab.sandbox.namespaces import MountFlag, mount, set_read_only, set_writable

IN_MEMORY: Final = ("/tmp", "/var/tmp", "/var/lib")  # noqa: S108  of the machine, as a layer below
"""What programs write to as a matter of course: the lab sees the files, and writes in memory."""
OWN: Final = ("/run", "/var/log", "/var/lib/netconsole")
"""What a lab begins without: sockets, logs and the state of the machine are not its own."""

_WALLS: Final = ("/dev", "/etc", "/proc", "/run", "/sys", "/var/lib/netconsole", "/var/log")

_DEVICES: Final = (*("null", "zero", "full", "random", "urandom", "tty", "net/tun", "vhost-net"),)
_DEVICE_LINKS: Final = {
    "fd": "/proc/self/fd",
    "ptmx": "pts/ptmx",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
_MACHINE_WIDE: Final = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi", "mtrr")
"""What in /proc is of the kernel itself, and not of a process or a namespace."""
_GUARDED: Final = MountFlag.NOSUID | MountFlag.NODEV
_LAYERS: Final = Path("/run/layers")


def require_openable(writable: Sequence[Path]) -> None:
    """Raise InvalidValue for a directory that cannot stay open: its walls are what makes a lab."""
    for directory in writable:
        for wall in map(Path, _WALLS):
            if directory == wall or directory in wall.parents or wall in directory.parents:
                raise InvalidValue("--writable", str(directory), f"leads to {wall}, the lab's own")


def raise_walls(writable: Sequence[Path]) -> None:
    """Close the calling process's mount namespace, but for these directories.

    The process is in a new PID namespace, whose /proc this mounts.
    Raises OSError, naming the mount, where the kernel refuses one.
    """
    mount("none", "/", flags=MountFlag.RECURSIVE | MountFlag.SLAVE)
    mount("proc", "/proc", "proc", _GUARDED | MountFlag.NOEXEC)
    for directory in writable:
        mount(str(directory), str(directory), flags=MountFlag.BIND)
    set_read_only("/")
    for path in ("/proc", *map(str, writable)):
        set_writable(path)
    held = {path: os.open(path, os.O_PATH) for path in _needed(writable)}
    mount("tmpfs", "/run", "tmpfs", _GUARDED, "mode=0755")
    for path in IN_MEMORY:
        _put_in_memory(path)
    for path in OWN[1:]:
        _empty(path)
    _show_devices()
    _guard_kernel()
    for path, descriptor in sorted(held.items()):  # what is below another is seen with it
        if Path(path) in writable or not _is_seen(path, descriptor):
            _bring_back(path, descriptor)
        os.close(descriptor)


def _needed(writable: Sequence[Path]) -> tuple[str, ...]:
    """Return the directories that have to be where they were, whatever is put in their way."""
    code = Path(__file__).resolve().parents[3]
    found = (sys.prefix, sys.base_prefix, str(code), *map(str, writable), os.getcwd())  # noqa: PTH109
    return tuple(path for path in dict.fromkeys(found) if Path(path).is_dir())


def _put_in_memory(path: str) -> None:
    """Let the lab see what is there, and write beside it; where that cannot be, begin empty."""
    if not Path(path).is_dir():
        return
    layer = _LAYERS / path.strip("/").replace("/", "-")
    upper, work = layer / "upper", layer / "work"
    for directory in (upper, work):
        directory.mkdir(parents=True)
    mode = Path(path).stat().st_mode & 0o7777
    upper.chmod(mode)
    options = f"lowerdir={path},upperdir={upper},workdir={work}"
    try:
        mount("overlay", path, "overlay", _GUARDED, options)
    except OSError:
        mount("tmpfs", path, "tmpfs", _GUARDED, f"mode={mode:o}")


def _empty(path: str) -> None:
    """Put an empty directory in the place of one, or where there is none."""
    with suppress(OSError):  # read-only, and not there: then it cannot be written to either
        Path(path).mkdir(exist_ok=True)
    if Path(path).is_dir():
        mount("tmpfs", path, "tmpfs", _GUARDED, "mode=0755")


def _show_devices() -> None:
    """Leave the devices in /dev that are nobody's: no disk, no memory, no log of the machine."""
    directory = Path("/run/dev")
    directory.mkdir()
    mount("tmpfs", str(directory), "tmpfs", MountFlag.NOSUID, "mode=0755")
    for name in _DEVICES:
        source, target = Path("/dev", name), directory / name
        if not source.exists():
            continue
        target.parent.mkdir(exist_ok=True)
        target.touch()
        mount(str(source), str(target), flags=MountFlag.BIND)
        set_writable(str(target))
    for name, leads_to in _DEVICE_LINKS.items():
        (directory / name).symlink_to(leads_to)
    (directory / "pts").mkdir()
    mount("devpts", f"{directory}/pts", "devpts", MountFlag.NOSUID, "newinstance,ptmxmode=0666")
    (directory / "shm").mkdir()
    (directory / "shm").chmod(0o1777)
    mount(str(directory), "/dev", flags=MountFlag.MOVE)
    directory.rmdir()


def _guard_kernel() -> None:
    """Keep what is machine-wide in /proc as it is; /proc/sys/net is of the network namespace."""
    for name in _MACHINE_WIDE:
        path = f"/proc/{name}"
        if Path(path).exists():
            mount(path, path, flags=MountFlag.BIND)
            set_read_only(path)
    mount("/proc/sys/net", "/proc/sys/net", flags=MountFlag.BIND)
    set_writable("/proc/sys/net")


def _is_seen(path: str, descriptor: int) -> bool:
    """Whether all that is in a directory is seen there still; where something was, it may not."""
    try:
        return set(os.listdir(f"/proc/self/fd/{descriptor}")) <= set(os.listdir(path))  # noqa: PTH208
    except OSError:
        return False


def _bring_back(path: str, descriptor: int) -> None:
    """Show a directory again that something was mounted over."""
    with suppress(OSError):
        if os.path.samestat(Path(path).stat(), os.fstat(descriptor)):
            return
    Path(path).mkdir(parents=True, exist_ok=True)
    flags = MountFlag.BIND | MountFlag.RECURSIVE
    mount(f"/proc/self/fd/{descriptor}", path, flags=flags)
