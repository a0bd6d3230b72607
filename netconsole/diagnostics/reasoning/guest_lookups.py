"""Which guests' packets the kernel routes elsewhere than it should, and what decides that. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

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
    answers = (*found.outward, *found.inward)
    usual = {(a.into, a.source, a.destination): a.outcome for a in answers if not a.mark}
    bad = [
        each
        for answer in answers
        if not answer.mark
        or answer.outcome != usual.get((answer.into, answer.source, answer.destination))
        for each in _judged(snapshot, answer)
    ]
    names = {each.instance for each in snapshot.part(Backend).status.allocations}
    return tuple(sorted(bad, key=lambda each: each.guest not in names))


def _judged(snapshot: Snapshot, answer: LookedUp) -> Iterator[Misrouted]:
    status, routing = snapshot.part(Backend).status, snapshot.part(Routing)
    sysctls = snapshot.get(Sysctls)
    if sysctls and sysctls.get(f"net/ipv4/conf/{answer.into}/forwarding", "1") == "0":
        return  # what comes in there is not forwarded, whatever the routes say
    inward = answer.into == status.host.public_interface
    guest = answer.destination if inward else answer.source
    network = next((each for each in status.networks if _has(each, guest)), None)
    if network is None or not any(a.address == network.gateway for a in routing.on(network.bridge)):
        return
    if not inward and answer.into != network.bridge:
        return
    right = network.bridge if inward else status.host.public_interface
    links = snapshot.get(Links) or Links(())
    bridge = links.get(network.bridge)
    if bridge is not None and not bridge.up:
        return  # its route is gone with it, and the check of bridges says so
    link = links.get(answer.interface)
    if link is not None and link.master == right:
        return  # a port of where it should leave: a check of that interface says what is wrong
    if answer.interface == right or not (answer.interface or answer.refusal):
        return
    packet = RoutedPacket(
        IPv4Address(answer.destination), IPv4Address(answer.source), answer.into, answer.mark
    )
    decided = routed(routing, packet)
    if answer.refusal and not _is_refused_by_route(answer, decided):
        return
    marking = _marking(snapshot, answer, network) if answer.mark else None
    if answer.mark and marking is None:
        return
    names = {each.address: each.instance for each in status.allocations}
    yield Misrouted(answer, network, names.get(guest, guest), decided, marking)


def _has(network: NetworkStatus, address: str) -> bool:
    return IPv4Address(address) in IPv4Network(network.cidr)


def _is_refused_by_route(answer: LookedUp, decided: Routed | None) -> bool:
    """Whether a route or rule refuses it; the source check, which says EINVAL or EXDEV too, is
    another check's, as is a host without any default route."""
    if decided is None:
        return answer.refusal in ("ENETUNREACH", "EHOSTUNREACH") and bool(answer.mark)
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
