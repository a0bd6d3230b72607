"""Chooses whom to ping, and how, for the checks that compare two ways."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice, repeat

from netconsole.backend.survey.status import Allocation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.pings import (
    DetourPings,
    FloatingPings,
    Ping,
    SizeLimit,
    SizePings,
)
from netconsole.diagnostics.parts.reverse_paths import ReversePaths
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.probes.arrivals import Arrivals, Passed
from netconsole.diagnostics.probes.ping import HEADERS, ping, ping_all
from netconsole.diagnostics.reasoning.reverse_path import asymmetric

MOST_GUESTS = 12
"""Instances pinged for the size that reaches them, of all networks together."""
MOST_LIMITS = 2
"""Of those that get no large packets, for which the largest is looked for."""
SMALLEST = 68
"""Bytes that every link of IPv4 carries (RFC 791)."""
SIZES_AT_ONCE = 24
MOST_DETOURS = 4
MOST_FLOATING = 24


def ping_sizes(snapshot: Snapshot) -> SizePings:
    """Ping a few instances and the next routers, small and as large as their interface allows."""
    targets = (*islice(_guests(snapshot), MOST_GUESTS), *_routers(snapshot))
    pings = ping_all(
        Ping(address, link.name, size=size) for address, link in targets for size in (0, link.mtu)
    )
    pairs = zip(pings[::2], pings[1::2], strict=True)
    narrow = [large for small, large in pairs if small.answered and large.lost]
    return SizePings(pings, tuple(_limit(each) for each in narrow[:MOST_LIMITS]))


def _limit(large: Ping) -> SizeLimit:
    """Find the largest packet that gets to the target and back, by many sizes at a time."""
    passes, lost = SMALLEST, large.size
    while lost - passes > 1:
        step = max(1, (lost - passes) // SIZES_AT_ONCE)
        sizes = range(passes + step, lost, step)
        told = ping_all((replace(large, size=size, sent=0, replies=0) for size in sizes), count=1)
        answered = [each.size for each in told if each.answered]
        passes = max(answered, default=passes)
        lost = min((each.size for each in told if each.size > passes), default=lost)
    return SizeLimit(large.target, large.interface, passes)


def _is_up(allocation: Allocation) -> bool:
    """Whether it has a port that is up: a guest that is not there is found by its silence."""
    return allocation.device_state in ("up", "no carrier")


def _guests(snapshot: Snapshot) -> Iterator[tuple[str, KernelLink]]:
    host, links = snapshot.get(Backend), snapshot.get(Links)
    for network in host.status.networks if host else ():
        bridge = links.get(network.bridge) if links else None
        for each in host.status.allocations if host and bridge else ():
            if bridge and each.network == network.label and _is_up(each):
                yield each.address, bridge


def _routers(snapshot: Snapshot) -> Iterator[tuple[str, KernelLink]]:
    """The next routers, each once, with the interface that leads to them."""
    routing, links = snapshot.get(Routing), snapshot.get(Links)
    pairs = dict.fromkeys(
        (route.gateway, route.interface) for route in (routing.routes if routing else ())
    )
    for gateway, name in pairs:
        link = links.get(name) if links else None
        if gateway and link and link.mtu > HEADERS:
            yield gateway, link


def ping_detours(snapshot: Snapshot) -> DetourPings:
    """Ping sources whose replies leave by another interface, out of the one and of the other.

    The routers on that other way first, so that no ARP request goes out to them under an address
    that they may refuse, behind which other packets of this host would wait for a second.
    """
    paths = snapshot.get(ReversePaths)
    found = [
        path
        for interface in (paths.interfaces if paths else ())
        for path in asymmetric(interface)
        if path.known_as in ("neighbour", "gateway")
    ][:MOST_DETOURS]
    ways = {path.returns_by for path in found}
    ping_all(Ping(router, link.name) for router, link in _routers(snapshot) if link.name in ways)
    return DetourPings(
        ping_all(
            each
            for path in found
            for each in (
                Ping(path.source, path.interface),
                Ping(path.source, source=path.destination),
            )
        )
    )


def ping_from_floating(snapshot: Snapshot) -> FloatingPings:
    """Ping the routers of public interfaces from each floating address there.

    First from the interface's own address: the router is known then, so that no ARP request goes
    out under the floating address, which would tell the router the very thing that is asked.
    """
    host = snapshot.get(Backend)
    routers = {link.name: gateway for gateway, link in _routers(snapshot)}
    in_use = [
        each
        for each in (host.status.floating_ips if host else ())
        if each.fixed_address and each.address_present and each.interface in routers
    ]
    meant = snapshot.target.instance if snapshot.target else ""
    in_use.sort(key=lambda each: each.instance != meant)
    names = dict.fromkeys(each.interface for each in in_use)
    first = [ping(Ping(routers[name], name)) for name in names]
    with Arrivals(names) as arrivals:
        then = ping_all(
            Ping(routers[each.interface], each.interface, each.address)
            for each in in_use[:MOST_FLOATING]
        )
        seen = arrivals.seen()
        watched = [arrivals.watches(each.interface) for each in then]
    return FloatingPings((*first, *map(_with_arrivals, then, watched, repeat(seen))))


def _with_arrivals(sent: Ping, watched: bool, seen: Mapping[tuple[str, str], Passed]) -> Ping:
    if not watched:
        return sent
    found = seen.get((sent.interface, sent.source), Passed())
    return replace(
        sent, left=found.left, arrived=found.arrived, asked=found.asked, strayed=found.strayed
    )
