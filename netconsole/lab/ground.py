"""The ground a lab stands on: its own files over the machine's, and its kernel settings.

Nothing here is written to the machine: /run, the configuration and the state are in memory, and
whatever else changes in /etc and /var/lib lies in an overlay in memory.
"""

import errno
import os
from pathlib import Path
from typing import Final

from netconsole.backend.errors import Unavailable
from netconsole.lab.namespaces import MountFlag, mount, set_hostname

HOSTNAME: Final = "lab"
HOME: Final = Path("/run/netconsole-lab")
"""What the lab knows of itself: members, their logs, what a fault has displaced."""

_OVERLAID: Final = ("/etc", "/var/lib", "/var/log")
_OWN: Final = ("/etc/netconsole", "/var/lib/netconsole")
"""Empty at first: the machine's own configuration and store are not the lab's business."""
_WRITTEN: Final = ("/etc/sysctl.d", "/etc/modules-load.d")
"""Made anew in the overlay, since root of a user namespace may not write into the machine's."""

CONFIGURATION: Final = """\
[DEFAULT]
host = lab
network_manager = nova.network.manager.FlatDHCPManager
public_interface = eth0
my_ip = 203.0.113.2
dns_server = 203.0.113.1
"""

_KERNEL_DEFAULTS: Final = {
    "arp_announce": "0",
    "arp_ignore": "0",
    "forwarding": "0",
    "log_martians": "0",
    "proxy_arp": "0",
    "rp_filter": "0",
}
"""A new network namespace inherits these from the machine; a lab is the same everywhere."""


def lay() -> None:
    """Give the calling process's mount and UTS namespaces the lab's files and name.

    Raises Unavailable, naming the mount, where the kernel refuses one.
    """
    directory = Path.cwd()
    keep_mounts_private()
    mount("tmpfs", "/run", "tmpfs", MountFlag.NOSUID | MountFlag.NODEV, "mode=0755")
    Path("/run/lock").mkdir(mode=0o1777)
    for path in _OVERLAID:
        _overlay(path)
    for path in (*_OWN, *_WRITTEN):
        Path(path).mkdir(mode=0o755, exist_ok=True)
    for path in _OWN:
        mount("tmpfs", path, "tmpfs", MountFlag.NOSUID | MountFlag.NODEV, "mode=0755")
    mount_kernel_views()
    _hide("/dev/log")
    _replace("/etc/resolv.conf", "nameserver 203.0.113.1\n")
    _replace("/etc/netconsole/netconsole.conf", CONFIGURATION)
    set_hostname(HOSTNAME)
    reset_settings()
    os.chdir(directory)


def keep_mounts_private() -> None:
    """Let no mount of this namespace be seen in the one it came from."""
    mount("none", "/", flags=MountFlag.RECURSIVE | MountFlag.SLAVE)


def mount_kernel_views() -> None:
    """Show the processes and links of the caller's namespaces in /proc and /sys."""
    guarded = MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC
    mount("proc", "/proc", "proc", guarded)
    mount("sysfs", "/sys", "sysfs", guarded)


def reset_settings() -> None:
    """Give the caller's network namespace the settings that it has after a plain boot."""
    for name, value in _KERNEL_DEFAULTS.items():
        for interface in ("all", "default"):
            Path("/proc/sys/net/ipv4/conf", interface, name).write_text(value)


def _overlay(path: str) -> None:
    layers = HOME / "overlay" / path.strip("/").replace("/", "-")
    upper, work = layers / "upper", layers / "work"
    for layer in (upper, work):
        layer.mkdir(parents=True)
    for written in _WRITTEN:
        if Path(written).parent == Path(path):
            (upper / Path(written).name).mkdir()
    options = f"lowerdir={path},upperdir={upper},workdir={work}"
    try:
        mount("overlay", path, "overlay", options=options)
    except OSError as error:
        reason = error.strerror
        if error.errno == errno.ENODEV:
            reason = "the kernel has no overlay file system (modprobe overlay)"
        raise Unavailable(f"the lab cannot put an overlay over {path}: {reason}") from error


def _hide(path: str) -> None:
    """Keep the lab's programs from the machine's log."""
    if Path(path).exists():
        mount("/dev/null", str(Path(path).resolve()), flags=MountFlag.BIND)


def _replace(path: str, text: str) -> None:
    """Write a new file: the old one may be a link to a place that the lab does not have."""
    target = Path(path)
    target.unlink(missing_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(0o644)
