"""`netconsole log`: what was changed on this host, by whom, and what its agent said."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.codec import as_line
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context

if TYPE_CHECKING:
    from netconsole.backend.system.journald import LogMessage


@click.command()
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="So many of the latest.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on, and show each as it comes.")
@as_json
@pass_context
def log(context: Context, lines: int, follow: bool, as_json: bool) -> None:
    """Show what was changed on this host, by whom, and what its agent said.

    The latest last. From the system's journal, where there is one, which root may read and the
    group systemd-journal; else changes alone, from the audit log, for root. With --json and
    --follow each is a line.
    """
    context.stay_here()
    found = _followed(context, lines) if follow else _latest(context, lines)
    if as_json and not follow:
        output.print_json([_told(each) for each in found])
        return
    for each in found:
        output.print_lines([as_line(_told(each)).rstrip("\n") if as_json else _line(each)])
        if follow:
            output.flush()


def _latest(context: Context, lines: int) -> "Iterable[LogMessage]":
    from netconsole.backend.system import journald
    from netconsole.backend.transaction.telling import audited

    return journald.latest(lines) if journald.is_there() else audited(_audit_log(context), lines)


def _followed(context: Context, lines: int) -> "Iterable[LogMessage]":
    from netconsole.backend.system import journald
    from netconsole.backend.transaction.telling import audited_on

    if journald.is_there():
        return journald.followed(lines)
    return audited_on(_audit_log(context), lines)


def _audit_log(context: Context) -> str:
    return f"{context.options().state_path}/audit.jsonl"


def _told(message: "LogMessage") -> dict[str, object]:
    fields = {
        name.removeprefix("NETCONSOLE_").lower(): value for name, value in message.fields.items()
    }
    return {
        "at": message.at,
        "priority": message.priority.name.lower(),
        "message": message.text,
        **dict(sorted(fields.items())),
    }


def _line(message: "LogMessage") -> str:
    from netconsole.backend.transaction.telling import LOGIN, PEER

    login, peer = (message.fields.get(name) for name in (LOGIN, PEER))
    by = f"{login} from {peer}" if peer else login or "agent"
    return f"{output.shown(message.at)}  {by}: {message.text}"
