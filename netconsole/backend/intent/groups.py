"""What security groups let reach the instances of a host. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeVar

from netaddr import IPNetwork

from netconsole.backend.intent.links import filters_guests
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model import subject
from netconsole.backend.model.eui64 import LINK_LOCAL, address_v6
from netconsole.backend.model.group_rules import SecurityGroupRule
from netconsole.backend.model.meaning import (
    FilteredGuest,
    Group,
    GuestAddress,
    Meaning,
    Opening,
    SourceGroup,
)
from netconsole.backend.model.records import Instance, Network, Port
from netconsole.backend.model.subject import Subject

EVERY_PORT = (1, 65535)

T = TypeVar("T")


def with_groups(said: Meaning, presence: Presence) -> Meaning:
    """Return a meaning with what the groups of this host's instances let in.

    Where the firewall is switched off, as it was.
    """
    if not filters_guests(presence.options):
        return said
    groups = _Groups(presence)
    guests = tuple(groups.guests())
    present = sorted({group for guest in guests for group in guest.groups})
    return replace(
        said,
        guests=guests,
        groups=tuple(map(groups.group, present)),
        source_groups=tuple(groups.sources(groups.asked(present))),
        filters_ipv6=_have_ipv6(guests),
    )


def part(
    presence: Presence,
    members: Collection[str] = (),
    groups: Collection[int] = (),
    sources: Collection[int] = (),
) -> Meaning:
    """Return what some instances of this host (uuids), groups and source groups let in.

    None of them need be asked for by another. Of IPv6 it says what with all guests is true, as
    long as the records have one port of each network.
    """
    found = _Groups(presence)
    guests = tuple(found.guests())
    named = {each.id for uuid, each in presence.instances.items() if uuid in members}
    return Meaning(
        guests=tuple(guest for guest in guests if guest.id in named),
        groups=tuple(map(found.group, sorted(groups))),
        source_groups=tuple(found.sources(sources)),
        filters_ipv6=_have_ipv6(guests),
    )


def _have_ipv6(guests: Iterable[FilteredGuest]) -> bool:
    return any(":" in each.address for guest in guests for each in guest.addresses)


@dataclass(frozen=True)
class _Groups:
    presence: Presence

    @cached_property
    def _networks(self) -> dict[int, Network]:
        """As this host serves or carries them, by their numbers."""
        here = (*self.presence.served, *self.presence.carried)
        return {network.id: network for network in (*self.presence.records.networks, *here)}

    @cached_property
    def _ports(self) -> dict[str, list[Port]]:
        """The ports of every instance, by its uuid."""
        found: dict[str, list[Port]] = {}
        for port in self.presence.records.ports:
            if port.network_id in self._networks:
                found.setdefault(port.instance_uuid, []).append(port)
        return found

    @cached_property
    def _fixed(self) -> dict[int, list[str]]:
        """The fixed addresses of every port."""
        found: dict[int, list[str]] = {}
        for row in self.presence.records.fixed_ips:
            if row.port_id is not None and row.allocated:
                found.setdefault(row.port_id, []).append(row.address)
        return found

    @cached_property
    def _allowed(self) -> dict[int, list[str]]:
        """The ranges from which a port may send besides."""
        found: dict[int, list[str]] = {}
        for each in self.presence.records.allowed_addresses:
            found.setdefault(each.port_id, []).append(_network(each.cidr))
        return found

    @cached_property
    def _memberships(self) -> dict[str, list[int]]:
        """The groups of every instance."""
        found: dict[str, list[int]] = {}
        for each in self.presence.records.memberships:
            found.setdefault(each.instance_uuid, []).append(each.security_group_id)
        return found

    @cached_property
    def _rules(self) -> dict[int, list[SecurityGroupRule]]:
        """The rules of every group."""
        found: dict[int, list[SecurityGroupRule]] = {}
        for each in self.presence.records.security_group_rules:
            found.setdefault(each.parent_group_id, []).append(each)
        return found

    def guests(self) -> Iterator[FilteredGuest]:
        """Yield the instances of this host that have ports."""
        for uuid, instance in self.presence.instances.items():
            if ports := self._ports.get(uuid):
                yield self._guest(instance, ports)
        for cidr, holders in self._holders.items():
            if len(holders) > 1:
                yield self._together(cidr, holders)

    @cached_property
    def _holders(self) -> dict[str, tuple[Instance, ...]]:
        """The instances of this host that may have each range which is allowed to one of them.

        Who may have a range may have those in it as well.
        """
        own: dict[IPNetwork, dict[str, Instance]] = {}
        for uuid, instance in self.presence.instances.items():
            for port in self._ports.get(uuid, ()):
                for cidr in self._own(port):
                    own.setdefault(IPNetwork(cidr), {})[uuid] = instance
        around: list[IPNetwork] = []
        for range_ in sorted(own):
            while around and range_ not in around[-1]:
                around.pop()
            own[range_] |= own[around[-1]] if around else {}
            around.append(range_)
        return {str(range_): tuple(instances.values()) for range_, instances in own.items()}

    def _own(self, port: Port) -> Iterator[str]:
        """The ranges of its network from which a port may send besides."""
        for cidr in self._allowed.get(port.id, ()):
            if self._is_within(IPNetwork(cidr), self._networks[port.network_id]):
                yield cidr

    def _together(self, cidr: str, holders: tuple[Instance, ...]) -> FilteredGuest:
        """Who may have a range that several may have: nobody knows which of them has it now."""
        first, *others = (self._guest(each, self._ports[each.uuid]) for each in holders)
        return FilteredGuest(
            about=first.about,
            id=0,
            addresses=(GuestAddress(first.about, cidr),),
            groups=_common(first.groups, (each.groups for each in others)),
            dhcp_servers=_common(first.dhcp_servers, (each.dhcp_servers for each in others)),
            routers=_common(first.routers, (each.routers for each in others)),
            neighbours=_common(first.neighbours, (each.neighbours for each in others)),
        )

    def _guest(self, instance: Instance, ports: list[Port]) -> FilteredGuest:
        networks = tuple(
            {port.network_id: self._networks[port.network_id] for port in ports}.values()
        )
        return FilteredGuest(
            about=subject.port(ports[0].device),
            id=instance.id,
            addresses=tuple(each for port in ports for each in self._reached(port)),
            groups=tuple(self._memberships.get(instance.uuid, ())),
            dhcp_servers=tuple(each.dhcp_server for each in networks if each.dhcp_server),
            routers=tuple(each.gateway_v6 for each in networks if each.cidr_v6 and each.gateway_v6),
            neighbours=tuple(_network(cidr) for network in networks for cidr in _subnets(network))
            if self.presence.options.allow_same_net_traffic
            else (),
        )

    def _reached(self, port: Port) -> Iterator[GuestAddress]:
        about = subject.port(port.device)
        for address in self._addresses(port):
            yield GuestAddress(about, address)
        if self._networks[port.network_id].cidr_v6 is not None:
            yield GuestAddress(about, address_v6(port.mac, LINK_LOCAL))
        for cidr in self._own(port):
            if len(self._holders[cidr]) == 1:
                yield GuestAddress(about, cidr)

    @staticmethod
    def _is_within(cidr: IPNetwork, network: Network) -> bool:
        """Whether a range is a part of a network: what lies beyond it has other guests, or none."""
        wholes = (IPNetwork(each) for each in (network.cidr, network.cidr_v6) if each)
        return any(cidr in whole and cidr != whole for whole in wholes)

    def _addresses(self, port: Port) -> Iterator[str]:
        """The addresses that a port has; its IPv6 address is what the guest makes of its MAC."""
        yield from self._fixed.get(port.id, ())
        network = self._networks[port.network_id]
        if network.cidr_v6 is not None:
            yield address_v6(port.mac, network.cidr_v6)

    def group(self, number: int) -> Group:
        """Return a group with its rules."""
        openings = tuple(map(opening, self._rules.get(number, ())))
        return Group(_about(number), number, openings)

    def asked(self, groups: Iterable[int]) -> frozenset[int]:
        """Return the groups whose members some rule of these lets in."""
        rules = (rule for number in groups for rule in self._rules.get(number, ()))
        return frozenset(rule.group_id for rule in rules if rule.group_id is not None)

    def sources(self, asked: Collection[int]) -> Iterator[SourceGroup]:
        """Yield the members of groups, wherever they run."""
        members: dict[int, list[str]] = {number: [] for number in asked}
        for uuid, groups in self._memberships.items():
            for number in members.keys() & groups:
                for port in self._ports.get(uuid, ()):
                    members[number] += self._addresses(port)
        for number in sorted(members):
            yield SourceGroup(_about(number), number, tuple(members[number]))


def _common(first: tuple[T, ...], others: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    """What all have, in the order of the first."""
    shared = set(first).intersection(*others)
    return tuple(each for each in first if each in shared)


def _subnets(network: Network) -> tuple[str, ...]:
    """The ranges from which neighbours send."""
    return (network.cidr, *((network.cidr_v6, LINK_LOCAL) if network.cidr_v6 else ()))


@lru_cache(maxsize=4096)
def _network(cidr: str) -> str:
    """A range without its host bits; thousands of rules have the same few."""
    return str(IPNetwork(cidr).cidr)


def _about(number: int) -> Subject:
    return subject.group(number)


def opening(rule: SecurityGroupRule) -> Opening:
    """Return what a rule lets in: without ports at every one, without a source from everybody."""
    cidr = None if rule.cidr is None else _network(rule.cidr)
    first = -1 if rule.from_port is None else rule.from_port
    last = -1 if rule.to_port is None else rule.to_port
    if rule.protocol in ("tcp", "udp") and (first, last) == EVERY_PORT:
        first = last = -1
    return Opening(rule.protocol, first, last, cidr, rule.group_id)
