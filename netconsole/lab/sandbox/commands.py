"""Running the system's programs, always by argument lists, with a fixed PATH and a time limit."""

import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

from netconsole.backend.model.errors import NetconsoleError, Unavailable

PROGRAM_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"

PACKAGES: Final[Mapping[str, str]] = {
    "arping": "iputils-arping",
    "busybox": "busybox",
    "conntrack": "conntrack",
    "dhcp_release": "dnsmasq-utils",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "iptables": "iptables",
    "nft": "nftables",
    "ping": "iputils-ping",
    "udhcpc": "udhcpc",
}
"""The programs that the lab uses, and the Debian packages that have them."""


class LabFailed(NetconsoleError):
    """The lab could not be built, or one of its programs failed."""


def require_programs() -> None:
    """Raise Unavailable, naming the packages, unless every program of the lab is installed."""
    missing = {
        package for name, package in PACKAGES.items() if not shutil.which(name, path=PROGRAM_PATH)
    }
    if missing:
        raise Unavailable(f"the lab needs the Debian packages {' '.join(sorted(missing))}")


def run(*command: str, text: str = "", seconds: float = 10) -> str:
    """Run a program to its end with `text` as its input, and return its output.

    Raises LabFailed with the program's own words.
    """
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={"PATH": PROGRAM_PATH, "LC_ALL": "C.UTF-8"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabFailed(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        reason = " ".join((done.stderr or done.stdout).split())
        raise LabFailed(f"{' '.join(command)}: {reason or f'exit status {done.returncode}'}")
    return done.stdout
