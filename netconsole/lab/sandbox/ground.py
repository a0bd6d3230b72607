"""The ground a lab stands on: its own files over the machine's, and its kernel settings.

Nothing here is written to the machine: /etc is a copy in memory. An overlay over it would be
refused to an ordinary user of a machine that has mounts in there, as every container has.
"""

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from netconsole.backend.system.programs import run
from netconsole.lab.sandbox.namespaces import MountFlag, mount, same_directory, set_hostname

HOSTNAME: Final = "lab"
HOME: Final = Path("/run/netconsole-lab")
"""What the lab knows of itself: members, their logs, what a fault has displaced."""

_ETC: Final = HOME / "etc"
_STATE: Final = HOME / "state"

_OPTIONS: Final = {
    "host": HOSTNAME,
    "state_path": str(_STATE),
    "public_interface": "eth0",
    "my_ip": "203.0.113.2",
    "dns_server": "203.0.113.1",
}
"""Of netconsole's configuration, whatever the network manager."""

_KERNEL_DEFAULTS: Final = {
    "arp_announce": "0",
    "arp_ignore": "0",
    "forwarding": "0",
    "log_martians": "0",
    "proxy_arp": "0",
    "rp_filter": "0",
}
"""A new network namespace inherits these from the machine; a lab is the same everywhere."""


def lay(programs: str, settings: Mapping[str, str]) -> None:
    """Give the calling process's mount and UTS namespaces the lab's files and name.

    `settings` are options of netconsole's configuration, besides those of every lab.
    Login shells, such as those of tmux, get the directory `programs` in front of their PATH.

    Raises OSError, naming the mount, where the kernel refuses one.
    """
    os.umask(0o022)
    with same_directory():
        _copy_etc()
    Path("/run/lock").mkdir()
    Path("/run/lock").chmod(0o1777)
    _STATE.mkdir()
    _replace("/etc/resolv.conf", "nameserver 203.0.113.1\n")
    options = "".join(f"{name} = {value}\n" for name, value in {**_OPTIONS, **settings}.items())
    _replace("/etc/netconsole/netconsole.conf", f"[DEFAULT]\n{options}")
    _replace("/etc/profile.d/netconsole-lab.sh", f"PATH={shlex.quote(programs)}:$PATH\n")
    set_hostname(HOSTNAME)
    reset_settings()


def reset_settings() -> None:
    """Give the caller's network namespace the settings that it has after a plain boot."""
    for name, value in _KERNEL_DEFAULTS.items():
        for interface in ("all", "default"):
            Path("/proc/sys/net/ipv4/conf", interface, name).write_text(value)


def _copy_etc() -> None:
    """Put a copy in the place of /etc; it lacks what this user may not read."""
    _ETC.mkdir(parents=True)
    run(["cp", "--archive", "/etc/.", str(_ETC)], timeout=60, good=range(256))
    shutil.rmtree(_ETC / "netconsole", ignore_errors=True)
    for name in ("netconsole", "modules-load.d", "profile.d", "sysctl.d"):
        (_ETC / name).mkdir(exist_ok=True)
    mount(str(_ETC), "/etc", flags=MountFlag.BIND)


def _replace(path: str, text: str) -> None:
    """Write a new file: the old one may be a link to a place that the lab does not have."""
    target = Path(path)
    target.unlink(missing_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(0o644)
