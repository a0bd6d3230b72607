"""The file of one port in a --dhcp-hostsdir: what it tells dnsmasq (dnsmasq(8)). Pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from netconsole.backend.model.hoststate import File

_MAC = r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"
_HOST = re.compile(rf"({_MAC}),([^,\n]+),([0-9.]+)\n")
_RETIRED = re.compile(rf"({_MAC}) # no longer has ([0-9.]+)\n")


class DhcpHost(NamedTuple):
    """What a port's file tells dnsmasq."""

    mac: str
    name: str
    """With the domain, where there is one."""
    address: str


def host_file(directory: str, host: DhcpHost) -> tuple[str, File]:
    """Return the path and the file that tell dnsmasq of a port."""
    return host_path(directory, host.mac), File(f"{host.mac},{host.name},{host.address}\n")


def host_path(directory: str, mac: str) -> str:
    """Return where the file of a port is, by its MAC address."""
    return f"{directory}/{host_name(mac)}"


def host_name(mac: str) -> str:
    """Return the name of the file of a port, by its MAC address."""
    return mac.replace(":", "-")


def host_names(macs: Iterable[str]) -> frozenset[str]:
    """Return the names of the files of ports; of ten thousand, put together at once."""
    return frozenset(host_name(" ".join(macs)).split())


def host_in(content: str) -> DhcpHost | None:
    """Return what the text of a port's file says, or None where it is no port's."""
    found = _HOST.fullmatch(content)
    return DhcpHost(*found.groups()) if found else None


def host_address(file: File) -> str:
    """Return the address that a port's file gives, or nothing where it is no port's."""
    host = host_in(file.content)
    return host.address if host else ""


def retired_file(path: str, file: File) -> File | None:
    """Return what to write over the file of a port that is gone, or None where it is no port's.

    dnsmasq adds what a changed file says to what it knows. Of a MAC address the latest line holds,
    and one without an address gets no offer, and a DHCPNAK when it renews. Until the next SIGHUP
    the earlier line keeps its address from every other host ("duplicate dhcp-host IP address"), so
    the file notes which one that is.
    """
    host = host_in(file.content)
    if host is None or not path.endswith(f"/{host_name(host.mac)}"):
        return None
    return File(f"{host.mac} # no longer has {host.address}\n")


def retired_address(path: str, file: File) -> str | None:
    """Return the address that a retired host keeps from others, or None where the file is no
    such."""
    found = _RETIRED.fullmatch(file.content)
    if found is None or not path.endswith(f"/{host_name(found.group(1))}"):
        return None
    return found.group(2)
