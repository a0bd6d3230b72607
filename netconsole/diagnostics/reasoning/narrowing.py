"""What is left of the evidence where it is held against one target alone. Pure.

What can be wrong of several things one by one is left out where it is of others: a check that finds
nothing then has found something of others. What all share, as a switch of the host, stays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Self

from netconsole.backend.model.dhcp_host import host_in
from netconsole.backend.model.subject import Subject
from netconsole.backend.steps import (
    AddDhcpHosts,
    Plan,
    ReinstateDhcpHosts,
    ReleaseLease,
    RemoveDhcpHosts,
    RetireDhcpHosts,
    Step,
)
from netconsole.backend.survey.status import Allocation, FloatingIPStatus, Status
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.arp import ArpAnswers
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dhcp import DhcpAnswers
from netconsole.diagnostics.parts.forwarding import ForwardingTable
from netconsole.diagnostics.parts.guest_routes import GuestRoutes
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.pings import SizePings
from netconsole.diagnostics.parts.reverse_paths import ReversePaths
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.route_lookup import network_of


@dataclass(frozen=True, slots=True)
class Share:
    """What of a host is the target's."""

    allocations: tuple[Allocation, ...]
    floating: frozenset[str]
    """Floating addresses."""
    networks: frozenset[str]
    """By label."""
    groups: frozenset[str]
    """The security groups of its instances, and those that these let in, by number."""

    @classmethod
    def of(cls, target: Target, status: Status) -> Self | None:
        """Return it; None where the target is an interface, by which anybody's packets may go."""
        if not (target.instance or target.network or target.floating_address):
            return None
        here = tuple(each for each in status.allocations if _is_meant(each, target))
        named = {each.instance for each in here}
        mine = [group for group in status.security_groups if named.intersection(group.instances)]
        sources = {rule.rule.group_id for group in mine for rule in group.rules}
        return cls(
            here,
            frozenset(each.address for each in status.floating_ips if _is_of(each, target, here)),
            frozenset((*(each.network for each in here), *filter(None, (target.network,)))),
            frozenset(map(str, {*(group.id for group in mine), *sources} - {None})),
        )

    @property
    def devices(self) -> frozenset[str]:
        """Return the interfaces on the host that carry its ports."""
        return frozenset(each.device for each in self.allocations if each.device)

    @property
    def macs(self) -> frozenset[str]:
        """Return the hardware addresses of its ports, in lower case."""
        return frozenset(each.mac.lower() for each in self.allocations if each.mac)

    @property
    def addresses(self) -> frozenset[str]:
        """Return its fixed addresses."""
        return frozenset(each.address for each in self.allocations)


def _is_meant(each: Allocation, target: Target) -> bool:
    if target.instance:
        return each.instance == target.instance
    return bool(target.network) and each.network == target.network


def _is_of(each: FloatingIPStatus, target: Target, here: tuple[Allocation, ...]) -> bool:
    if target.floating_address and target.text == target.floating_address:
        return each.address == target.floating_address
    return each.fixed_address in {one.address for one in here}


Narrow = Callable[[Snapshot, Share], Snapshot]
"""Leaves out of the evidence what is of others."""


def narrowed(*ways: Narrow) -> Callable[[Snapshot], Snapshot | None]:
    """Return what leaves out, in these ways, what is of others than a snapshot's target.

    It answers None where there is no target, or one that anybody may use.
    """

    def of_target(snapshot: Snapshot) -> Snapshot | None:
        target, host = snapshot.target, snapshot.get(Backend)
        share = Share.of(target, host.status) if target and host else None
        if share is None:
            return None
        for way in ways:
            snapshot = way(snapshot, share)
        return snapshot

    return of_target


def of_plan(snapshot: Snapshot, share: Share) -> Snapshot:
    """Leave out the steps between store and host, and obstacles, that are about others.

    The cure stays whole, as its steps depend on each other.
    """
    host = snapshot.part(Backend)
    steps = tuple(step for step in host.plan.steps if concerns(step, share))
    obstacles = tuple(each for each in host.obstacles if _is_any_in(each.subjects, share))
    narrow = replace(host, plan=Plan(steps), whole=host.plan, obstacles=obstacles)
    return snapshot.with_parts(narrow)


def concerns(step: Step, share: Share) -> bool:
    """Whether a step is about the target, or about all of the host, or says about nothing."""
    match step:
        case AddDhcpHosts() | RemoveDhcpHosts() | RetireDhcpHosts() | ReinstateDhcpHosts():
            hosts = (host_in(content) for _, content in step.files)
            return any(host is None or host.mac.lower() in share.macs for host in hosts)
        case ReleaseLease():
            return step.address in share.addresses
    has_ports = any(each.kind == "port" for each in step.subjects)
    about = [each for each in step.subjects if not (has_ports and each.kind == "network")]
    return _is_any_in(about, share)


def _is_any_in(about: Sequence[Subject], share: Share) -> bool:
    """Whether one of them is the target's; so it is as well where nothing is said."""
    return not about or any(_is_in(each, share) for each in about)


def _is_in(about: Subject, share: Share) -> bool:
    match about.kind:
        case "port":
            return about.name in share.devices
        case "network":
            return about.name in share.networks
        case "floating":
            return about.name in share.floating
        case "group":
            return about.name in share.groups
        case _:
            return True


def of_networks(snapshot: Snapshot, share: Share) -> Snapshot:
    """Leave out other networks, their dnsmasq, and what was asked on their bridges."""
    host = snapshot.part(Backend)
    every, status = host.status.networks, host.status
    here = tuple(each for each in every if each.label in share.networks)
    others = {each.bridge for each in every} - {each.bridge for each in here}
    ranges = [network_of(each.cidr) for each in every if each.bridge in others]
    status = replace(
        status,
        networks=here,
        dnsmasq=tuple(
            each
            for each in status.dnsmasq
            if each.state == "foreign" or each.network in share.networks
        ),
    )
    snapshot = snapshot.with_parts(replace(host, status=status))
    if (paths := snapshot.get(ReversePaths)) is not None:
        left = tuple(each for each in paths.interfaces if each.name not in others)
        snapshot = snapshot.with_parts(replace(paths, interfaces=left))
    if (asked := snapshot.get(GuestRoutes)) is not None:
        outward = tuple(each for each in asked.outward if each.into not in others)
        inward = tuple(
            each
            for each in asked.inward
            if not any(IPv4Address(each.destination) in one for one in ranges)
        )
        snapshot = snapshot.with_parts(GuestRoutes(outward, inward))
    return snapshot


def of_floating(snapshot: Snapshot, share: Share) -> Snapshot:
    """Leave out other floating addresses, their rules, and who answers for them."""
    host = snapshot.part(Backend)
    others = {each.address for each in host.status.floating_ips} - share.floating
    status = replace(
        host.status,
        floating_ips=tuple(each for each in host.status.floating_ips if each.address not in others),
        nat=tuple(
            rule
            for rule in host.status.nat
            if rule.subject is None
            or rule.subject.kind != "floating"
            or rule.subject.name in share.floating
        ),
    )
    snapshot = snapshot.with_parts(replace(host, status=status))
    if (answers := snapshot.get(ArpAnswers)) is not None:
        asked = tuple(each for each in answers.asked if each.address not in others)
        snapshot = snapshot.with_parts(ArpAnswers(asked))
    return snapshot


def of_idle_floating(snapshot: Snapshot, share: Share) -> Snapshot:
    """Have other floating addresses as those that nobody uses: they are no addresses of the host
    itself."""
    host = snapshot.part(Backend)
    floating = tuple(
        each
        if each.address in share.floating
        else replace(each, instance=None, fixed_address=None, rules_expected=0)
        for each in host.status.floating_ips
    )
    return snapshot.with_parts(replace(host, status=replace(host.status, floating_ips=floating)))


def of_instances(snapshot: Snapshot, share: Share) -> Snapshot:
    """Leave out other instances, for a check to which they are nothing but what it judges."""
    host = snapshot.part(Backend)
    status = replace(host.status, allocations=share.allocations)
    return snapshot.with_parts(replace(host, status=status))


def of_groups(snapshot: Snapshot, share: Share) -> Snapshot:
    """Leave out the security groups that none of its instances is in."""
    host, named = snapshot.part(Backend), {each.instance for each in share.allocations}
    groups = host.status.security_groups
    mine = tuple(each for each in groups if named.intersection(each.instances))
    return snapshot.with_parts(replace(host, status=replace(host.status, security_groups=mine)))


def of_ports(snapshot: Snapshot, share: Share) -> Snapshot:
    """Leave out the ports of other instances, where their frames come and go, and what was sent to
    them."""
    every = snapshot.part(Backend).status.allocations
    others = [each for each in every if each not in share.allocations]
    ports, macs = {each.device for each in others}, {each.mac.lower() for each in others}
    if (links := snapshot.get(Links)) is not None:
        left = tuple(link for link in links.links if link.name not in ports)
        snapshot = snapshot.with_parts(replace(links, links=left))
    if (table := snapshot.get(ForwardingTable)) is not None:
        moves = tuple(each for each in table.moves if each.mac.lower() not in macs)
        snapshot = snapshot.with_parts(replace(table, moves=moves))
    if (sizes := snapshot.get(SizePings)) is not None:
        asked = {each.address for each in others}
        pings = tuple(each for each in sizes.pings if each.target not in asked)
        snapshot = snapshot.with_parts(replace(sizes, pings=pings))
    return snapshot


def of_dhcp(snapshot: Snapshot, share: Share) -> Snapshot:
    """Leave out what was asked, and answered, on the bridges of other networks, and in the names of
    other instances."""
    told, status = snapshot.part(DhcpAnswers), snapshot.part(Backend).status
    bridges = {each.bridge for each in status.networks if each.label in share.networks}
    named = {each.instance for each in share.allocations}
    asked = tuple(
        each
        for each in told.asked
        if each.bridge in bridges and (not each.instance or each.instance in named)
    )
    places = {(each.bridge, each.mac) for each in asked}
    return snapshot.with_parts(
        replace(
            told,
            asked=asked,
            answers=tuple(each for each in told.answers if (each.bridge, each.mac) in places),
            overheard=tuple(each for each in told.overheard if each.bridge in bridges),
            problems={name: why for name, why in told.problems.items() if name in bridges},
        )
    )


def of_routes(snapshot: Snapshot, share: Share) -> Snapshot:
    """Leave out routes to parts of its networks in which it has no address."""
    wholes = [
        network_of(each.cidr)
        for each in snapshot.part(Backend).status.networks
        if each.label in share.networks
    ]
    mine = [IPv4Address(each) for each in share.addresses]
    routing = snapshot.part(Routing)
    routes = tuple(
        route
        for route in routing.routes
        if not any(
            reach.subnet_of(whole) and reach != whole and not any(one in reach for one in mine)
            for reach in (network_of(route.destination),)
            for whole in wholes
        )
    )
    return snapshot.with_parts(replace(routing, routes=routes))
