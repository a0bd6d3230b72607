"""Debian's firewalld and Docker on a booted host: the services that load rules beside ours."""

from typing import Final

import debian_packages
from booted_host import BootedHost

FIREWALLD: Final = (
    *("dbus", "dbus-bin", "dbus-daemon", "dbus-system-bus-common", "firewalld"),
    *("gir1.2-glib-2.0", "libdbus-1-3", "libgirepository-1.0-1", "python3-dbus"),
    *("python3-firewall", "python3-gi", "python3-nftables"),
)
DOCKER: Final = ("containerd", "docker.io", "runc")
"""What they are made of; the rest of what they name is not needed here, or is there."""
_PLACE: Final = """
for place in etc usr lib; do
    [ ! -d "$0/$place" ] || cp --archive --force "$@" "$0/$place/." "/$place/"
done
systemctl daemon-reload
"""
"""Puts each file of $0 where the package has it, as cp(1) is told to."""


def why_no_firewalld() -> str | None:
    """Return why firewalld cannot be had; None where it can."""
    return debian_packages.why_not("firewalld", FIREWALLD)


def why_no_docker() -> str | None:
    """Return why Docker cannot be had; None where it can."""
    return debian_packages.why_not("docker", DOCKER)


def place_firewalld(host: BootedHost) -> None:
    """Put firewalld on a host, and what it talks by; it does not run yet."""
    if host.run("getent", "passwd", "messagebus", check=False).returncode != 0:
        host.run("useradd", "--system", "--user-group", "messagebus")
    _place(host, "firewalld", FIREWALLD)
    host.systemctl("restart", "dbus.service")


def place_docker(host: BootedHost) -> None:
    """Put Docker on a host, as links to its files, of 250 MB; it does not run yet."""
    host.run("groupadd", "--system", "--force", "docker")
    _place(host, "docker", DOCKER, "--symbolic-link")


def _place(host: BootedHost, name: str, packages: tuple[str, ...], *how: str) -> None:
    host.run("sh", "-ec", _PLACE, str(debian_packages.unpacked(name, packages)), *how)
