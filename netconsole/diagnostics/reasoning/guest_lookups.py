"""Which guests' packets the kernel routes elsewhere than it should, and what decides that. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Self

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.survey.status import NetworkStatus
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guest_routes import GuestRoutes, LookedUp
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import Sysctls
from netconsole.diagnostics.reasoning.marking import MarkingRule, marking_rules
from netconsole.diagnostics.reasoning.route_lookup import (
    DEAD_ENDS,
    Routed,
    RoutedPacket,
    RouteIndex,
    network_of,
    routed,
)


@dataclass(frozen=True, slots=True)
class Misrouted:
    """A packet of a guest, or for one, that the kernel drops or sends elsewhere."""

    answer: LookedUp
    network: NetworkStatus
    guest: str
    """The instance's name, or the address where no instance has it."""
    decided: Routed | None
    """What decides that, as far as the rules that were read show it."""
    marking: MarkingRule | None = None
    """What gives it the mark by which it is chosen."""

    @property
    def leaves_elsewhere(self) -> bool:
        """Whether it is no more than sent out by another interface than the rules of NAT name."""
        return not self.answer.refusal and self.answer.into == self.network.bridge


def misrouted(snapshot: Snapshot) -> tuple[Misrouted, ...]:
    """Return them, those of instances that there are first; nothing where nobody was asked."""
    found = snapshot.get(GuestRoutes)
    if found is None or not snapshot.part(Backend).status.host.forwarding_wanted:
        return ()
    world, answers = _World.of(snapshot), (*found.outward, *found.inward)
    usual = {(a.into, a.source, a.destination): a.outcome for a in answers if a.is_of_no_kind}
    bad = [
        each
        for answer in answers
        if answer.is_of_no_kind
        or answer.outcome != usual.get((answer.into, answer.source, answer.destination))
        for each in world.judged(answer)
    ]
    names = frozenset(world.names.values())
    return tuple(sorted(bad, key=lambda each: each.guest not in names))


@dataclass(frozen=True, slots=True)
class _World:
    """What answers are judged by, put together once for all of them."""

    snapshot: Snapshot
    public_interface: str
    names: Mapping[str, str]
    """Instances by address."""
    routers: frozenset[str]
    """Labels of the networks whose router is this host."""
    ways: RouteIndex

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        status, routing = snapshot.part(Backend).status, snapshot.part(Routing)
        own = {(each.interface, each.address) for each in routing.addresses}
        return cls(
            snapshot,
            status.host.public_interface,
            {each.address: each.instance for each in status.allocations},
            frozenset(each.label for each in status.networks if (each.bridge, each.gateway) in own),
            RouteIndex(routing.routes),
        )

    def judged(self, answer: LookedUp) -> Iterator[Misrouted]:
        snapshot, sysctls = self.snapshot, self.snapshot.get(Sysctls)
        if sysctls and sysctls.get(f"net/ipv4/conf/{answer.into}/forwarding", "1") == "0":
            return  # what comes in there is not forwarded, whatever the routes say
        inward = answer.into == self.public_interface
        guest = answer.destination if inward else answer.source
        networks = snapshot.part(Backend).status.networks
        network = next((each for each in networks if _has(each, guest)), None)
        if network is None or network.label not in self.routers:
            return
        if not inward and answer.into != network.bridge:
            return
        if self._is_right(answer, network, network.bridge if inward else self.public_interface):
            return
        packet = RoutedPacket(
            IPv4Address(answer.destination),
            IPv4Address(answer.source),
            answer.into,
            answer.mark,
            answer.protocol,
        )
        decided = routed(snapshot.part(Routing), packet, self.ways)
        if answer.refusal and not _is_refused_by_route(answer, decided):
            return
        marking = _marking(snapshot, answer, network) if answer.mark else None
        if answer.mark and marking is None:
            return
        yield Misrouted(answer, network, self.names.get(guest, guest), decided, marking)

    def _is_right(self, answer: LookedUp, network: NetworkStatus, right: str) -> bool:
        """Whether it leaves where it should, or a check of the interface says what is wrong."""
        links = self.snapshot.get(Links) or Links(())
        bridge, link = links.get(network.bridge), links.get(answer.interface)
        if bridge is not None and not bridge.up:
            return True  # its route is gone with it
        if link is not None and link.master == right:
            return True  # a port of where it should leave
        return answer.interface == right or not (answer.interface or answer.refusal)


def _has(network: NetworkStatus, address: str) -> bool:
    return IPv4Address(address) in network_of(network.cidr)


def _is_refused_by_route(answer: LookedUp, decided: Routed | None) -> bool:
    """Whether a route or rule refuses it; the source check, which says EINVAL or EXDEV too, is
    another check's, as is a host without any default route."""
    if decided is None:
        return answer.refusal in ("ENETUNREACH", "EHOSTUNREACH") and not answer.is_of_no_kind
    return decided.route is None or decided.route.kind in DEAD_ENDS


def _marking(snapshot: Snapshot, answer: LookedUp, network: NetworkStatus) -> MarkingRule | None:
    seen = snapshot.get(PacketFilter)
    if seen is None:
        return None
    flow = Flow(
        "what guests send into the world",
        network.bridge,
        answer.into,
        "",
        IPv4Network(answer.source),
        IPv4Network(answer.destination),
    )
    return next((each for each in marking_rules(seen, flow) if each.mark == answer.mark), None)
