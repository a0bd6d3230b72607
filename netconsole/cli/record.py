"""`netconsole record` and `netconsole replay`: how this host stood, and how it came about."""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import InvalidValue
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.status import report

if TYPE_CHECKING:
    from netconsole.watch.frames import RecordedMoment
    from netconsole.watch.recorded import RecordHeading


class MomentOption(click.ParamType[datetime]):
    """A moment, as ISO 8601 has it; one without an offset is of this machine's time."""

    name = "MOMENT"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            return datetime.fromisoformat(str(value)).astimezone()
        except (ValueError, OverflowError):
            shown = str(value)[:80]
            return self.fail(f"{shown!r} is no moment such as 2026-11-30T10:15.", param, ctx)


MOMENT = MomentOption()
FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(cls=CommandGroup)
def record() -> None:
    """Take out what the agent has recorded of this host."""


@record.command()
@click.argument("file", type=FILE)
@click.option("--since", type=MOMENT, help="Leave out what was before.")
@click.option("--until", type=MOMENT, help="Leave out what was after.")
@pass_context
def export(context: Context, file: Path, since: datetime | None, until: datetime | None) -> None:
    """Write how this host stood into a new FILE, with who changed what; for root.

    `netconsole replay FILE` reads it, here or anywhere else. The agent records as long as it
    runs; the options record_size (64M; K, M and G are powers of 1024) and record_days (7; 0 for
    no record) say how much is kept. A file of the record that cannot be read is named and left
    out.
    """
    from netconsole.backend.model.phrases import count
    from netconsole.backend.system.saving import new_file
    from netconsole.backend.transaction.telling import audit_lines
    from netconsole.watch.record_files import record_files
    from netconsole.watch.recorded import export as exported

    context.may_save("record export")
    options = context.options()
    if since is not None and until is not None and since > until:
        raise InvalidValue("--since", since.isoformat(), "must not be later than --until")
    files = record_files(options)
    changes = audit_lines(f"{options.state_path}/audit.jsonl")
    with new_file(file) as opened:
        found = exported(files, options.host, changes, opened, since, until)
    for complaint in found.left_out:
        output.say(complaint)
    output.say(f"{file}: {count(found.frames, 'look')}")


@click.command()
@click.argument("file", type=FILE)
@click.option("--at", type=MOMENT, help="As it stood then, and not in the end.")
@click.option("--list", "is_list", is_flag=True, help="List what differed when, and who did what.")
@as_json
def replay(file: Path, at: datetime | None, is_list: bool, as_json: bool) -> int | None:
    """Read a record of a host that `netconsole record export FILE` wrote.

    Opens the console on it; without a terminal, prints its status.
    """
    from netconsole.watch.recorded import differences, heading, standing

    told = heading(file)
    if is_list:
        _list(told, [(each.taken, each.sections) for each in differences(file)], as_json)
        return None
    moment = standing(file, at)
    if as_json:
        output.print_json(moment.status)
    elif all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return _open(told.host, moment)
    else:
        output.say(f"as it was at {_shown(moment.taken)}")
        output.print_lines(report(moment.status))
    return None


def _open(host: str, moment: "RecordedMoment") -> int:
    """Open the console on a moment."""
    from netconsole.door.recorded import RecordedDoor
    from netconsole.screens.app import ConsoleApp
    from netconsole.screens.pages.console import Access
    from netconsole.screens.run import run_console

    door = RecordedDoor(host, moment)
    app = ConsoleApp(Access(door, may_save=True))
    return run_console(app, mouse=not os.environ.get("SSH_CONNECTION"))


def _list(
    told: "RecordHeading", differences: list[tuple[datetime, tuple[str, ...]]], as_json: bool
) -> None:
    rows = [
        {"at": taken, "what": "seen", "text": ", ".join(sections)}
        for taken, sections in differences
    ]
    rows += [
        {
            "at": datetime.fromisoformat(str(change["at"])),
            "what": str(change.get("sudo_user") or change.get("login")),
            "text": f"{change.get('asked')}: {change.get('outcome')}",
        }
        for change in told.changes
    ]
    rows.sort(key=lambda row: str(row["at"]))
    if as_json:
        output.print_json({"host": told.host, "rows": rows})
        return
    output.say(f"host {told.host}")
    output.print_table(
        ("at", "who", "text"), [(_shown(row["at"]), row["what"], row["text"]) for row in rows]
    )


def _shown(moment: object) -> str:
    return (
        moment.astimezone().isoformat(sep=" ", timespec="seconds")
        if isinstance(moment, datetime)
        else str(moment)
    )
