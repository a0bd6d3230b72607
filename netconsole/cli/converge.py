"""`netconsole plan`, `apply`, `undo` and `history`: the host brought in line with the store."""

from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import Conflict, ExitStatus, RemovesMost
from netconsole.cli.frame import confirmation, output
from netconsole.cli.frame.changing import (
    Doer,
    as_json,
    changing,
    print_outcome,
    print_plan,
    steps_of,
    verbose,
)
from netconsole.cli.frame.context import Context, pass_context

if TYPE_CHECKING:
    from netconsole.backend.changes.converge import Converge


@click.command()
@click.option(
    "--from", "saved", metavar="FILE", help="Of what `doctor --save` wrote, as it was then."
)
@as_json
@pass_context
def plan(context: Context, saved: str | None, as_json: bool) -> None:
    """Show the commands that would bring this host in line.

    Prints the difference between the store and the host as commands, in their order. Changes
    nothing. Exit status 0 when there is nothing to do, 2 when there is something, 1 when all that
    is left cannot be had as the host is.
    """
    if saved is not None:
        _print_saved(context, saved, as_json=as_json)
        return
    door = context.door()
    found = door.plan()
    print_plan(found, as_json=as_json)
    if found.removes_most:
        output.say(f"{found.removes_most}: `netconsole apply` asks for the host's name")
    if found:
        click.get_current_context().exit(ExitStatus.REFUSED)
    if found.obstacles:
        click.get_current_context().exit(ExitStatus.FAILED)


def _print_saved(context: Context, file: str, *, as_json: bool) -> None:
    from netconsole.backend.plan.agreement import Preview
    from netconsole.cli.frame.evidence import evidence
    from netconsole.diagnostics.saved import planned

    steps = planned(file, evidence(file, context.rights()))
    print_plan(Preview(steps.steps, ()), as_json=as_json)
    if steps:
        click.get_current_context().exit(ExitStatus.REFUSED)


yes_remove_all = click.option(
    "--yes-remove-all",
    is_flag=True,
    help="Remove most of what is ours without asking for the host's name.",
)


@click.command()
@yes_remove_all
@changing
def apply(doer: Doer, yes_remove_all: bool) -> None:
    """Bring this host in line with the store.

    Takes the steps that `netconsole plan` shows and verifies them. What cannot be had, such as an
    interface that this host lacks, is named and left as it is; the rest is done. Where a step that
    filters or guards instances fails, all are taken back. Rules, bridges and processes of others
    are left alone. Where most of what is ours would go, it asks for the host's name first.
    """
    from netconsole.backend.changes.converge import Converge

    try:
        doer.carry_out(Converge(removes_most=yes_remove_all))
    except RemovesMost as error:
        if not confirmation.can_ask():
            raise
        _carry_out_named(doer, Converge(removes_most=True), str(error))


@click.command()
@yes_remove_all
@changing
def adopt(doer: Doer, yes_remove_all: bool) -> None:
    """Make this host this store's, where another configured it.

    Another store, that is, or nova-network: for a store that was lost and made anew, or put back
    from an older copy. The host is brought in line with this store, as --dry-run shows: what it
    does not ask for is removed. Asks for the host's name first.
    """
    from netconsole.backend.changes.converge import Adopt

    change = Adopt(removes_most=True)
    refused = doer.context.door().read_only_because is not None
    if not (doer.dry_run or yes_remove_all or refused):
        what = "adopt: what another configured on this host is removed, or made this store's"
        if not confirmation.can_ask():
            raise Conflict(f"{what}; without a terminal, say --yes-remove-all")
        _carry_out_named(doer, change, what)
    else:
        doer.carry_out(change)


def _carry_out_named(doer: Doer, change: "Converge", what: str) -> None:
    """Show what would be done, and do just that when the admin types the host's name."""
    door = doer.context.door()
    plan = door.preview(change)
    for command in plan.commands:
        output.say(f"+ {command}")
    for note in plan.notes:
        output.say(note)
    if not confirmation.names_host(door.host_name, what):
        raise Conflict(f"{change.title}: not done, the name was not that of this host")
    doer.carry_out(change, agreed=plan)


@click.command()
@click.argument("change_id", required=False)
@verbose
@as_json
@pass_context
def undo(context: Context, change_id: str | None, verbose: bool, as_json: bool) -> None:
    """Take back a playbook's fix.

    The latest one, unless CHANGE_ID names another; `netconsole history` lists them.
    """
    outcome = context.door().undo(change_id, confirm=context.confirm)
    with output.of_what_was_done("undo"):
        print_outcome("undo", outcome, verbose=verbose, as_json=as_json)


@click.command()
@as_json
@pass_context
def history(context: Context, as_json: bool) -> None:
    """List the changes made on this host, the latest first.

    Of one that failed, `taken` of its steps had happened; its end says whether they were undone.
    """
    rows = [
        {
            "id": entry.id,
            "at": entry.at,
            "title": entry.title or None,
            "end": entry.end,
            "undoable": entry.undoable and entry.end == "done",
            "because": entry.because or entry.unread or None,
            "taken": entry.taken,
            "steps": steps_of(entry.plan),
        }
        for entry in context.door().history()
    ]
    if as_json:
        output.print_json(rows)
        return
    columns = ("id", "at", "title", "end", "undoable", "because")
    output.print_table(columns, [[row[name] for name in columns] for row in rows])
