"""Quotas: how many addresses, security groups and keys one project may have."""

from dataclasses import dataclass

from sqlalchemy import Connection

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import manager
from netconsole.backend.model.errors import Exhausted
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import SecurityGroup
from netconsole.backend.store import fixed_ips, floating_ips, key_pairs, security_groups

UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Quota:
    """How many of one resource a project may have, and how many it has."""

    resource: str
    """As in the name of the option that limits it, less `quota_`."""
    limit: int
    """-1: no limit."""
    in_use: int
    """Of `security_group_rules`, which is a limit of each group: the most that one has."""


def quotas(connection: Connection, project: str, options: Options) -> tuple[Quota, ...]:
    """Return every quota of a project, and what it uses of each."""
    counted = manager(options).counts_fixed_addresses
    groups = security_groups.of_project(connection, project)
    keys = key_pairs.count_of_project(connection, project)
    rules = (len(security_groups.rules_of(connection, group)) for group in groups)
    return (
        Quota(
            "fixed_ips",
            options.quota_fixed_ips if counted else UNLIMITED,
            fixed_ips.count_of_project(connection, project),
        ),
        Quota(
            "floating_ips",
            options.quota_floating_ips,
            floating_ips.count_of_project(connection, project),
        ),
        Quota("security_groups", options.quota_security_groups, len(groups)),
        Quota("security_group_rules", options.quota_security_group_rules, max(rules, default=0)),
        Quota("key_pairs", options.quota_key_pairs, keys),
    )


def check_fixed_ips(connection: Connection, project: str, more: int, options: Options) -> None:
    """Refuse more fixed addresses than `quota_fixed_ips`; raises Exhausted.

    The VLAN manager has no such quota: a project's networks are its own.
    """
    limit = options.quota_fixed_ips
    if limit != UNLIMITED and manager(options).counts_fixed_addresses:
        used = fixed_ips.count_of_project(connection, project)
        _check(f"project {project!r}", used, more, limit, "fixed addresses", "quota_fixed_ips")


def check_floating_ips(connection: Connection, project: str, options: Options) -> None:
    """Refuse one floating address more than `quota_floating_ips`; raises Exhausted.

    Those that were assigned with an instance do not count.
    """
    limit = options.quota_floating_ips
    if limit != UNLIMITED:
        used = floating_ips.count_of_project(connection, project)
        _check(f"project {project!r}", used, 1, limit, "floating addresses", "quota_floating_ips")


def check_security_groups(connection: Connection, project: str, options: Options) -> None:
    """Refuse one security group more than `quota_security_groups`; raises Exhausted.

    The `default` of the project counts.
    """
    limit = options.quota_security_groups
    if limit != UNLIMITED:
        used = len(security_groups.of_project(connection, project))
        whose = f"project {project!r}"
        _check(whose, used, 1, limit, "security groups", "quota_security_groups")


def check_security_group_rules(
    connection: Connection, group: SecurityGroup, options: Options
) -> None:
    """Refuse one rule of a group more than `quota_security_group_rules`; raises Exhausted."""
    limit = options.quota_security_group_rules
    if limit != UNLIMITED:
        used = len(security_groups.rules_of(connection, group))
        whose = f"security group {group.name!r} of project {group.project_id!r}"
        _check(whose, used, 1, limit, "rules", "quota_security_group_rules")


def check_key_pairs(connection: Connection, project: str, options: Options) -> None:
    """Refuse one key pair more than `quota_key_pairs`; raises Exhausted."""
    limit = options.quota_key_pairs
    if limit != UNLIMITED:
        used = key_pairs.count_of_project(connection, project)
        _check(f"project {project!r}", used, 1, limit, "key pairs", "quota_key_pairs")


def _check(whose: str, used: int, more: int, limit: int, what: str, option: str) -> None:
    if used + more > limit:
        raise Exhausted(
            f"{whose} has {used} of {limit} {what}, asked for {more} more: "
            f"{command('config', 'show')} shows where {option} is set"
        )
