"""What the rules of ours are there for that a packet met: whose guard, which rule of a group. Pure.

Each is known by what it was worded from: a group by the name of its chain and the words of its
rules, an instance by the port where the packet came in or the address where it goes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from netconsole.backend.intent.groups import opening
from netconsole.backend.model import subject
from netconsole.backend.model.guards import FAMILY, TABLE
from netconsole.backend.model.subject import SubjectKind
from netconsole.backend.survey.status import Allocation, NatRule, SecurityGroupStatus, Status
from netconsole.backend.wording.bridge_guards import DROPPING
from netconsole.backend.wording.groups import (
    BY_CONNECTION,
    FALLBACK,
    filters_guests,
    from_range,
    group_chain,
    has_members,
    opening_rule,
)
from netconsole.backend.wording.guards import COUNTERS, lie_of
from netconsole.diagnostics.parts.journey import Hop, RuleOwner, RulePart, TracedRule

_AS_ITSELF: Final = "what it sends as itself"
_NOT_ADMITTED: Final = "no rule of them lets it in"
_LIES: Final = {chain: COUNTERS[counter] for counter, chain in DROPPING.items()}
"""What each chain of ebtables drops."""
_NAT_PARTS: Final[Mapping[SubjectKind, RulePart]] = {
    "floating": "floating",
    "network": "network",
    "metadata": "metadata",
}


@dataclass(frozen=True, slots=True)
class RuleOwners:
    """What is known of whom the rules of a host serve."""

    at_port: Mapping[str, Allocation]
    at_address: Mapping[str, Allocation]
    of_chain: Mapping[str, SecurityGroupStatus]
    groups: tuple[SecurityGroupStatus, ...]
    of_nat: Mapping[tuple[str, str], NatRule]
    ranges: Mapping[str, str]
    """Of each network, by its label."""

    @classmethod
    def of(cls, status: Status) -> Self:
        """Put together what a status tells of them."""
        return cls(
            {each.device: each for each in status.allocations if each.device},
            {each.address: each for each in status.allocations if each.allocated},
            {group_chain(each.id): each for each in status.security_groups},
            status.security_groups,
            {(each.chain, each.rule): each for each in status.nat if each.origin == "ours"},
            {each.label: each.cidr for each in status.networks},
        )

    def named(self, hops: Iterable[Hop]) -> Iterator[Hop]:
        """Yield the hops, of whose rules it is said what they are there for."""
        for hop in hops:
            owner = self._owner(hop, hop.rule) if hop.rule is not None else None
            yield replace(hop, rule=replace(hop.rule, owner=owner)) if hop.rule and owner else hop

    def _owner(self, hop: Hop, rule: TracedRule) -> RuleOwner | None:
        match rule.family, rule.table:
            case (family, table) if (family, table) == (FAMILY, TABLE):
                return self._guard(hop, lie_of(rule.text))
            case "bridge", _ if rule.ours and rule.chain in _LIES:
                return self._guard(hop, _LIES[rule.chain])
            case "ip", "filter" if rule.ours and rule.chain == FALLBACK:
                return self._groups(hop, _NOT_ADMITTED)
            case "ip", "filter" if rule.ours and filters_guests(rule.chain):
                return self._filter(hop, rule)
            case "ip", "nat" if rule.ours:
                return _translation(self.of_nat.get((rule.chain, rule.text)))
        return None

    def _guard(self, hop: Hop, lie: str) -> RuleOwner | None:
        """Whose guard it is: of the port where it came in."""
        guest = self.at_port.get(hop.interface)
        if guest is None:
            return None
        says = lie or ("whatever else it sends" if hop.ends else _AS_ITSELF)
        return RuleOwner(subject.port(guest.device), "guard", guest.instance, "", says)

    def _filter(self, hop: Hop, rule: TracedRule) -> RuleOwner | None:
        if (group := self.of_chain.get(rule.chain)) is not None:
            return _of_group(group, rule.text)
        members = (each for each in self.groups if has_members(rule.chain, each.id))
        if (source := next(members, None)) is not None:
            return RuleOwner(subject.group(source.id), "members", source.name, source.project)
        says = BY_CONNECTION.get(rule.text, "")
        guest = self.at_address.get(hop.destination)
        if guest is not None and rule.text == from_range(self.ranges.get(guest.network, "")):
            says = "what its own network sends (allow_same_net_traffic)"
        return self._groups(hop, says) if says else None

    def _groups(self, hop: Hop, says: str) -> RuleOwner | None:
        guest = self.at_address.get(hop.destination)
        if guest is None:
            return None
        return RuleOwner(subject.port(guest.device), "groups", guest.instance, "", says)


def _of_group(group: SecurityGroupStatus, text: str) -> RuleOwner:
    """Which rule of a group has these words. Of two that have them, the first is told of."""
    about = subject.group(group.id)
    for each in group.rules:
        worded = opening_rule(opening(each.rule), "ipv4", about)
        if worded is not None and worded.spec == text:
            return RuleOwner(about, "group", group.name, group.project, each.says)
    return RuleOwner(about, "group", group.name, group.project)


def _translation(found: NatRule | None) -> RuleOwner | None:
    if found is None or found.subject is None or found.subject.kind not in _NAT_PARTS:
        return None
    part = _NAT_PARTS[found.subject.kind]
    return RuleOwner(found.subject, part, "" if part == "metadata" else found.subject.name)
