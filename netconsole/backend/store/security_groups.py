"""Queries on security groups, their rules and their members."""

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.records import Membership, SecurityGroup, SecurityGroupRule
from netconsole.backend.store.rows import columns, fetch
from netconsole.backend.store.tables import (
    security_group_instance_association,
    security_group_rules,
    security_groups,
)

_COLUMNS = columns(security_groups, SecurityGroup)
_RULE_COLUMNS = columns(security_group_rules, SecurityGroupRule)
_MEMBER_COLUMNS = columns(security_group_instance_association, Membership)


def every(connection: Connection) -> tuple[SecurityGroup, ...]:
    """Return all groups, the first made first."""
    found = sa.select(*_COLUMNS).order_by(security_groups.c.id)
    return fetch(connection, SecurityGroup, found)


def every_rule(connection: Connection) -> tuple[SecurityGroupRule, ...]:
    """Return all rules of all groups, the first made first."""
    found = sa.select(*_RULE_COLUMNS).order_by(security_group_rules.c.id)
    return fetch(connection, SecurityGroupRule, found)


def every_membership(connection: Connection) -> tuple[Membership, ...]:
    """Return which instance is in which group, by group."""
    found = sa.select(*_MEMBER_COLUMNS).order_by(*_MEMBER_COLUMNS)
    return fetch(connection, Membership, found)
