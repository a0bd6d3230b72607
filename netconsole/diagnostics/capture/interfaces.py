"""Asks the kernel what the interfaces are at which packets shall be captured (rtnetlink(7))."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from netconsole.backend.errors import InvalidValue, Unavailable
from netconsole.diagnostics.capture.topology import Point

CAP_NET_RAW = 13
ETHERNET_TYPES = frozenset({1, 772})
"""ARPHRD_ETHER, and ARPHRD_LOOPBACK, whose frames have the same head."""
LONGEST_NAME = 15


class _Link(Protocol):
    """A link as pyroute2 has it; a path of names leads into what is nested."""

    def get(self, name: str | tuple[str, ...]) -> object: ...


class _Netlink(Protocol):
    """What is used of pyroute2's IPRoute, which has no types of its own."""

    def link(self, command: str, **question: object) -> Sequence[_Link]: ...


def require_privilege() -> None:
    """Raise Unavailable where this process may not capture (capabilities(7))."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:") and int(line.split()[1], 16) >> CAP_NET_RAW & 1:
            return
    raise Unavailable("no privileges: run as root (CAP_NET_RAW)")


def read_points(names: Iterable[str]) -> tuple[Point, ...]:
    """Read what each interface is. Raises InvalidValue for one that is not there or no Ethernet."""
    from pyroute2 import IPRoute  # type: ignore[import-untyped]  # _Netlink has its types

    with IPRoute() as netlink:
        return tuple(_point(netlink, name) for name in names)


def _point(netlink: _Netlink, name: str) -> Point:
    from pyroute2.netlink.exceptions import (  # type: ignore[import-untyped]  # it has none
        NetlinkError,
    )

    if not 0 < len(name.encode()) <= LONGEST_NAME:
        raise InvalidValue("interface", name, "is not the name of an interface")
    try:
        link = netlink.link("get", ifname=name)[0]
    except NetlinkError:
        raise InvalidValue("interface", name, "there is no such interface on this host") from None
    if link.get("ifi_type") not in ETHERNET_TYPES:
        raise InvalidValue("interface", name, "is not an Ethernet interface")
    tag = link.get(("linkinfo", "data", "vlan_id"))
    is_vlan = link.get(("linkinfo", "kind")) == "vlan" and isinstance(tag, int)
    return Point(
        name,
        bytes.fromhex(str(link.get("address") or "").replace(":", "")),
        master=_name(netlink, link.get("master")),
        lower=_name(netlink, link.get("link")) if is_vlan else "",
        tag=tag if is_vlan and isinstance(tag, int) else None,
    )


def _name(netlink: _Netlink, index: object) -> str:
    if not isinstance(index, int) or not index:
        return ""
    return str(netlink.link("get", index=index)[0].get("ifname"))
