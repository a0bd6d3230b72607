"""What this host itself sends so that guests are served, and what routes and rules refuse of it.

Pure.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.survey.status import Allocation, DnsmasqStatus
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
    has_marks = any("fwmark" in rule.text for rule in routing.rules)
    for packet in _packets(snapshot, ways):
        for mark, marking in _marks(snapshot, packet) if has_marks else ((0, None),):
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


def _packets(snapshot: Snapshot, ways: RouteIndex) -> Iterator[OwnPacket]:
    """Return one packet of a kind to each whom this host has to reach."""
    routing = snapshot.part(Routing)
    known: set[tuple[Flow, SocketOwner]] = set()
    for address, use, port, source_port, sender in _needed(snapshot):
        flow = _flow(routing, ways, address, port, source_port)
        if (flow, sender) not in known:
            known.add((flow, sender))
            yield OwnPacket(address, use, flow, sender)


def _needed(snapshot: Snapshot) -> Iterator[tuple[str, str, int, int, SocketOwner]]:
    """Return addresses, who they are, and the ports to which and from which is sent."""
    status, anybody = snapshot.part(Backend).status, SocketOwner()
    for route in snapshot.part(Routing).routes:
        is_default = network_of(route.destination) == EVERYWHERE and route.kind in OFTEN_SET
        if is_default and route.gateway and ":" not in route.gateway:
            yield route.gateway, "the router of a default route", 0, 0, anybody
    for server in status.dnsmasq:
        if server.state != "running":
            continue
        use = f"a name server that the dnsmasq of {server.network} asks"
        for told in dnsmasq_arguments.values(server.argv, "server"):
            address, _, port = told.partition("#")
            if _is_ipv4(address):
                yield address, use, int(port or _DNS), 0, _sender(snapshot, server)
    first = {each.network: each for each in reversed(status.allocations) if _is_up(each)}
    for guest in first.values():
        yield guest.address, f"{guest.instance}, which asks for names", 0, _DNS, anybody


def _is_up(guest: Allocation) -> bool:
    return guest.device_state == "up"


def _flow(routing: Routing, ways: RouteIndex, address: str, port: int, source_port: int) -> Flow:
    found = routed(routing, RoutedPacket(IPv4Address(address)), ways)
    return Flow(
        "what this host sends",
        "",
        "",
        found.route.interface if found and found.route else "",
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
