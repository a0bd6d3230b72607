"""Reads the bridges' tables of MAC addresses, watches them for a moment, and reads their VLANs."""

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from typing import NotRequired, TypedDict, cast

from netconsole.backend.filtering.nf_messages import attributes, headers
from netconsole.backend.kernel.rtnetlink import Rtnetlink
from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import run
from netconsole.diagnostics.parts.forwarding import (
    EntryState,
    ForwardingEntry,
    ForwardingTable,
    Move,
    PortVlan,
    PortVlans,
)

SECONDS = 0.6
"""How long the kernel's words on changes are listened to."""

_GROUP_NEIGHBOURS = 0x4
"""RTMGRP_NEIGH of linux/rtnetlink.h."""
_NEW_NEIGHBOUR = 28
"""RTM_NEWNEIGH."""
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
"""struct ndmsg of rtnetlink(7): family, interface, state, flags, type."""
_HARDWARE_ADDRESS = 2
"""NDA_LLADDR."""


class _FdbEntry(TypedDict):
    mac: str
    ifname: str
    flags: list[str]
    master: NotRequired[str]
    vlan: NotRequired[int]
    state: str


class _VlanEntry(TypedDict):
    vlan: int
    vlanEnd: NotRequired[int]
    flags: NotRequired[list[str]]


class _VlanPort(TypedDict):
    ifname: str
    vlans: list[_VlanEntry]


def read_forwarding_table() -> ForwardingTable:
    """Read the table while its changes are listened to."""
    with Rtnetlink(groups=_GROUP_NEIGHBOURS) as kernel:
        began = time.monotonic()
        entries = tuple(_entries(run(["bridge", "-json", "fdb", "show"])))
        seen = tuple(_seen(kernel, began + SECONDS))
        return ForwardingTable(entries, tuple(_moves(entries, seen)), time.monotonic() - began)


def _entries(told: str) -> Iterator[ForwardingEntry]:
    for each in cast(list[_FdbEntry], from_json(told or "[]")):
        if "master" in each:  # the others are filters of the interface itself
            state: EntryState = "learned"
            if each["state"] in ("static", "permanent"):
                state = cast(EntryState, each["state"])
            sticky = "sticky" in each["flags"]
            bridge, vlan = each["master"], each.get("vlan")
            yield ForwardingEntry(each["mac"], each["ifname"], bridge, state, sticky, vlan)


def _seen(kernel: Rtnetlink, end: float) -> Iterator[tuple[str, str]]:
    """Return which address was seen behind which port, as the kernel tells it."""
    names = dict(socket.if_nameindex())
    while (left := end - time.monotonic()) > 0:
        try:
            told = kernel.receive(left)
        except TimeoutError:
            return
        except OSError:
            continue  # ENOBUFS: it told more than the buffer holds, and goes on
        for mac, index in _neighbours(told):
            yield mac, names.get(index, "")


def _neighbours(told: bytes) -> Iterator[tuple[str, int]]:
    for kind, _, begin, end in headers(told):
        if kind != _NEW_NEIGHBOUR:
            continue
        family, index, *_ = _NEIGHBOUR.unpack_from(told, begin)
        if family != socket.AF_BRIDGE:
            continue
        for name, value in attributes(told[begin + _NEIGHBOUR.size : end]):
            if name == _HARDWARE_ADDRESS:
                yield value.hex(":"), index


def _moves(entries: Iterable[ForwardingEntry], seen: Iterable[tuple[str, str]]) -> Iterator[Move]:
    bridges = {each.port: each.bridge for each in entries}
    ways = {each.mac: [each.port] for each in entries if each.state != "permanent"}
    for mac, port in seen:
        way = ways.setdefault(mac, [])
        if not way or way[-1] != port:
            way.append(port)
    for mac, way in ways.items():
        if len(way) > 1:
            yield Move(mac, bridges.get(way[-1], ""), tuple(way))


def read_port_vlans() -> PortVlans:
    """Read which port is a member of which VLAN; nothing where the kernel filters none."""
    told = run(["bridge", "-json", "vlan", "show"], good=(0, 1))
    found = []
    for port in cast(list[_VlanPort], from_json(told or "[]")):
        for each in port["vlans"]:
            flags = each.get("flags", [])
            pvid, untagged = "PVID" in flags, "Egress Untagged" in flags
            for vlan in range(each["vlan"], each.get("vlanEnd", each["vlan"]) + 1):
                found.append(PortVlan(port["ifname"], vlan, pvid, untagged))
    return PortVlans(tuple(found))
