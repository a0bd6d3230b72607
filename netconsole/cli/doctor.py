"""`netconsole doctor`: every check, one line each."""

from typing import TYPE_CHECKING

import click

from netconsole.backend.errors import InvalidValue, NetconsoleError
from netconsole.cli import output
from netconsole.cli.changing import as_json
from netconsole.cli.context import Context, pass_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from netconsole.backend.service import Service
    from netconsole.diagnostics.finding import Finding
    from netconsole.diagnostics.snapshot import Unread


def _addresses(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    from ipaddress import IPv4Address

    for text in given:
        try:
            IPv4Address(text)
        except ValueError:
            raise InvalidValue("source", text, "is not an IPv4 address") from None
    return given


sources = click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="ADDRESS",
    callback=_addresses,
    help="Ask whether packets from this address would be let in; may be repeated.",
)


def service_or_reason(context: Context) -> "Service | Unread":
    """Answer the service, or why there is none: what needs no store can be checked all the same."""
    from netconsole.diagnostics.snapshot import Unread

    try:
        return context.service()
    except NetconsoleError as error:
        return Unread(str(error))


@click.command()
@sources
@as_json
@pass_context
def doctor(context: Context, sources: tuple[str, ...], as_json: bool) -> None:
    """Run every check and say what is wrong.

    Looks only: sends no packet and changes nothing. Exit status 0 when all is well, 1 when
    something was found, 3 when something could not be checked. As an ordinary user it checks
    what it can and says what it could not, and why.
    """
    from netconsole.cli import findings
    from netconsole.diagnostics.doctor import examine
    from netconsole.diagnostics.finding import as_json as in_json
    from netconsole.diagnostics.finding import exit_status

    found = examine(service_or_reason(context), sources)
    status = exit_status(found)
    if as_json:
        output.print_json({"healthy": status == 0, "findings": [in_json(each) for each in found]})
    else:
        output.print_lines([*findings.summary(found), *_cures(found)])
    click.get_current_context().exit(status)


def _cures(found: "Iterable[Finding]") -> "Iterator[str]":
    """Answer what mends each thing that was found."""
    from netconsole.diagnostics.playbooks import PLAYBOOKS

    for each in found:
        if not each.found:
            continue
        if each.check in PLAYBOOKS:
            cure = f"netconsole playbook run {each.check} --apply"
        elif each.remedy or each.fix is None:
            cure = each.remedy
        else:
            cure = "; ".join(each.fix.commands)
        yield ""
        yield f"{each.check}: {output.shown(cure)}"
