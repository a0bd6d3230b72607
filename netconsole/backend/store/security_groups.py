"""Queries on security groups, their rules and their members."""

from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.group_names import find_group
from netconsole.backend.model.group_rules import DefaultRule, SecurityGroupRule
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Instance, Membership, SecurityGroup
from netconsole.backend.store.rows import columns, fetch, values
from netconsole.backend.store.tables import (
    instances,
    security_group_default_rules,
    security_group_instance_association,
    security_group_rules,
    security_groups,
)

_COLUMNS = columns(security_groups, SecurityGroup)
_RULE_COLUMNS = columns(security_group_rules, SecurityGroupRule)
_DEFAULT_COLUMNS = columns(security_group_default_rules, DefaultRule)
_MEMBER_COLUMNS = columns(security_group_instance_association, Membership)
_OF_PROJECT = (
    sa.select(*_COLUMNS)
    .where(security_groups.c.project_id == sa.bindparam("project"))
    .order_by(security_groups.c.id)
)
_NAMED = _OF_PROJECT.where(security_groups.c.name == sa.bindparam("name"))
_RULES_OF = (
    sa.select(*_RULE_COLUMNS)
    .where(security_group_rules.c.parent_group_id == sa.bindparam("group"))
    .order_by(security_group_rules.c.id)
)
_GROUPS_OF = (
    sa.select(*_COLUMNS)
    .join(security_group_instance_association)
    .where(security_group_instance_association.c.instance_uuid == sa.bindparam("instance"))
    .order_by(security_groups.c.id)
)


def insert(connection: Connection, group: SecurityGroup) -> SecurityGroup:
    """Write a new group and return it with its id; the id it came with does not count.

    Raises Conflict where its project has one of that name.
    """
    refuse_taken(connection, replace(group, id=0))
    statement = sa.insert(security_groups).values(values(group)).returning(security_groups.c.id)
    return replace(group, id=connection.execute(statement).scalar_one())


def update(connection: Connection, group: SecurityGroup) -> None:
    """Write a group's name and description. Raises Conflict where its project has one so named."""
    refuse_taken(connection, group)
    by_id = security_groups.c.id == group.id
    new = {"name": group.name, "description": group.description}
    connection.execute(sa.update(security_groups).where(by_id).values(new))


def refuse_taken(connection: Connection, group: SecurityGroup) -> None:
    """Raise Conflict where another group of its project is called as this one."""
    like = named(connection, group.project_id, group.name)
    if like is not None and like.id != group.id:
        listed = command("secgroup", "list", "--project", group.project_id)
        raise Conflict(
            f"security group {group.name!r} exists already in project {group.project_id!r}: "
            f"{listed} shows which do"
        )


def named(connection: Connection, project: str, name: str) -> SecurityGroup | None:
    """Return a project's group of that name, if there is one."""
    found = fetch(connection, SecurityGroup, _NAMED, {"project": project, "name": name})
    return found[0] if found else None


def find(connection: Connection, project: str, name: str) -> SecurityGroup:
    """Return the group of a project by name or id. Raises NotFound, and Conflict for two."""
    return find_group(of_project(connection, project), project, name)


def every(connection: Connection) -> tuple[SecurityGroup, ...]:
    """Return all groups, the first made first."""
    found = sa.select(*_COLUMNS).order_by(security_groups.c.id)
    return fetch(connection, SecurityGroup, found)


def of_project(connection: Connection, project: str) -> tuple[SecurityGroup, ...]:
    """Return the groups of a project, the first made first."""
    return fetch(connection, SecurityGroup, _OF_PROJECT, {"project": project})


def delete(connection: Connection, groups: Collection[SecurityGroup]) -> None:
    """Delete groups that have no members and that no other group names, with their rules."""
    ids = [group.id for group in groups]
    by_parent = security_group_rules.c.parent_group_id.in_(ids)
    connection.execute(sa.delete(security_group_rules).where(by_parent))
    connection.execute(sa.delete(security_groups).where(security_groups.c.id.in_(ids)))


def insert_rule(connection: Connection, rule: SecurityGroupRule) -> SecurityGroupRule:
    """Write a new rule and return it with its id; the id it came with does not count."""
    statement = sa.insert(security_group_rules).values(values(rule))
    given = connection.execute(statement.returning(security_group_rules.c.id)).scalar_one()
    return replace(rule, id=given)


def every_rule(connection: Connection) -> tuple[SecurityGroupRule, ...]:
    """Return all rules of all groups, the first made first."""
    found = sa.select(*_RULE_COLUMNS).order_by(security_group_rules.c.id)
    return fetch(connection, SecurityGroupRule, found)


def rules_of(connection: Connection, group: SecurityGroup) -> tuple[SecurityGroupRule, ...]:
    """Return the rules of a group, the first made first."""
    return rules_of_id(connection, group.id)


def rules_of_id(connection: Connection, group_id: int) -> tuple[SecurityGroupRule, ...]:
    """Return the rules of the group with that id, the first made first."""
    return fetch(connection, SecurityGroupRule, _RULES_OF, {"group": group_id})


def rules_from(connection: Connection, group: SecurityGroup) -> tuple[SecurityGroupRule, ...]:
    """Return the rules by which others let in the members of a group."""
    rules = security_group_rules
    naming = sa.and_(rules.c.group_id == group.id, rules.c.parent_group_id != group.id)
    found = sa.select(*_RULE_COLUMNS).where(naming).order_by(rules.c.id)
    return fetch(connection, SecurityGroupRule, found)


def delete_rule(connection: Connection, rule: SecurityGroupRule) -> None:
    """Delete a rule."""
    by_id = security_group_rules.c.id == rule.id
    connection.execute(sa.delete(security_group_rules).where(by_id))


def default_rules(connection: Connection) -> tuple[DefaultRule, ...]:
    """Return the rules that new `default` groups get, the first made first."""
    found = sa.select(*_DEFAULT_COLUMNS).order_by(security_group_default_rules.c.id)
    return fetch(connection, DefaultRule, found)


def insert_default_rule(connection: Connection, rule: DefaultRule) -> DefaultRule:
    """Write a rule for new `default` groups and return it with its id."""
    statement = sa.insert(security_group_default_rules).values(values(rule))
    given = connection.execute(statement.returning(security_group_default_rules.c.id)).scalar_one()
    return replace(rule, id=given)


def delete_default_rule(connection: Connection, rule: DefaultRule) -> None:
    """Delete a rule for new `default` groups; groups that there are keep theirs."""
    by_id = security_group_default_rules.c.id == rule.id
    connection.execute(sa.delete(security_group_default_rules).where(by_id))


def every_membership(connection: Connection) -> tuple[Membership, ...]:
    """Return which instance is in which group, by group."""
    found = sa.select(*_MEMBER_COLUMNS).order_by(*_MEMBER_COLUMNS)
    return fetch(connection, Membership, found)


def groups_of(connection: Connection, instance: Instance) -> tuple[SecurityGroup, ...]:
    """Return the groups that an instance is in, the first made first."""
    return fetch(connection, SecurityGroup, _GROUPS_OF, {"instance": instance.uuid})


def members_of(connection: Connection, group: SecurityGroup) -> tuple[Instance, ...]:
    """Return the instances that are in a group, by name."""
    joined = sa.select(*columns(instances, Instance)).join(security_group_instance_association)
    member = security_group_instance_association.c.security_group_id == group.id
    return fetch(connection, Instance, joined.where(member).order_by(instances.c.name))


def add_member(connection: Connection, membership: Membership) -> None:
    """Put an instance into a group that it is not in."""
    statement = sa.insert(security_group_instance_association).values(values(membership))
    connection.execute(statement)


def remove_member(connection: Connection, membership: Membership) -> None:
    """Take an instance out of a group."""
    table = security_group_instance_association
    its = sa.and_(*(table.c[name] == value for name, value in values(membership).items()))
    connection.execute(sa.delete(table).where(its))


def projects(connection: Connection) -> tuple[str, ...]:
    """Return the projects that have instances or groups, by name."""
    known = sa.union(*(sa.select(table.c.project_id) for table in (instances, security_groups)))
    return tuple(sorted(connection.execute(known).scalars()))


def has_member(connection: Connection, group_id: int, host: str, but: str | None = None) -> bool:
    """Whether an instance of a host is in a group, other than one that is named by its uuid."""
    members = security_group_instance_association.c
    here = sa.select(members.instance_uuid).join(instances).where(instances.c.host == host)
    found = here.where(members.security_group_id == group_id, members.instance_uuid != (but or ""))
    return connection.execute(found.limit(1)).first() is not None


def lets_in(connection: Connection, group_id: int, host: str, but: int | None = None) -> bool:
    """Whether a rule for a group's members reaches instances of a host, other than rule `but`."""
    rules, members = security_group_rules.c, security_group_instance_association.c
    of_parent = members.security_group_id == rules.parent_group_id
    here = sa.exists().where(
        of_parent, instances.c.uuid == members.instance_uuid, instances.c.host == host
    )
    found = sa.select(rules.id).where(rules.group_id == group_id, rules.id != (but or 0), here)
    return connection.execute(found.limit(1)).first() is not None


def in_group(group_id: int | None, others: Collection[str]) -> sa.CompoundSelect[tuple[str]]:
    """Return the query for the instances that are in a group, if one is named, and for others by
    uuid."""
    members = security_group_instance_association.c
    own = sa.select(members.instance_uuid).where(members.security_group_id == group_id)
    return sa.union(own, sa.select(instances.c.uuid).where(instances.c.uuid.in_(others)))


def guests_of(host: str) -> sa.CompoundSelect[tuple[str]]:
    """Return the query for a host's instances, and for the members of groups that reach these by
    rules.

    The latter may run anywhere.
    """
    members = security_group_instance_association.c
    sources = sa.select(security_group_rules.c.group_id).where(
        security_group_rules.c.parent_group_id.in_(_groups_of(host)),
        security_group_rules.c.group_id.is_not(None),
    )
    here = sa.select(instances.c.uuid).where(instances.c.host == host)
    senders = sa.select(members.instance_uuid).where(members.security_group_id.in_(sources))
    return sa.union(here, senders)


def _groups_of(host: str) -> sa.Select[tuple[int]]:
    members = security_group_instance_association.c
    here = sa.select(instances.c.uuid).where(instances.c.host == host)
    return sa.select(members.security_group_id).where(members.instance_uuid.in_(here))


def rules_for_host(connection: Connection, host: str) -> tuple[SecurityGroupRule, ...]:
    """Return the rules of the groups in which a host's instances are, the first made first."""
    found = sa.select(*_RULE_COLUMNS).where(
        security_group_rules.c.parent_group_id.in_(_groups_of(host))
    )
    return fetch(connection, SecurityGroupRule, found.order_by(security_group_rules.c.id))


def memberships_of(
    connection: Connection, uuids: sa.CompoundSelect[tuple[str]]
) -> tuple[Membership, ...]:
    """Return in which groups the instances are that a query finds, by group."""
    own = security_group_instance_association.c.instance_uuid.in_(uuids)
    found = sa.select(*_MEMBER_COLUMNS).where(own).order_by(*_MEMBER_COLUMNS)
    return fetch(connection, Membership, found)
