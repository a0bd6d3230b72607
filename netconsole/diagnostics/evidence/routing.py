"""The addresses as they were seen; reads routes, routing rules and neighbours by iproute2."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NotRequired, TypedDict, cast

from netconsole.backend.kernel.links import observe_addresses
from netconsole.backend.model.hoststate import Address, Observed
from netconsole.backend.model.text import from_json
from netconsole.backend.system import files
from netconsole.backend.system.programs import run
from netconsole.diagnostics.parts.routing import (
    InterfaceAddress,
    Neighbour,
    Route,
    Routing,
    RoutingRule,
)

_UNICAST: Final = re.compile(r"[0-9a-f][02468ace](?::[0-9a-f]{2}){5}")


class _Hop(TypedDict):
    dev: NotRequired[str]
    gateway: NotRequired[str]
    weight: NotRequired[int]
    flags: NotRequired[list[str]]


class _RouteEntry(_Hop):
    dst: str
    tos: NotRequired[str]
    nhid: NotRequired[int]
    type: NotRequired[str]
    table: NotRequired[str]
    protocol: NotRequired[str]
    scope: NotRequired[str]
    prefsrc: NotRequired[str]
    metric: NotRequired[int]
    nexthops: NotRequired[list[_Hop]]


_RESTORABLE: Final = _RouteEntry.__annotations__.keys()
"""What of a route is known as it is added; others have metrics, realms, an encapsulation."""


class _NeighbourEntry(TypedDict):
    dst: str
    dev: NotRequired[str]
    lladdr: NotRequired[str]
    state: NotRequired[list[str]]
    confirmed: NotRequired[int]
    updated: NotRequired[int]


def read_routing(known: Observed | None = None) -> Routing:
    """Return the addresses that were seen, and read the rest; the neighbours of IPv4 only.

    Who has not looked at the host anyway has its addresses read as well.
    """
    seen = observe_addresses() if known is None else known.addresses
    return Routing(
        tuple(map(_address, seen)),
        tuple(_routes()),
        tuple(_rules()),
        (*_neighbours("nud", "all"), *_neighbours("proxy")),
    )


def _address(seen: Address) -> InterfaceAddress:
    address, _, length = seen.address.partition("/")
    return InterfaceAddress(
        seen.interface, address, int(length), seen.seen_scope, seen.flags, seen.broadcast or ""
    )


def _routes() -> Iterator[Route]:
    told = run(["ip", "-json", "-4", "route", "show", "table", "all"])
    for entry in cast(list[_RouteEntry], from_json(told or "[]")):
        hops = entry.get("nexthops") or [entry]
        for hop in hops:
            yield Route(
                entry["dst"],
                entry.get("type", "unicast"),
                entry.get("table", "main"),
                hop.get("dev", ""),
                hop.get("gateway", ""),
                entry.get("protocol", "boot"),
                entry.get("scope", ""),
                entry.get("prefsrc", ""),
                entry.get("metric", 0),
                (*entry.get("flags", ()), *hop.get("flags", ())),
                hop.get("weight", 0),
                entry.get("tos", ""),
                tuple(_ways(entry)),
                entry.keys() <= _RESTORABLE and all(each.keys() <= _RESTORABLE for each in hops),
            )


def _ways(entry: _RouteEntry) -> Iterator[str]:
    if "nhid" in entry:
        yield from ("nhid", str(entry["nhid"]))
        return
    for hop in entry.get("nexthops", ()):
        yield "nexthop"
        for name, value in (("via", hop.get("gateway")), ("dev", hop.get("dev"))):
            yield from (name, value) if value else ()
        yield from ("weight", str(hop.get("weight", 1)))
        yield from ("onlink",) if "onlink" in hop.get("flags", ()) else ()


def _rules() -> Iterator[RoutingRule]:
    for line in run(["ip", "-4", "rule", "show"]).splitlines():
        priority, _, text = line.partition(":")
        words = text.split()
        table = words[words.index("lookup") + 1] if "lookup" in words[:-1] else ""
        yield RoutingRule(int(priority), " ".join(words), table)


def _neighbours(*which: str) -> Iterator[Neighbour]:
    told = run(["ip", "-statistics", "-json", "-4", "neighbour", "show", *which])
    for entry in cast(list[_NeighbourEntry], from_json(told or "[]")):
        state = " ".join(entry.get("state", ()))
        if state == "NOARP" and _is_of_kernel(entry):
            continue
        mac, interface = entry.get("lladdr", ""), entry.get("dev", "")
        heard = [
            told for told in (entry.get("confirmed"), entry.get("updated")) if told is not None
        ]
        age = min(heard, default=None)
        yield Neighbour(entry["dst"], interface, mac, state, proxy="proxy" in which, age=age)


def _is_of_kernel(entry: _NeighbourEntry) -> bool:
    """Whether an entry of the state NOARP is one that the kernel makes by itself: for groups and
    broadcasts, and where an interface has no hardware addresses, or does without ARP (Linux
    net/ipv4/arp.c, arp_constructor)."""
    mac = entry.get("lladdr", "")
    if not _UNICAST.fullmatch(mac) or not mac.strip("0:"):
        return True
    try:
        own = files.read_text(Path("/sys/class/net", entry.get("dev", ""), "address")).strip()
    except OSError:
        return True  # it has just gone
    return mac == own
