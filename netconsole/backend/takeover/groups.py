"""What the security groups of a nova database become here. Pure.

Ids are nova's until the rows are written. A rule that let nothing in is left out: one for a group
that is gone, or from nowhere.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network

from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.group_rules import ANY, DefaultRule, GroupProtocol, SecurityGroupRule
from netconsole.backend.model.phrases import count
from netconsole.backend.model.records import Membership, SecurityGroup
from netconsole.backend.takeover import values
from netconsole.backend.takeover.rows import (
    NovaDefaultRule,
    NovaRows,
    NovaSecurityGroup,
    NovaSecurityGroupRule,
)

_PORTS = range(1, 65536)
_ICMP = range(ANY, 256)
_PROTOCOLS: Mapping[str, GroupProtocol] = {"tcp": "tcp", "udp": "udp", "icmp": "icmp"}


@dataclass(frozen=True, slots=True)
class Groups:
    """The records that the tables of security groups become, and what an admin should know."""

    groups: tuple[SecurityGroup, ...] = ()
    rules: tuple[SecurityGroupRule, ...] = ()
    memberships: tuple[Membership, ...] = ()
    default_rules: tuple[DefaultRule, ...] = ()
    notes: tuple[str, ...] = ()


def groups_of(rows: NovaRows, instances: Collection[str]) -> Groups:
    """Turn the rows into records; `instances` are the uuids of those that are taken over.

    Raises InvalidValue for a value that breaks a rule of ours.
    """
    notes: list[str] = []
    groups = _groups(rows, notes)
    rules = _rules(rows, groups, notes)
    memberships = sorted(
        {
            Membership(row.security_group_id, row.instance_uuid)
            for row in rows.memberships
            if row.security_group_id in groups and row.instance_uuid in instances
        },
        key=lambda each: (each.security_group_id, each.instance_uuid),
    )
    alone = len(set(instances) - {each.instance_uuid for each in memberships})
    if alone:
        notes.append(f"{count(alone, 'instance')} in no security group: nothing is let in to such")
    defaults = {replace(rule, id=0): rule for rule in map(_default_rule, rows.default_rules)}
    return Groups(
        tuple(groups.values()),
        rules,
        tuple(memberships),
        tuple(defaults.values()),
        tuple(notes),
    )


def _groups(rows: NovaRows, notes: list[str]) -> dict[int, SecurityGroup]:
    names: dict[str, values.Names] = {}
    found = {}
    for row in rows.security_groups:
        what = f"security_groups.project_id of id {row.id}"
        project = values.called(what, row.project_id) or "admin"
        given = names.setdefault(project, values.Names(values.shown))
        name = given.give(row.name, f"group-{row.id}", str(row.id))
        if name != row.name:
            former = values.quoted(row.name)
            notes.append(f"security group {former} of project {project!r} is called {name!r} here")
        found[row.id] = SecurityGroup(row.id, name, _description(row, name), project)
    return found


def _description(row: NovaSecurityGroup, name: str) -> str:
    return values.shown(row.description or "") or name


def _rules(
    rows: NovaRows, groups: Mapping[int, SecurityGroup], notes: list[str]
) -> tuple[SecurityGroupRule, ...]:
    found: dict[SecurityGroupRule, SecurityGroupRule] = {}
    left_out: Counter[str] = Counter()
    for row in rows.security_group_rules:
        from_range = bool(row.cidr)
        if row.parent_group_id is None or row.parent_group_id not in groups:
            left_out["whose group is gone"] += 1
        elif not from_range and row.group_id is None:
            left_out["that let in from nowhere"] += 1
        elif not from_range and row.group_id not in groups:
            left_out["for a source group that is gone"] += 1
        else:
            rule = _rule(row, row.parent_group_id)
            found.setdefault(replace(rule, id=0), rule)
    for which, number in left_out.items():
        notes.append(f"{count(number, 'security group rule')} {which} left out")
    return tuple(found.values())


def _rule(row: NovaSecurityGroupRule, parent: int) -> SecurityGroupRule:
    table = "security_group_rules"
    protocol = _protocol(table, row) if row.protocol else None
    first, last = (None, None) if protocol is None else _numbers(table, row, protocol)
    if row.cidr:
        cidr = _cidr(f"{table}.cidr of id {row.id}", row.cidr)
        return SecurityGroupRule(row.id, parent, protocol, first, last, cidr)
    return SecurityGroupRule(row.id, parent, protocol, first, last, group_id=row.group_id)


def _default_rule(row: NovaDefaultRule) -> DefaultRule:
    table = "security_group_default_rules"
    protocol = _protocol(table, row)
    first, last = _numbers(table, row, protocol)
    cidr = _cidr(f"{table}.cidr of id {row.id}", row.cidr or "")
    return DefaultRule(row.id, protocol, first, last, cidr)


def _protocol(table: str, row: NovaSecurityGroupRule | NovaDefaultRule) -> GroupProtocol:
    found = _PROTOCOLS.get((row.protocol or "").lower())
    if found is None:
        what = f"{table}.protocol of id {row.id}"
        raise InvalidValue(what, row.protocol, "must be tcp, udp or icmp")
    return found


def _numbers(
    table: str, row: NovaSecurityGroupRule | NovaDefaultRule, protocol: GroupProtocol
) -> tuple[int, int]:
    """From which port to which, or type and code; where none are told, all there are."""
    allowed = _ICMP if protocol == "icmp" else _PORTS
    usual = (ANY, ANY) if protocol == "icmp" else (_PORTS[0], _PORTS[-1])
    first = values.whole(f"{table}.from_port of id {row.id}", row.from_port, allowed)
    last = values.whole(f"{table}.to_port of id {row.id}", row.to_port, allowed)
    if first is None or last is None:
        return usual
    if protocol != "icmp" and first > last:
        rule = f"must not be less than from_port, {first}"
        raise InvalidValue(f"{table}.to_port of id {row.id}", last, rule)
    return first, last


def _cidr(what: str, value: str) -> str:
    """A range as the packet filter took it: bits behind the prefix do not count."""
    try:
        if "%" in value or "/" not in value:
            raise ValueError
        return str(ip_network(value, strict=False))
    except ValueError:
        raise InvalidValue(what, value, "must be a range such as 10.0.0.0/24") from None
