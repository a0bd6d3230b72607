"""The programs that a lab needs, and running them."""

import shutil
from collections.abc import Mapping
from typing import Final

from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.system import programs

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
        package for name, package in PACKAGES.items() if not shutil.which(name, path=programs.PATH)
    }
    if missing:
        raise Unavailable(f"the lab needs the Debian packages {' '.join(sorted(missing))}")


def run(*command: str, text: str = "", seconds: float = 10) -> str:
    """Run a program to its end with `text` as its input, and return its output.

    Raises LabFailed with the program's own words.
    """
    try:
        return programs.run(command, text=text, timeout=seconds)
    except (programs.ProgramFailed, Unavailable) as error:
        raise LabFailed(str(error)) from error
