"""What a test needs of the machine, and why the machine does not have it.

`@pytest.mark.requires("root", "tcpdump", …)` names probes of this module or programs.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import cloud_init
import guest_programs
import other_firewalls
import promtool
from booted_host import control_group
from entered import SYSTEM_PATH
from private_host import user_namespace

ALLOWED = frozenset({"8021q", "first-pids", "postgresql"})
"""What even a full run may be without: root cannot install it, or it would start a service."""


def _answers(*command: str) -> str | None:
    """Return nothing if the command succeeds, and the last words of its stderr otherwise."""
    environment = {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def _first_pids() -> str | None:
    """The kernel numbers processes there as it tells of them to others (PROC_PID_INIT_INO)."""
    is_first = Path("/proc/self/ns/pid").readlink().name == "pid:[4026531836]"
    return None if is_first else "this is not the kernel's first pid namespace"


def _namespaces() -> str | None:
    reason = _answers("unshare", *user_namespace(), "--net", "--mount", "--pid", "--fork", "true")
    return reason and f"no namespaces for this user: {reason}"


def _root() -> str | None:
    return None if os.geteuid() == 0 else "only root can do this"


def _vlan() -> str | None:
    make = (
        "ip link add one type veth peer name two && ip link add link one name vlan type vlan id 1"
    )
    reason = _answers("unshare", *user_namespace(), "--net", "sh", "-c", make)
    return reason and f"no 802.1Q in this kernel: {reason}"


def _tap() -> str | None:
    device = Path("/dev/net/tun")
    if os.access(device, os.R_OK | os.W_OK):
        return None
    return f"{device} is closed to this user" if device.exists() else f"there is no {device}"


def postgresql_programs() -> Path | None:
    """Return where initdb and postgres are; Debian keeps them off the path."""
    found = [Path(shutil.which("initdb", path=SYSTEM_PATH) or "/nowhere").resolve()]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return next((path.parent for path in found if path.with_name("postgres").exists()), None)


def _postgresql() -> str | None:
    return None if postgresql_programs() else "PostgreSQL's server is not installed"


def _systemd() -> str | None:
    return None if Path("/lib/systemd/systemd").exists() else "systemd is not installed"


def _tracefs() -> str | None:
    """It is mounted nowhere but where this looks; a namespace of users may mount none."""
    mounting = ("unshare", "--mount", "mount", "-t", "tracefs", "tracefs", "/mnt")
    reason = _root() or _answers(*mounting)
    return reason and f"no tracefs: {reason}"


def _control_group() -> str | None:
    """One in which a `BootedHost` has its own; a container may have none."""
    group = control_group()
    if group is None or not os.access(group, os.W_OK):
        return "no control group of the second version to make others in"
    return None


def _promtool() -> str | None:
    fetching = all(shutil.which(name, path=SYSTEM_PATH) for name in ("apt-get", "dpkg-deb"))
    return None if promtool.is_there() or fetching else "promtool is not installed"


PROBES: Mapping[str, Callable[[], str | None]] = {
    "first-pids": _first_pids,
    "namespaces": _namespaces,
    "root": _root,
    "8021q": _vlan,
    "tap": _tap,
    "postgresql": _postgresql,
    "systemd": _systemd,
    "tracefs": _tracefs,
    "control group": _control_group,
    "cloud-init": cloud_init.why_not,
    "docker": other_firewalls.why_no_docker,
    "firewalld": other_firewalls.why_no_firewalld,
    "guest programs": guest_programs.why_not,
    "promtool": _promtool,
}


@functools.cache
def why_not(name: str) -> str | None:
    """Return why the machine cannot give this to a test, or None if it can."""
    if name in PROBES:
        return PROBES[name]()
    if shutil.which(name, path=SYSTEM_PATH) is None:
        return f"the program {name} is not installed"
    return None
