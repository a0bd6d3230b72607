"""Which chains a change of groups is about, as the store has the group and its members."""

from sqlalchemy import Connection

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.regrouping import Part, of_member, of_rules, of_sources, together
from netconsole.backend.model.records import Regrouping
from netconsole.backend.store import (
    allowed_addresses,
    instances,
    records_of_group,
    security_groups,
)

MOST = 24
"""Chains that are looked at one by one; to list all takes as long as some hundred."""


def touched(connection: Connection, regrouping: Regrouping, options: Options) -> Part | None:
    """Return the chains that are others by a change that is written.

    None where it is not about some alone: with the first guest of a group here, and the first rule
    for its members, chains come, and go with the last.
    """
    if regrouping.group is None:
        return Part()
    part = (
        _of_rule(connection, regrouping, regrouping.group, options)
        if regrouping.member is None
        else _of_member(connection, regrouping, regrouping.group, regrouping.member, options)
    )
    return None if part is None or len(part.touched) > MOST else part


def _of_rule(
    connection: Connection, regrouping: Regrouping, group: int, options: Options
) -> Part | None:
    host, source = options.host, regrouping.source
    if not security_groups.has_member(connection, group, host):
        return Part()
    if source is not None and not security_groups.lets_in(
        connection, source, host, but=regrouping.rule
    ):
        return None
    found = records_of_group(connection, host, group, (), members=False)
    return of_rules(found, options, group)


def _of_member(
    connection: Connection, regrouping: Regrouping, group: int, member: str, options: Options
) -> Part | None:
    host = options.host
    (instance,) = instances.of_uuids(connection, (member,))
    is_source = security_groups.lets_in(connection, group, host)
    if instance.host == host and not security_groups.has_member(connection, group, host, member):
        return None
    if _may_share(connection, member):
        return None
    found = records_of_group(connection, host, group, (member,), members=is_source)
    sources = of_sources(found, options, regrouping) if is_source else Part()
    return together(of_member(found, options, member), sources)


def _may_share(connection: Connection, member: str) -> bool:
    """Whether an instance may have addresses that others may have: their chains are others' too."""
    own = [port.id for port in instances.ports_of(connection, member)]
    return bool(allowed_addresses.of_ports(connection, own))
