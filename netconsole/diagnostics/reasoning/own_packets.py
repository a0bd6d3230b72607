"""What this host itself sends so that guests are served, and what routes and rules refuse of it.

Pure.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.survey.status import DnsmasqStatus
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dnsmasq_files import DnsmasqFiles
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.marking import MarkingRule, marks_of_own
from netconsole.diagnostics.reasoning.route_lookup import (
    DEAD_ENDS,
    EVERYWHERE,
    OFTEN_SET,
    Routed,
    RoutedPacket,
    RouteIndex,
    lookup,
    network_of,
    routed,
)
from netconsole.diagnostics.reasoning.socket_owner import SocketOwner, as_run

_DNS = 53


@dataclass(frozen=True, slots=True)
class OwnPacket:
    """A packet of this host."""

    address: str
    """To whom it goes."""
    use: str
    """Who that is."""
    flow: Flow
    sender: SocketOwner
    """Whose it is, as far as rules may ask."""


@dataclass(frozen=True, slots=True)
class RefusedPacket:
    """One that does not leave this host."""

    packet: OwnPacket
    decided: Routed
    """By what."""
    marking: MarkingRule | None = None
    """The rule of the packet filter that gives it the mark by which that is chosen."""


def refused_packets(snapshot: Snapshot) -> Iterator[RefusedPacket]:
    """Return those that a rule or route refuses, by their address or for a mark; not what a default
    route refuses of everybody."""
    routing = snapshot.part(Routing)
    ways = RouteIndex(routing.routes)
    for packet in _packets(snapshot):
        for mark, marking in _marks(snapshot, packet):
            asked = RoutedPacket(IPv4Address(packet.address), mark=mark)
            decided = routed(routing, asked, ways)
            if decided is None or not _refuses(decided):
                continue
            if mark or decided.route is None or network_of(decided.route.destination).prefixlen:
                yield RefusedPacket(packet, decided, marking)


def _refuses(decided: Routed) -> bool:
    return decided.route is None or decided.route.kind in DEAD_ENDS


def _marks(snapshot: Snapshot, packet: OwnPacket) -> Iterator[tuple[int, MarkingRule | None]]:
    """Return the marks that a packet may have: none, and what rules certainly give it."""
    yield 0, None
    if (seen := snapshot.get(PacketFilter)) is not None:
        found = marks_of_own(seen, packet.flow, packet.sender.known)
        yield from ((each.mark, each) for each in found if each.is_certain and each.mark)


def _packets(snapshot: Snapshot) -> Iterator[OwnPacket]:
    status, routing = snapshot.part(Backend).status, snapshot.part(Routing)
    anybody = SocketOwner()
    for route in routing.routes:
        is_default = network_of(route.destination) == EVERYWHERE and route.kind in OFTEN_SET
        if is_default and route.gateway and ":" not in route.gateway:
            use = "the router of a default route"
            yield OwnPacket(route.gateway, use, _flow(routing, route.gateway), anybody)
    for server in status.dnsmasq:
        sender = _sender(snapshot, server) if server.state == "running" else anybody
        for told in dnsmasq_arguments.values(server.argv, "server"):
            address, _, port = told.partition("#")
            if server.state == "running" and _is_ipv4(address):
                use = f"a name server that the dnsmasq of {server.network} asks"
                flow = _flow(routing, address, port=int(port or _DNS))
                yield OwnPacket(address, use, flow, sender)
    for network in status.networks:
        placed = (each for each in status.allocations if each.network == network.label)
        if guest := next((each for each in placed if each.device_state == "up"), None):
            use = f"{guest.instance}, which asks for names"
            flow = _flow(routing, guest.address, source_port=_DNS)
            yield OwnPacket(guest.address, use, flow, anybody)


def _flow(routing: Routing, address: str, port: int = 0, source_port: int = 0) -> Flow:
    route = lookup(routing, address)
    return Flow(
        "what this host sends",
        "",
        "",
        route.interface if route else "",
        destination=IPv4Network(address),
        protocol="udp" if port or source_port else "",
        port=port,
        source_port=source_port,
    )


def _sender(snapshot: Snapshot, server: DnsmasqStatus) -> SocketOwner:
    readers = (snapshot.get(DnsmasqFiles) or DnsmasqFiles()).readers
    found = next((each for each in readers if each.pid in server.pids), None)
    return as_run(found) if found else SocketOwner()


def _is_ipv4(text: str) -> bool:
    with suppress(ValueError):
        IPv4Address(text)
        return True
    return False
