"""Links and addresses, as iproute2 tells them (ip-link(8), ip-address(8)).

`ip -json` dumps 2,000 links in 60 ms, a twentieth of what a netlink library in Python takes.
"""

import json
from typing import NotRequired, TypedDict, cast

from netconsole.backend.host.programs import run
from netconsole.backend.hoststate import Address, Link


class _BridgeData(TypedDict):
    forward_delay: NotRequired[int]


class _PortData(TypedDict):
    hairpin: NotRequired[bool]


class _LinkInfo(TypedDict):
    info_kind: NotRequired[str]
    info_data: NotRequired[_BridgeData]
    info_slave_data: NotRequired[_PortData]


class _LinkEntry(TypedDict):
    ifname: str
    flags: list[str]
    mtu: int
    address: NotRequired[str]
    master: NotRequired[str]
    link: NotRequired[str | None]
    ifalias: NotRequired[str]
    linkinfo: NotRequired[_LinkInfo]


class _AddressInfo(TypedDict):
    local: NotRequired[str]
    prefixlen: int
    broadcast: NotRequired[str]


class _AddressEntry(TypedDict):
    ifname: str
    addr_info: list[_AddressInfo]


def observe_links() -> dict[str, Link]:
    """Every link of this network namespace, by name."""
    entries = cast(list[_LinkEntry], json.loads(run(["ip", "-json", "-details", "link", "show"])))
    return {entry["ifname"]: _link(entry) for entry in entries}


def _link(entry: _LinkEntry) -> Link:
    info = entry.get("linkinfo") or {}
    kind = info.get("info_kind", "")
    port = info.get("info_slave_data") or {}
    return Link(
        entry["ifname"],
        "tap" if kind == "tun" else kind,
        up="UP" in entry["flags"],
        mac=entry.get("address"),
        master=entry.get("master"),
        mtu=entry["mtu"],
        alias=entry.get("ifalias", ""),
        peer=entry.get("link"),
        hairpin=port.get("hairpin"),
        forward_delay=(info.get("info_data") or {}).get("forward_delay"),
    )


def observe_addresses() -> tuple[Address, ...]:
    """Every IPv4 address of this network namespace, in the kernel's order."""
    entries = cast(list[_AddressEntry], json.loads(run(["ip", "-json", "-4", "address", "show"])))
    return tuple(
        Address(entry["ifname"], f"{info['local']}/{info['prefixlen']}", info.get("broadcast"))
        for entry in entries
        for info in entry.get("addr_info", ())
        if "local" in info
    )
