"""Stores with networks and security groups, in which guests come, go and are regrouped."""

from collections.abc import Iterable

import sqlalchemy as sa

from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.changes.security_groups import CreateSecurityGroup
from netconsole.backend.configuration.options import Options


def create_networks_and_groups(
    connection: sa.Connection, options: Options, groups: Iterable[str]
) -> None:
    """Create a network of IPv4, one of both families, `both`, and further groups of a project."""
    CreateNetwork("v4", "10.0.0.0/24", bridge="br100").write(connection, options)
    both = CreateNetwork("both", "10.1.0.0/24", bridge="br101", fixed_range_v6="fd00:5::/64")
    both.write(connection, options)
    for name in groups:
        CreateSecurityGroup("demo", name).write(connection, options)
