"""Which security groups there are for a project, and which of them an instance joins."""

from collections.abc import Iterable

from sqlalchemy import Connection

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.group_names import unknown_project
from netconsole.backend.model.group_rules import DEFAULT_GROUP, DefaultRule, SecurityGroupRule
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Instance, Membership, SecurityGroup
from netconsole.backend.store import security_groups


def default_group(connection: Connection, project: str) -> SecurityGroup:
    """Return the `default` of a project, which is made where it is not there yet."""
    present = security_groups.named(connection, project, DEFAULT_GROUP)
    if present is not None:
        return present
    rules = security_groups.default_rules(connection)
    return make(connection, SecurityGroup(0, DEFAULT_GROUP, DEFAULT_GROUP, project), rules)


def make(
    connection: Connection, group: SecurityGroup, rules: Iterable[DefaultRule]
) -> SecurityGroup:
    """Write a new group with its first rules. Raises Conflict where its name is taken."""
    made = security_groups.insert(connection, group)
    for each in rules:
        rule = SecurityGroupRule(0, made.id, each.protocol, each.from_port, each.to_port, each.cidr)
        security_groups.insert_rule(connection, rule)
    return made


def find(connection: Connection, project: str, name: str) -> SecurityGroup:
    """Return a project's group by name or id, its `default` in any case. Raises NotFound."""
    default_group(connection, project)
    return security_groups.find(connection, project, name)


def find_known(connection: Connection, project: str, name: str) -> SecurityGroup:
    """Return a group of a project that has something already. Raises NotFound.

    Where a project is only named beside what is to be made, one that is mistyped makes nothing.
    """
    if project not in security_groups.projects(connection):
        raise unknown_project(project)
    return find(connection, project, name)


def said_of_new(connection: Connection, project: str) -> tuple[str, ...]:
    """Return what to say of a project for which something is made that has nothing so far."""
    if project in security_groups.projects(connection):
        return ()
    return (f"project {project!r} had no instance and no security group before",)


def join(connection: Connection, instance: Instance, names: Iterable[str]) -> None:
    """Put a new instance into groups of its project, each once; into `default` where none is named.

    Raises NotFound.
    """
    named = tuple(names) or (DEFAULT_GROUP,)
    found = (find(connection, instance.project_id, name) for name in named)
    for group in {each.id: each for each in found}.values():
        security_groups.add_member(connection, Membership(group.id, instance.uuid))


def refuse_in_use(connection: Connection, group: SecurityGroup) -> None:
    """Raise Conflict for a group with members, or one that rules of others name, saying whose."""
    called = f"security group {group.name!r} of project {group.project_id!r}"
    members = security_groups.members_of(connection, group)
    if members:
        first = members[0].name
        more = f" and {len(members) - 1} more" if len(members) > 1 else ""
        out = command("instance", "secgroup", "remove", first, group.name)
        raise Conflict(f"{called} has instance {first!r}{more} in it: {out} comes first")
    rules = security_groups.rules_from(connection, group)
    if rules:
        by_id = {each.id: each for each in security_groups.every(connection)}
        (other, *others) = dict.fromkeys(by_id[rule.parent_group_id] for rule in rules)
        more = f" and {len(others)} more" if others else ""
        shown = command("secgroup", "rules", other.name, "--project", other.project_id)
        raise Conflict(
            f"{called} is let in by security group {other.name!r} of project "
            f"{other.project_id!r}{more}: {shown} shows by which rules, which go first"
        )
