"""`netconsole euca-*`: security groups in the words of euca2ools 2.0, as the guide has them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

from netconsole.cli.compat.arguments import ADMIN, RANGE
from netconsole.cli.compat.tables import tabbed
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.projects import ENVIRONMENT
from netconsole.cli.secgroup import group_record

if TYPE_CHECKING:
    from netconsole.backend.changes.group_rules import TypedTraffic
    from netconsole.backend.model.records import GroupRuleView, SecurityGroup, SecurityGroupView

Command = TypeVar("Command", bound=Callable[..., object])

project_option = click.option(
    "--project",
    envvar=ENVIRONMENT,
    default=ADMIN,
    metavar="PROJECT",
    shell_complete=names.projects,
    help="Whose it is, which euca2ools knew by their access key. Default: admin.",
)


def _permission(command: Command) -> Command:
    """Give a command the options that say what is let in."""
    for option in (
        click.option(
            "-s", "--source-subnet", "--cidr", "cidr", type=RANGE, help="From this range."
        ),
        click.option(
            "-u",
            "--source-group-user",
            metavar="PROJECT",
            shell_complete=names.projects,
            help="Whose that group is.",
        ),
        click.option(
            "-o",
            "--source-group",
            metavar="GROUP",
            shell_complete=names.security_groups,
            help="From this group's members.",
        ),
        click.option("-t", "--icmp-type-code", metavar="TYPE:CODE", help="Of ICMP; -1 for all."),
        click.option("-p", "--port-range", metavar="PORT[-PORT]", help="Of TCP and UDP."),
        click.option("-P", "--protocol", default="tcp", help="tcp, udp or icmp. Default: tcp."),
    ):
        command = option(command)
    return command


def _traffic(
    protocol: str, port_range: str | None, icmp_type_code: str | None, cidr: str | None
) -> "TypedTraffic":
    from netconsole.backend.changes.group_rules import TypedTraffic

    ports = None if port_range is None else port_range.replace("-", ":", 1)
    return TypedTraffic(protocol, ports, icmp_type_code, cidr)


@click.command()
@_permission
@project_option
@names.group_argument
@changing
def euca_authorize(
    doer: Doer,
    protocol: str,
    port_range: str | None,
    icmp_type_code: str | None,
    source_group: str | None,
    source_group_user: str | None,
    cidr: str | None,
    project: str,
    group: str,
) -> None:
    """Let something in to a security group, as euca2ools do."""
    from netconsole.backend.changes.security_groups import AllowTraffic

    traffic = _traffic(protocol, port_range, icmp_type_code, cidr)
    change = AllowTraffic(project, group, traffic, source_group, source_group_user)
    doer.carry_out(change, lambda made: _print_permission(group, made))


@click.command()
@_permission
@project_option
@names.group_argument
@changing
def euca_revoke(
    doer: Doer,
    protocol: str,
    port_range: str | None,
    icmp_type_code: str | None,
    source_group: str | None,
    source_group_user: str | None,
    cidr: str | None,
    project: str,
    group: str,
) -> None:
    """Take a rule from a security group, as euca2ools do."""
    from netconsole.backend.changes.security_groups import RevokeTraffic

    traffic = _traffic(protocol, port_range, icmp_type_code, cidr)
    change = RevokeTraffic(project, group, traffic, source_group, source_group_user)
    doer.carry_out(change, lambda gone: _print_permission(group, gone))


@click.command()
@click.argument("groups", nargs=-1, shell_complete=names.security_groups)
@project_option
@as_json
@pass_context
def euca_describe_groups(
    context: Context, groups: tuple[str, ...], project: str, as_json: bool
) -> None:
    """List the security groups of a project, as euca2ools do."""
    door = context.door()
    if groups:
        found = tuple(door.security_group(project, name) for name in groups)
    else:
        found = door.security_groups(project)
    if as_json:
        output.print_json([group_record(view) for view in found])
    else:
        output.print_lines(line for view in found for line in _described(view))


def _described(view: "SecurityGroupView") -> Iterator[str]:
    owner, name = view.group.project_id, view.group.name
    yield tabbed(("GROUP", owner, name, view.group.description))
    for rule in view.rules:
        yield tabbed(("PERMISSION", owner, name, *_allowed(rule)))


def _allowed(view: "GroupRuleView") -> tuple[object, ...]:
    rule = view.rule
    source = view.source
    origin = (
        ("CIDR", rule.cidr)
        if source is None
        else ("USER", source.project_id, "GRPNAME", source.name)
    )
    what = (
        rule.protocol or "all",
        *(one for one in (rule.from_port, rule.to_port) if one is not None),
    )
    return ("ALLOWS", *what, "FROM", *origin)


def _print_permission(group: str, view: "GroupRuleView") -> None:
    output.print_lines((tabbed(("GROUP", group)), tabbed(("PERMISSION", group, *_allowed(view)))))


@click.command()
@click.option("-d", "--description", required=True, help="What it is for.")
@project_option
@click.argument("name")
@changing
def euca_add_group(doer: Doer, description: str, project: str, name: str) -> None:
    """Create a security group, as euca2ools do."""
    from netconsole.backend.changes.security_groups import CreateSecurityGroup

    doer.carry_out(CreateSecurityGroup(project, name, description), _print_made)


def _print_made(group: "SecurityGroup") -> None:
    output.print_lines([tabbed(("GROUP", group.name, group.description))])


@click.command()
@project_option
@names.group_argument
@changing
def euca_delete_group(doer: Doer, project: str, group: str) -> None:
    """Delete a security group, as euca2ools do."""
    from netconsole.backend.changes.security_groups import DeleteSecurityGroup

    change = DeleteSecurityGroup(project, group)
    doer.carry_out(change, lambda gone: output.print_lines([tabbed(("GROUP", gone.name))]))
