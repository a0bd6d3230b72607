"""`netconsole doctor`: every check, one line each."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import InvalidValue, NetconsoleError
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.evidence import evidence
from netconsole.cli.frame.names import CHECK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netconsole.backend.service.service import Service
    from netconsole.diagnostics.model.check import Check
    from netconsole.diagnostics.model.finding import Finding
    from netconsole.diagnostics.model.request import Request
    from netconsole.diagnostics.model.snapshot import Snapshot, Unread
    from netconsole.door.door import Door


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
    """Return the service, or why there is none: what needs no store can be checked all the same."""
    from netconsole.diagnostics.model.snapshot import Unread

    try:
        return context.service()
    except NetconsoleError as error:
        return Unread(str(error))


def asked_of_host(context: Context, request: "Request") -> "Request":
    """Return a request as one of the host that is meant: this one, or the one of --host."""
    if context.host is not None:
        return context.door().asking(request)
    return replace(request, service=service_or_reason(context))


probe = click.option(
    "--probe", is_flag=True, help="Send a few packets, where that tells more than looking."
)


seconds = click.option(
    "--seconds",
    type=click.FloatRange(1, 600),
    default=10,
    show_default=True,
    help="How long to watch traffic, where a check does.",
)


@click.command()
@sources
@probe
@seconds
@click.option(
    "--only", multiple=True, type=CHECK, metavar="CHECK", help="Run this check; may be repeated."
)
@click.option("--save", metavar="FILE", help="Write the evidence to a new file, for a ticket.")
@click.option("--from", "saved", metavar="FILE", help="Judge the evidence in a file instead.")
@as_json
@pass_context
def doctor(
    context: Context,
    sources: tuple[str, ...],
    probe: bool,
    seconds: float,
    only: tuple[str, ...],
    save: str | None,
    saved: str | None,
    as_json: bool,
) -> None:
    """Run every check and say what is wrong.

    Changes nothing, and without --probe sends no packet. Exit status 0 when all is well, 1 when
    something was found, 3 when something could not be checked. An ordinary user is told what
    the agent found, where it lets them look; else it checks what it can and says what it could
    not, and why.
    """
    from netconsole.cli import findings
    from netconsole.diagnostics import doctor
    from netconsole.diagnostics.collecting import Request
    from netconsole.diagnostics.model.finding import as_json as in_json
    from netconsole.diagnostics.model.finding import exit_status

    if saved is not None and (save is not None or probe or sources):
        raise click.UsageError("--from goes with none of --save, --probe and --source.")
    if save is not None:
        context.may_save("doctor --save")
    checks = [doctor.check(name) for name in only] or doctor.quick()
    if saved is not None:
        found = _judged(saved, checks, context.rights())
    elif not (probe or sources or save) and (door := _agent_to_ask(context, checks)) is not None:
        found = _told(door, checks)
    else:
        request = Request(sources=sources, probe=probe, seconds=seconds, saves=save is not None)
        found = _looked(context, request, checks, save, watch=bool(only))
    status = exit_status(found)
    with output.of_what_was_done("doctor --save") if save else nullcontext():
        if as_json:
            listed = [in_json(each) for each in found]
            output.print_json({"healthy": status == 0, "findings": listed})
        else:
            output.print_lines([*findings.summary(found), *_cures(found)])
    click.get_current_context().exit(status)


def _looked(
    context: Context,
    request: "Request",
    checks: "Sequence[Check]",
    save: str | None,
    *,
    watch: bool,
) -> "tuple[Finding, ...]":
    """Look at the host that is meant and judge; write the evidence where it is to be saved."""
    from netconsole.diagnostics import doctor

    snapshot = doctor.look(asked_of_host(context, request), checks, watch=watch)
    if save is not None:
        _write(save, snapshot)
    return doctor.judge(snapshot, checks)


def _agent_to_ask(context: Context, checks: "Iterable[Check]") -> "Door | None":
    """Return the agent's door, for who lacks the rights to look at this host by themselves, or
    means another; None for checks that no agent makes by itself.
    """
    from netconsole.diagnostics.doctor import quick

    if not {each.id for each in checks} <= {each.id for each in quick()}:
        return None
    return context.door() if context.host is not None else agent_for_who_lacks_rights(context)


def agent_for_who_lacks_rights(context: Context) -> "Door | None":
    """Return the door of this host's agent for who may not look by themselves, else None."""
    from netconsole.backend.system.privileges import lacking
    from netconsole.cli.frame import agent

    if lacking() is None:
        return None
    found = agent.found(context)
    return None if isinstance(found, agent.NoAgent) else found


def _told(door: "Door", checks: "Iterable[Check]") -> "tuple[Finding, ...]":
    names = {each.id for each in checks}
    return tuple(each for each in door.findings() if each.check in names)


def _judged(
    file: str, checks: "Iterable[Check]", rights: AbstractContextManager[None]
) -> "tuple[Finding, ...]":
    from netconsole.diagnostics import doctor
    from netconsole.diagnostics.saved import judging

    snapshot = evidence(file, rights)
    with judging(file):
        return doctor.judge(snapshot, checks)


def _write(file: str, snapshot: "Snapshot") -> None:
    """Write the evidence, for nobody else to read: it tells much about the host."""
    from pathlib import Path

    from netconsole.backend.model.text import encoded
    from netconsole.backend.system.saving import new_file
    from netconsole.diagnostics.saved import to_text

    with new_file(Path(file)) as stream:
        stream.write(encoded(to_text(snapshot)))


def _cures(found: "Iterable[Finding]") -> "Iterator[str]":
    """Return what mends each thing that was found, and where to read about it."""
    from netconsole.diagnostics.reach import worst_first

    for each in worst_first(found):
        if not each.found:
            continue
        yield ""
        yield f"{each.check}: {output.shown(_cure(each))}"
        yield f"    netconsole explain {each.check}"


def _cure(finding: "Finding") -> str:
    from netconsole.diagnostics.parts.backend import Convergence

    if finding.fix is None or isinstance(finding.fix, Convergence):
        return finding.remedy
    return f"netconsole playbook run {finding.check} --apply"
