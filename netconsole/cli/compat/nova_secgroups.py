"""`netconsole nova secgroup-*`, `add-secgroup`, `remove-secgroup` and `list-secgroup`."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

import click

from netconsole.cli.compat.arguments import (
    NUMBERS,
    RANGE,
    all_tenants_option,
    owner,
    server_argument,
)
from netconsole.cli.compat.tables import BLANK, print_bordered
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.secgroup import group_record, rule_record

if TYPE_CHECKING:
    from netconsole.backend.changes.group_rules import TypedTraffic
    from netconsole.backend.model.group_rules import DefaultRule, SecurityGroupRule
    from netconsole.backend.model.records import GroupRuleView, SecurityGroup

COLUMNS = ("Id", "Name", "Description")
RULE_COLUMNS = ("IP Protocol", "From Port", "To Port", "IP Range", "Source Group")

Command = TypeVar("Command", bound=Callable[..., object])

group_argument = click.argument("secgroup", shell_complete=names.security_groups)


def _arguments(*arguments: str) -> Callable[[Command], Command]:
    """Give a command these arguments, a range among them as the original took it."""

    def add(command: Command) -> Command:
        for name in reversed(arguments):
            kind = RANGE if name == "cidr" else click.STRING
            completer = names.security_groups if name == "source_group" else None
            command = click.argument(name, type=kind, shell_complete=completer)(command)
        return command

    return add


def _traffic(protocol: str, first: str, last: str, cidr: str | None = None) -> "TypedTraffic":
    from netconsole.backend.changes.group_rules import TypedTraffic

    numbers = f"{first}:{last}"
    if protocol.lower() == "icmp":
        return TypedTraffic(protocol, icmp=numbers, cidr=cidr)
    return TypedTraffic(protocol, port=numbers, cidr=cidr)


@click.command()
@all_tenants_option
@as_json
@pass_context
def secgroup_list(context: Context, all_tenants: bool, as_json: bool) -> None:
    """List the security groups of the project."""
    found = context.door().security_groups(None if all_tenants else owner())
    if as_json:
        output.print_json([group_record(view) for view in found])
        return
    columns = (*COLUMNS, "Tenant_ID") if all_tenants else COLUMNS
    rows = [(*_row(view.group), view.group.project_id) for view in found]
    print_bordered(columns, [row[: len(columns)] for row in rows])


@click.command()
@click.argument("name")
@click.argument("description")
@changing
def secgroup_create(doer: Doer, name: str, description: str) -> None:
    """Create a security group for the project."""
    from netconsole.backend.changes.security_groups import CreateSecurityGroup

    doer.carry_out(CreateSecurityGroup(owner(), name, description), _print_group)


@click.command()
@group_argument
@click.argument("name")
@click.argument("description")
@changing
def secgroup_update(doer: Doer, secgroup: str, name: str, description: str) -> None:
    """Rename a security group of the project, and describe it anew."""
    from netconsole.backend.changes.security_groups import UpdateSecurityGroup

    doer.carry_out(UpdateSecurityGroup(owner(), secgroup, name, description), _print_group)


@click.command()
@group_argument
@changing
def secgroup_delete(doer: Doer, secgroup: str) -> None:
    """Delete a security group of the project."""
    from netconsole.backend.changes.security_groups import DeleteSecurityGroup

    doer.carry_out(DeleteSecurityGroup(owner(), secgroup), _print_group)


@click.command()
@group_argument
@as_json
@pass_context
def secgroup_list_rules(context: Context, secgroup: str, as_json: bool) -> None:
    """List what a security group of the project lets in."""
    found = context.door().security_group(owner(), secgroup).rules
    if as_json:
        output.print_json([rule_record(view) for view in found])
    else:
        _print_rules(found)


@click.command(context_settings=NUMBERS)
@group_argument
@_arguments("ip_proto", "from_port", "to_port", "cidr")
@changing
def secgroup_add_rule(
    doer: Doer, secgroup: str, ip_proto: str, from_port: str, to_port: str, cidr: str
) -> None:
    """Let something in to a security group of the project from a range."""
    from netconsole.backend.changes.security_groups import AllowTraffic

    traffic = _traffic(ip_proto, from_port, to_port, cidr)
    doer.carry_out(AllowTraffic(owner(), secgroup, traffic), lambda made: _print_rules([made]))


@click.command(context_settings=NUMBERS)
@group_argument
@_arguments("ip_proto", "from_port", "to_port", "cidr")
@changing
def secgroup_delete_rule(
    doer: Doer, secgroup: str, ip_proto: str, from_port: str, to_port: str, cidr: str
) -> None:
    """Take a rule from a security group of the project."""
    from netconsole.backend.changes.security_groups import RevokeTraffic

    traffic = _traffic(ip_proto, from_port, to_port, cidr)
    doer.carry_out(RevokeTraffic(owner(), secgroup, traffic), lambda gone: _print_rules([gone]))


@click.command(context_settings=NUMBERS)
@group_argument
@_arguments("source_group", "ip_proto", "from_port", "to_port")
@changing
def secgroup_add_group_rule(
    doer: Doer, secgroup: str, source_group: str, ip_proto: str, from_port: str, to_port: str
) -> None:
    """Let something in to a security group of the project from the members of another."""
    from netconsole.backend.changes.security_groups import AllowTraffic

    change = AllowTraffic(owner(), secgroup, _traffic(ip_proto, from_port, to_port), source_group)
    doer.carry_out(change, lambda made: _print_rules([made]))


@click.command(context_settings=NUMBERS)
@group_argument
@_arguments("source_group", "ip_proto", "from_port", "to_port")
@changing
def secgroup_delete_group_rule(
    doer: Doer, secgroup: str, source_group: str, ip_proto: str, from_port: str, to_port: str
) -> None:
    """Take a rule for another group's members from a security group of the project."""
    from netconsole.backend.changes.security_groups import RevokeTraffic

    traffic = _traffic(ip_proto, from_port, to_port)
    doer.carry_out(RevokeTraffic(owner(), secgroup, traffic, source_group))


@click.command()
@as_json
@pass_context
def secgroup_list_default_rules(context: Context, as_json: bool) -> None:
    """List the rules that new default groups get."""
    found = context.door().default_rules()
    if as_json:
        output.print_json(found)
    else:
        _print_default_rules(found)


@click.command(context_settings=NUMBERS)
@_arguments("ip_proto", "from_port", "to_port", "cidr")
@changing
def secgroup_add_default_rule(
    doer: Doer, ip_proto: str, from_port: str, to_port: str, cidr: str
) -> None:
    """Let something in to every default group that is made from now on."""
    from netconsole.backend.changes.default_rules import AddDefaultRule

    change = AddDefaultRule(_traffic(ip_proto, from_port, to_port, cidr))
    doer.carry_out(change, lambda made: _print_default_rules([made]))


@click.command(context_settings=NUMBERS)
@_arguments("ip_proto", "from_port", "to_port", "cidr")
@changing
def secgroup_delete_default_rule(
    doer: Doer, ip_proto: str, from_port: str, to_port: str, cidr: str
) -> None:
    """Let something in no more to default groups that are made from now on."""
    from netconsole.backend.changes.default_rules import DeleteDefaultRule

    change = DeleteDefaultRule(_traffic(ip_proto, from_port, to_port, cidr))
    doer.carry_out(change, lambda gone: _print_default_rules([gone]))


@click.command()
@server_argument
@group_argument
@changing
def add_secgroup(doer: Doer, server: str, secgroup: str) -> None:
    """Put a server into a security group of its project."""
    from netconsole.backend.changes.memberships import AddSecurityGroup

    doer.carry_out(AddSecurityGroup(server, secgroup))


@click.command()
@server_argument
@group_argument
@changing
def remove_secgroup(doer: Doer, server: str, secgroup: str) -> None:
    """Take a server out of a security group."""
    from netconsole.backend.changes.memberships import RemoveSecurityGroup

    doer.carry_out(RemoveSecurityGroup(server, secgroup))


@click.command()
@server_argument
@as_json
@pass_context
def list_secgroup(context: Context, server: str, as_json: bool) -> None:
    """List the security groups that a server is in."""
    found = context.door().security_groups_of(server)
    if as_json:
        output.print_json(found)
    else:
        print_bordered(COLUMNS, [_row(group) for group in found])


def _row(group: "SecurityGroup") -> tuple[object, ...]:
    return group.id or None, group.name, group.description


def _print_group(group: "SecurityGroup") -> None:
    print_bordered(COLUMNS, [_row(group)])


def _print_rules(found: "Iterable[GroupRuleView]") -> None:
    rows = [(*_numbers(view.rule), view.source.name if view.source else BLANK) for view in found]
    print_bordered(RULE_COLUMNS, rows)


def _print_default_rules(found: "Iterable[DefaultRule]") -> None:
    print_bordered(RULE_COLUMNS[:-1], [_numbers(rule) for rule in found])


def _numbers(rule: "SecurityGroupRule | DefaultRule") -> tuple[object, ...]:
    values = (rule.protocol, rule.from_port, rule.to_port, rule.cidr)
    return tuple(BLANK if value is None else value for value in values)


COMMANDS: Mapping[str, click.Command] = {
    "secgroup-list": secgroup_list,
    "secgroup-create": secgroup_create,
    "secgroup-update": secgroup_update,
    "secgroup-delete": secgroup_delete,
    "secgroup-list-rules": secgroup_list_rules,
    "secgroup-add-rule": secgroup_add_rule,
    "secgroup-delete-rule": secgroup_delete_rule,
    "secgroup-add-group-rule": secgroup_add_group_rule,
    "secgroup-delete-group-rule": secgroup_delete_group_rule,
    "secgroup-list-default-rules": secgroup_list_default_rules,
    "secgroup-add-default-rule": secgroup_add_default_rule,
    "secgroup-delete-default-rule": secgroup_delete_default_rule,
    "add-secgroup": add_secgroup,
    "remove-secgroup": remove_secgroup,
    "list-secgroup": list_secgroup,
}
