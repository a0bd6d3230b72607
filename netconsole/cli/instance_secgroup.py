"""`netconsole instance secgroup`: which security groups an instance is in."""

from typing import TYPE_CHECKING

import click

from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netconsole.backend.model.records import SecurityGroup

COLUMNS = ("id", "name", "description")


@click.group(cls=CommandGroup)
def secgroup() -> None:
    """Say which security groups an instance is in: what one of them lets in reaches it."""


@secgroup.command("list")
@names.instance_argument
@as_json
@pass_context
def list_groups(context: Context, name: str, as_json: bool) -> None:
    """List the security groups that an instance is in."""
    found = context.door().security_groups_of(name)
    if as_json:
        output.print_json(found)
    else:
        _print(found)


@secgroup.command()
@names.instance_argument
@names.group_argument
@changing
def add(doer: Doer, name: str, group: str) -> None:
    """Put an instance into a security group of its project."""
    from netconsole.backend.changes.memberships import AddSecurityGroup

    doer.carry_out(AddSecurityGroup(name, group), _print)


@secgroup.command()
@names.instance_argument
@names.group_argument
@changing
def remove(doer: Doer, name: str, group: str) -> None:
    """Take an instance out of a security group; in none it lets nothing in."""
    from netconsole.backend.changes.memberships import RemoveSecurityGroup

    doer.carry_out(RemoveSecurityGroup(name, group), _print)


def _print(found: "Iterable[SecurityGroup]") -> None:
    output.print_table(COLUMNS, [(each.id, each.name, each.description) for each in found])
