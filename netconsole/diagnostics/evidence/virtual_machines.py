"""Finds virtual machines by their processes, and what they hold open (proc_pid_fdinfo(5))."""

import grp
import stat
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from netconsole.backend.system import files
from netconsole.backend.system.processes import process_names
from netconsole.backend.system.who import login_of
from netconsole.diagnostics.parts.virtual_machines import (
    VHOST_DEVICE,
    VhostDevice,
    VirtualMachine,
    VirtualMachines,
)

_NAMES = ("qemu-system-", "qemu-kvm", "kvm")
_TUN = "/dev/net/tun"
_ASKS = ("vhost=on", "vhostforce=on", '"vhost":true', "vhostfd=", "vhostfds=", '"vhostfd":')


def read_virtual_machines() -> VirtualMachines:
    """Look at every process' name, and closely at those of QEMU."""
    machines: list[VirtualMachine] = []
    unread = 0
    for pid, name in process_names():
        if not name.startswith(_NAMES):
            continue
        try:
            machines.append(_machine(Path(f"/proc/{pid}")))
        except PermissionError:
            unread += 1
        except OSError:
            continue  # it has just ended
    return VirtualMachines(tuple(machines), _device(), unread)


def _machine(process: Path) -> VirtualMachine:
    argv = files.read_text(process / "cmdline").split("\0")[:-1]
    taps: list[str] = []
    vhost = 0
    for descriptor in (process / "fd").iterdir():
        try:
            target = str(descriptor.readlink())
            tap = _tap(process / "fdinfo" / descriptor.name) if target == _TUN else ""
        except FileNotFoundError:
            continue  # closed meanwhile
        vhost += target == VHOST_DEVICE
        taps += [tap] if tap else []
    return VirtualMachine(
        int(process.name),
        _name(argv) or f"pid {process.name}",
        login_of(process.stat().st_uid),
        tuple(dict.fromkeys(taps)),
        any(word in argument for argument in argv for word in _ASKS),
        vhost,
    )


def _name(argv: Sequence[str]) -> str:
    """Return what -name says: `guest=web1,debug-threads=on` of libvirt, or the bare name."""
    value = next((after for word, after in pairwise(argv) if word == "-name"), "")
    return value.partition(",")[0].removeprefix("guest=")


def _tap(fdinfo: Path) -> str:
    for line in files.read_text(fdinfo).rstrip("\n").split("\n"):
        if line.startswith("iff:"):
            return line.split()[-1]
    return ""


def _device() -> VhostDevice:
    try:
        found = Path(VHOST_DEVICE).stat()
    except OSError:
        return VhostDevice(False)
    if not stat.S_ISCHR(found.st_mode) or "vhost-net" not in files.read_text("/proc/misc"):
        return VhostDevice(False)  # the node alone: udev makes it so that opening loads the module
    return VhostDevice(
        True, login_of(found.st_uid), _group(found.st_gid), stat.S_IMODE(found.st_mode)
    )


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
