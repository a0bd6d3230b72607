"""Finds other programs that manage the network: by their processes, and by what they left."""

from collections.abc import Mapping
from pathlib import Path

from netconsole.backend.system import files
from netconsole.backend.system.processes import process_names
from netconsole.diagnostics.parts.owners import Owner, Owners

PROCESSES: Mapping[str, str] = {
    "dockerd": "docker",
    "firewalld": "firewalld",
    "libvirtd": "libvirt",
    "virtnetworkd": "libvirt",
    "virtqemud": "libvirt",
    "NetworkManager": "NetworkManager",
    "systemd-network": "systemd-networkd",
    "tuned": "tuned",
    "incusd": "incus",
    "lxd": "lxd",
    "connmand": "connman",
    "nova-network": "nova-network",
    "kube-proxy": "kube-proxy",
}
"""By the first 15 characters of their name, which is what the kernel keeps (proc(5), comm)."""

FILES: Mapping[str, str] = {"/etc/ufw/ufw.conf": "ufw"}
"""Of programs that do not stay: the file that says ENABLED=yes."""


def read_owners() -> Owners:
    """Look at every process' name, once, and at a few files."""
    found: dict[str, Owner] = {}
    for pid, name in process_names():
        if owner := PROCESSES.get(name):
            found.setdefault(owner, Owner(owner, f"process {pid} ({name})", pid))
    for file, owner in FILES.items():
        if owner not in found and _says_enabled(Path(file)):
            found[owner] = Owner(owner, file)
    return Owners(tuple(found[name] for name in sorted(found)))


def _says_enabled(file: Path) -> bool:
    """Whether its configuration says that it is on. Raises OSError where that cannot be read."""
    try:
        return "ENABLED=yes" in files.read_text(file)
    except FileNotFoundError:
        return False
