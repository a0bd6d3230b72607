"""`netconsole import`: take over what an existing installation holds."""

from typing import TYPE_CHECKING

import click

from netconsole.cli.frame import output
from netconsole.cli.frame.changing import (
    as_json,
    dry_run,
    print_outcome,
    print_plan,
    steps_of,
    verbose,
)
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup

if TYPE_CHECKING:
    from netconsole.backend.takeover.nova import Takeover

COLUMNS = ("label", "cidr", "bridge", "vlan", "multi_host", "project_id", "host", "uuid")


@click.group("import", cls=CommandGroup)
def import_() -> None:
    """Take over the networks of an existing installation."""


@import_.command()
@click.option(
    "--connection",
    metavar="URL",
    required=True,
    help="Its database, as nova.conf names it: sqlite:///, mysql:// or postgresql://.",
)
@dry_run
@verbose
@as_json
@pass_context
def nova(context: Context, connection: str, dry_run: bool, verbose: bool, as_json: bool) -> None:
    """Take over the networks of a nova database.

    Networks, fixed and floating addresses, ports, instances and security groups come over as they
    are, with their UUIDs, MAC addresses and states: all of them or, where one clashes with what is
    here, none. The database is only read. Stop nova-network and its dnsmasq first.
    """
    from netconsole.backend.changes.takeover import ImportNova
    from netconsole.backend.takeover import database
    from netconsole.backend.takeover.nova import takeover

    # Before anything is read: whoever may not import needs nothing of what is behind a URL.
    door = context.door_for(ImportNova)
    door.refuse_if_read_only("import nova")
    change = ImportNova(database.shown(connection), database.read(connection))
    if not dry_run:
        outcome = door.do(change, confirm=context.confirm)
        with output.of_what_was_done(change.title):
            print_outcome(change.title, outcome, verbose=verbose, as_json=as_json)
            if not as_json:
                _print(outcome.result)
        return
    plan = door.preview(change)
    if context.host is not None:
        print_plan(plan, as_json=as_json)  # by whose options the rest comes over is known there
        return
    found = takeover(change.rows, context.options())
    if as_json:
        output.print_json({"result": found, "notes": plan.notes, "steps": steps_of(plan)})
        return
    _print(found)
    output.print_lines(["", *plan.commands])
    for note in plan.notes:
        output.say(note)


def _print(found: "Takeover") -> None:
    """Print the networks, how many there are of the rest, and what an admin should know."""
    output.print_table(
        COLUMNS, [[getattr(one, name) for name in COLUMNS] for one in found.networks]
    )
    output.print_lines([""])
    output.print_fields(
        {
            "fixed addresses": len(found.fixed_ips),
            "allocated": sum(row.allocated for row in found.fixed_ips),
            "leased": sum(row.leased for row in found.fixed_ips),
            "reserved": sum(row.reserved for row in found.fixed_ips),
            "floating addresses": len(found.floating_ips),
            "associated": sum(row.fixed_ip_id is not None for row in found.floating_ips),
            "ports": len(found.ports),
            "instances": len(found.instances),
            "security groups": len(found.security_groups),
            "group rules": len(found.security_group_rules),
        }
    )
