"""`netconsole plan`, `apply`, `undo` and `history`: the host brought in line with the store."""

import click

from netconsole.backend.errors import ExitStatus
from netconsole.cli import output
from netconsole.cli.changing import (
    Doer,
    as_json,
    changing,
    print_outcome,
    print_plan,
    steps_of,
    verbose,
)
from netconsole.cli.context import Context, pass_context


@click.command()
@as_json
@pass_context
def plan(context: Context, as_json: bool) -> None:
    """Show the commands that would bring this host in line.

    Prints the difference between the store and the host as commands, in their order. Changes
    nothing. Exit status 0 when there is nothing to do, 2 when there is something.
    """
    found = context.service().plan()
    print_plan(found, as_json=as_json)
    if found:
        click.get_current_context().exit(ExitStatus.REFUSED)


@click.command()
@changing
def apply(doer: Doer) -> None:
    """Bring this host in line with the store.

    Takes the steps that `netconsole plan` shows, verifies them, and undoes them if one fails.
    Rules, bridges and processes of others are left alone.
    """
    from netconsole.backend.changes.converge import Converge

    doer.carry_out(Converge())


@click.command()
@click.argument("change_id", required=False)
@verbose
@as_json
@pass_context
def undo(context: Context, change_id: str | None, verbose: bool, as_json: bool) -> None:
    """Take back a playbook's fix.

    The latest one, unless CHANGE_ID names another; `netconsole history` lists them.
    """
    outcome = context.service().undo(change_id)
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
        for entry in context.service().history()
    ]
    if as_json:
        output.print_json(rows)
        return
    columns = ("id", "at", "title", "end", "undoable", "because")
    output.print_table(columns, [[row[name] for name in columns] for row in rows])
