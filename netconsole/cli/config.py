"""`netconsole config`: what the configuration says, where, and whether it can be used."""

from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import ExitStatus
from netconsole.backend.model.text import without_password
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup

if TYPE_CHECKING:
    from netconsole.backend.configuration.loading import Setting


@click.group(cls=CommandGroup)
def config() -> None:
    """Show and check the configuration."""


@config.command()
@as_json
@pass_context
def show(context: Context, as_json: bool) -> None:
    """Show every option, its value and where that comes from.

    The origin is `default`, or the file and the line. Passwords are not shown.
    """
    configuration = context.configuration()
    files = configuration.files
    settings = configuration.settings()
    if as_json:
        output.print_json(
            {
                "files": [str(path) for path in files.paths],
                "chosen_by": files.chosen_by,
                "options": [
                    {
                        "name": each.name,
                        "group": each.group or "DEFAULT",
                        "value": _plain(without_password(each.value)),
                        "origin": each.origin,
                    }
                    for each in settings
                ],
            }
        )
        return
    output.say(
        f"read ({files.chosen_by}): {', '.join(map(str, files.paths))}"
        if files.paths
        else "no configuration file: the defaults are what counts"
    )
    output.print_table(
        ("option", "value", "origin"),
        [(_name(each), without_password(each.value), each.origin) for each in settings],
    )


@config.command()
@as_json
@pass_context
def check(context: Context, as_json: bool) -> int:
    """Check the configuration: names that nobody knows, and values that break a rule.

    Files, directories and interfaces that a value names are looked for on this host. A default
    that this host does not have is named, and is no fault.

    Options of nova's that have no effect here are named as well; they are no fault. Exit status 1
    where something is to be mended.
    """
    from netconsole.backend.service.option_check import remarks

    configuration = context.configuration()
    found = remarks(configuration)
    if as_json:
        rows = [{"kind": each.kind, "text": each.text, "wrong": each.is_wrong} for each in found]
        output.print_json(
            {"files": [str(path) for path in configuration.files.paths], "remarks": rows}
        )
    else:
        output.print_lines(f"{each.kind}: {each.text}" for each in found)
        wrong = sum(each.is_wrong for each in found)
        output.say(f"{wrong or 'nothing'} to mend, {len(found) - wrong} of no harm")
    return ExitStatus.FAILED if any(each.is_wrong for each in found) else ExitStatus.OK


def _plain(value: object) -> object:
    """What JSON has a word for as it is; anything else as it stands in a file."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _name(each: "Setting") -> str:
    return f"[{each.group}] {each.name}" if each.group else each.name
