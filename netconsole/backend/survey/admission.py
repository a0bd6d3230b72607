"""Admission: what reaches an instance by the records alone, and by which rule of which group. Pure.

Of what begins a connection: answers are let in whatever the groups say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.links import filters_guests
from netconsole.backend.model.errors import NotFound
from netconsole.backend.model.eui64 import LINK_LOCAL
from netconsole.backend.model.group_names import named_beside
from netconsole.backend.model.group_rules import (
    Attempt,
    SecurityGroupRule,
    admits,
    is_ipv6,
    is_within,
    told,
)
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Instance, Network, Records, SecurityGroup
from netconsole.backend.survey.senders import Source, addresses_of, find_instance, senders

Ground = Literal[
    "rule", "no rule", "no group", "DHCP server", "same network", "router", "neighbours", "off"
]
"""Why something is let in or not. `off`: firewall_driver filters nothing. `neighbours`: by them
IPv6 hosts find each other's hardware addresses (RFC 4861)."""

_DHCP_CLIENT = 68
_NEIGHBOUR_DISCOVERY = (135, 136)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an attempt from one address reaches an instance, and why."""

    source: str
    sender: str | None
    """The instance that has the address, where it was found by its name or group."""
    instance: str
    allowed: bool
    ground: Ground
    rule: SecurityGroupRule | None = None
    group: SecurityGroup | None = None
    """Whose rule that is."""
    because: str = ""
    """That in words."""


def admissions(
    records: Records, options: Options, source: Source, instance: str, attempt: Attempt
) -> tuple[Judgement, ...]:
    """Return whether an attempt reaches an instance, one for each address that `source` means.

    Of a group all members are asked after. Raises NotFound where it means nothing, or what has no
    address, Conflict where it means two things, and InvalidValue where a project goes with an
    address.
    """
    admittance = Admittance.of(records, options, find_instance(records, instance))
    sending = senders(
        records, source, admittance.instance, {is_ipv6(own) for own in admittance.addresses}
    )
    found = tuple(admittance.admission(*each, attempt) for each in sending)
    if not found:
        shown = command("instance", "list")
        raise NotFound(
            f"{source.name!r} has no address that could reach instance {instance!r}: {shown} shows "
            "which have any"
        )
    return found


@dataclass(frozen=True, slots=True)
class Admittance:
    """What decides about an instance: its networks, its groups, and their rules."""

    instance: Instance
    networks: tuple[Network, ...]
    groups: tuple[tuple[SecurityGroup, tuple[SecurityGroupRule, ...]], ...]
    addresses: frozenset[str]
    members: dict[int, frozenset[str]]
    """The addresses of the groups that rules name, by id."""
    names: dict[int, str]
    """What groups are called, beside those of the instance's own project."""
    is_off: bool = False
    same_network: bool = True

    @classmethod
    def of(cls, records: Records, options: Options, instance: Instance) -> "Admittance":
        """Gather it from the records."""
        joined = {
            each.security_group_id
            for each in records.memberships
            if each.instance_uuid == instance.uuid
        }
        own = {group.id: group for group in records.security_groups if group.id in joined}
        rules = {
            number: tuple(
                rule for rule in records.security_group_rules if rule.parent_group_id == number
            )
            for number in own
        }
        asked = {rule.group_id for some in rules.values() for rule in some if rule.group_id}
        ports = [port for port in records.ports if port.instance_uuid == instance.uuid]
        homes = {port.network_id for port in ports}
        return cls(
            instance,
            tuple(network for network in records.networks if network.id in homes),
            tuple((group, rules[number]) for number, group in own.items()),
            frozenset(addresses_of(records, instance)),
            {number: frozenset(_addresses_of_members(records, number)) for number in asked},
            {each.id: named_beside(each, instance.project_id) for each in records.security_groups},
            is_off=not filters_guests(options),
            same_network=options.allow_same_net_traffic,
        )

    def admission(self, source: str, sender: str | None, attempt: Attempt) -> Judgement:
        """Say whether an attempt from an address is let in, in the order of nova's chains."""

        def answer(allowed: bool, ground: Ground, because: str) -> Judgement:
            name = self.instance.name
            return Judgement(source, sender, name, allowed, ground, because=because)

        if self.is_off:
            return answer(True, "off", "firewall_driver filters nothing")
        if because := self._always(source, attempt):
            return answer(True, *because)
        for group, rules in self.groups:
            for rule in rules:
                if self._matches(rule, source, attempt):
                    words = told(rule, self.names.get(rule.group_id or 0))
                    said = f"group {group.name} lets in {words}"
                    name = self.instance.name
                    return Judgement(source, sender, name, True, "rule", rule, group, said)
        if not self.groups:
            return answer(False, "no group", f"{self.instance.name} is in no security group")
        named = ", ".join(group.name for group, _ in self.groups)
        return answer(False, "no rule", f"no rule of {named} lets it in")

    def _always(self, source: str, attempt: Attempt) -> tuple[Ground, str] | None:
        """What lets it in before any group does."""
        to_client = attempt.protocol == "udp" and attempt.port == _DHCP_CLIENT
        for network in self.networks:
            if to_client and source == network.dhcp_server:
                return "DHCP server", f"{source} serves network {network.label}"
            for cidr in _subnets(network) if self.same_network else ():
                if is_within(source, cidr):
                    said = f"it is in network {network.label} as well (allow_same_net_traffic)"
                    return "same network", said
        if attempt.protocol == "icmp" and is_ipv6(source):
            if any(source == network.gateway_v6 for network in self.networks if network.cidr_v6):
                return "router", f"{source} is its router"
            if attempt.type_from(source) in _NEIGHBOUR_DISCOVERY:
                return "neighbours", "neighbour discovery is never filtered"
        return None

    def _matches(self, rule: SecurityGroupRule, source: str, attempt: Attempt) -> bool:
        if rule.cidr is not None:
            if not is_within(source, rule.cidr):
                return False
        elif source not in self.members.get(rule.group_id or 0, frozenset()):
            return False
        return admits(rule, attempt, source)


def _subnets(network: Network) -> tuple[str, ...]:
    """The ranges from which neighbours send."""
    return (network.cidr, *((network.cidr_v6, LINK_LOCAL) if network.cidr_v6 else ()))


def _addresses_of_members(records: Records, group_id: int) -> Iterator[str]:
    inside = {
        each.instance_uuid for each in records.memberships if each.security_group_id == group_id
    }
    for instance in records.instances:
        if instance.uuid in inside:
            yield from addresses_of(records, instance)
