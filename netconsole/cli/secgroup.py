"""`netconsole secgroup`: security groups, and what they let in."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import click

from netconsole.backend.model.codec import record
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.projects import project_option
from netconsole.cli.secgroup_test import test

if TYPE_CHECKING:
    from netconsole.backend.model.group_rules import DefaultRule
    from netconsole.backend.model.records import GroupRuleView, SecurityGroup, SecurityGroupView

COLUMNS = ("id", "name", "project", "rules", "instances", "description")
RULE_COLUMNS = ("id", "protocol", "from_port", "to_port", "cidr", "source_group", "source_project")
DEFAULT_COLUMNS = RULE_COLUMNS[:-2]

Command = TypeVar("Command", bound=Callable[..., object])


def source_options(command: Command) -> Command:
    """Give a command the options that say from whose members something is let in."""
    for option in (
        click.option(
            "--source-project",
            metavar="PROJECT",
            shell_complete=names.projects,
            help="Whose group; default: the same.",
        ),
        click.option(
            "--source-group",
            metavar="GROUP",
            shell_complete=names.security_groups,
            help="From the members of this group, instead of a range.",
        ),
    ):
        command = option(command)
    return command


def traffic_options(command: Command) -> Command:
    """Give a command the options that say what is let in."""
    for option in (
        click.option("--cidr", metavar="CIDR", help="From this range. Default: 0.0.0.0/0."),
        click.option("--icmp", metavar="TYPE[:CODE]", help="Of ICMP: its type; -1 for every one."),
        click.option("--port", metavar="PORT[:PORT]", help="Of TCP and UDP: its ports."),
        click.option("--protocol", "--proto", "protocol", help="tcp, udp or icmp."),
    ):
        command = option(command)
    return command


@click.group(cls=CommandGroup)
def secgroup() -> None:
    """Say what may reach projects' instances: their security groups.

    Nothing reaches an instance that no rule of one of its groups lets in, but for answers, for
    its network's DHCP server and, with allow_same_net_traffic, for its network. The group
    `default` of a project is there by itself.
    """


@secgroup.command("list")
@click.option(
    "--project",
    metavar="PROJECT",
    shell_complete=names.projects,
    help="Only those of this project.",
)
@as_json
@pass_context
def list_groups(context: Context, project: str | None, as_json: bool) -> None:
    """List the security groups."""
    found = context.door().security_groups(project)
    if as_json:
        output.print_json([group_record(view) for view in found])
        return
    output.print_table(
        COLUMNS,
        (
            (
                view.group.id or None,
                view.group.name,
                view.group.project_id,
                len(view.rules),
                [instance.name for instance in view.members],
                view.group.description,
            )
            for view in found
        ),
    )


@secgroup.command()
@click.argument("name")
@project_option
@click.option("--description", help="Default: its name.")
@changing
def create(doer: Doer, name: str, project: str, description: str | None) -> None:
    """Create a security group, which lets nothing in yet."""
    from netconsole.backend.changes.security_groups import CreateSecurityGroup

    doer.carry_out(CreateSecurityGroup(project, name, description), _print_group)


@secgroup.command()
@names.group_argument
@project_option
@click.option("--name", help="What it is called from now on.")
@click.option("--description", help="What is said of it from now on.")
@changing
def update(doer: Doer, group: str, project: str, name: str | None, description: str | None) -> None:
    """Rename a security group, or describe it anew."""
    from netconsole.backend.changes.security_groups import UpdateSecurityGroup

    doer.carry_out(UpdateSecurityGroup(project, group, name, description), _print_group)


@secgroup.command()
@names.group_argument
@project_option
@changing
def delete(doer: Doer, group: str, project: str) -> None:
    """Delete a security group; refused while an instance is in it or another group names it."""
    from netconsole.backend.changes.security_groups import DeleteSecurityGroup

    doer.carry_out(DeleteSecurityGroup(project, group))


@secgroup.command()
@names.group_argument
@project_option
@as_json
@pass_context
def rules(context: Context, group: str, project: str, as_json: bool) -> None:
    """List what a security group lets in."""
    found = context.door().security_group(project, group)
    if as_json:
        output.print_json([rule_record(view) for view in found.rules])
    else:
        _print_rules(found.rules)


@secgroup.command()
@names.group_argument
@project_option
@traffic_options
@source_options
@changing
def allow(
    doer: Doer,
    group: str,
    project: str,
    protocol: str | None,
    port: str | None,
    icmp: str | None,
    cidr: str | None,
    source_group: str | None,
    source_project: str | None,
) -> None:
    """Let something in to the instances of a security group."""
    from netconsole.backend.changes.group_rules import TypedTraffic
    from netconsole.backend.changes.security_groups import AllowTraffic

    traffic = TypedTraffic(protocol, port, icmp, cidr)
    change = AllowTraffic(project, group, traffic, source_group, source_project)
    doer.carry_out(change, lambda made: _print_rules([made]))


@secgroup.command()
@names.group_argument
@project_option
@traffic_options
@source_options
@changing
def revoke(
    doer: Doer,
    group: str,
    project: str,
    protocol: str | None,
    port: str | None,
    icmp: str | None,
    cidr: str | None,
    source_group: str | None,
    source_project: str | None,
) -> None:
    """Take a rule from a security group, named as it was allowed.

    Without --protocol it is the one that lets everything in from the range or the group.
    """
    from netconsole.backend.changes.group_rules import TypedTraffic
    from netconsole.backend.changes.security_groups import RevokeTraffic

    traffic = TypedTraffic(protocol, port, icmp, cidr)
    doer.carry_out(RevokeTraffic(project, group, traffic, source_group, source_project))


secgroup.add_command(test)


@secgroup.group(cls=CommandGroup)
def defaults() -> None:
    """Say which rules new `default` groups of projects get; those that there are keep theirs."""


@defaults.command("list")
@as_json
@pass_context
def list_defaults(context: Context, as_json: bool) -> None:
    """List the rules that new `default` groups get."""
    found = context.door().default_rules()
    if as_json:
        output.print_json(found)
    else:
        _print_defaults(found)


@defaults.command()
@traffic_options
@changing
def add(
    doer: Doer, protocol: str | None, port: str | None, icmp: str | None, cidr: str | None
) -> None:
    """Let something in to every `default` group that is made from now on."""
    from netconsole.backend.changes.default_rules import AddDefaultRule
    from netconsole.backend.changes.group_rules import TypedTraffic

    change = AddDefaultRule(TypedTraffic(protocol, port, icmp, cidr))
    doer.carry_out(change, lambda made: _print_defaults([made]))


@defaults.command("delete")
@traffic_options
@changing
def delete_default(
    doer: Doer, protocol: str | None, port: str | None, icmp: str | None, cidr: str | None
) -> None:
    """Let something in no more to `default` groups that are made from now on."""
    from netconsole.backend.changes.default_rules import DeleteDefaultRule
    from netconsole.backend.changes.group_rules import TypedTraffic

    doer.carry_out(DeleteDefaultRule(TypedTraffic(protocol, port, icmp, cidr)))


def group_record(view: "SecurityGroupView") -> dict[str, object]:
    """Return a group with its rules, and the names of the instances that are in it."""
    return record(view.group) | {
        "rules": [rule_record(rule) for rule in view.rules],
        "instances": [instance.name for instance in view.members],
    }


def rule_record(view: "GroupRuleView") -> dict[str, object]:
    """Return a rule, with the name of its source group and whose that is."""
    source = view.source
    return record(view.rule) | {
        "source_group": source.name if source else None,
        "source_project": source.project_id if source else None,
    }


def _print_group(group: "SecurityGroup") -> None:
    columns = ("id", "name", "project", "description")
    output.print_table(columns, [(group.id, group.name, group.project_id, group.description)])


def _print_rules(found: "Iterable[GroupRuleView]") -> None:
    rows = [rule_record(view) for view in found]
    output.print_table(
        RULE_COLUMNS,
        [(row["id"] or None, *(row[name] for name in RULE_COLUMNS[1:])) for row in rows],
    )


def _print_defaults(found: "Iterable[DefaultRule]") -> None:
    rows = [record(rule) for rule in found]
    output.print_table(DEFAULT_COLUMNS, [[row[name] for name in DEFAULT_COLUMNS] for row in rows])
