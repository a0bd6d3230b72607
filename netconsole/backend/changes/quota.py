"""Quotas: how many addresses one project may have."""

from dataclasses import dataclass

from sqlalchemy import Connection

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import manager
from netconsole.backend.model.errors import Exhausted
from netconsole.backend.model.phrases import command
from netconsole.backend.store import fixed_ips, floating_ips

UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Quota:
    """How many of one resource a project may have, and how many it has."""

    resource: str
    """As in the name of the option that limits it, less `quota_`."""
    limit: int
    """-1: no limit."""
    in_use: int


def quotas(connection: Connection, project: str, options: Options) -> tuple[Quota, ...]:
    """Every quota of a project, and what it uses of each."""
    counted = manager(options).counts_fixed_addresses
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
    )


def check_fixed_ips(connection: Connection, project: str, more: int, options: Options) -> None:
    """Refuse more fixed addresses than `quota_fixed_ips`; raises Exhausted.

    The VLAN manager has no such quota: a project's networks are its own.
    """
    limit = options.quota_fixed_ips
    if limit != UNLIMITED and manager(options).counts_fixed_addresses:
        used = fixed_ips.count_of_project(connection, project)
        _check(project, used, more, limit, "fixed addresses", "quota_fixed_ips")


def check_floating_ips(connection: Connection, project: str, options: Options) -> None:
    """Refuse one floating address more than `quota_floating_ips`; raises Exhausted.

    Those that were assigned with an instance do not count.
    """
    limit = options.quota_floating_ips
    if limit != UNLIMITED:
        used = floating_ips.count_of_project(connection, project)
        _check(project, used, 1, limit, "floating addresses", "quota_floating_ips")


def _check(project: str, used: int, more: int, limit: int, what: str, option: str) -> None:
    if used + more > limit:
        raise Exhausted(
            f"project {project!r} has {used} of {limit} {what}, asked for {more} more: "
            f"{command('config', 'show')} shows where {option} is set"
        )
