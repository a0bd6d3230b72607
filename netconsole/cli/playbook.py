"""`netconsole playbook`: find one kind of fault, mend it, prove it, take it back."""

import textwrap
from typing import TYPE_CHECKING

import click

from netconsole.backend.errors import ExitStatus, NotFound
from netconsole.cli import output
from netconsole.cli.changing import as_json
from netconsole.cli.context import Context, pass_context
from netconsole.cli.doctor import service_or_reason, sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netconsole.backend.steps import Plan
    from netconsole.diagnostics.finding import Finding
    from netconsole.diagnostics.playbooks import Playbook
    from netconsole.diagnostics.playbooks.playbook import Healing


class _Name(click.ParamType[str]):
    """The name of a playbook, completed from those there are."""

    name = "name"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[click.shell_completion.CompletionItem]":
        from click.shell_completion import CompletionItem

        from netconsole.diagnostics.playbooks import PLAYBOOKS

        return [
            CompletionItem(name, help=each.title)
            for name, each in PLAYBOOKS.items()
            if name.startswith(incomplete)
        ]


@click.group()
def playbook() -> None:
    """Find and mend one kind of fault, step by step."""


@playbook.command("list")
@as_json
def list_playbooks(as_json: bool) -> None:
    """List the playbooks."""
    from netconsole.diagnostics.playbooks import PLAYBOOKS

    rows = [(each.name, each.title, each.summary) for each in PLAYBOOKS.values()]
    if as_json:
        keys = ("name", "title", "summary")
        output.print_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        output.print_table(("name", "title", "summary"), rows)


@playbook.command()
@click.argument("name", type=_Name())
def show(name: str) -> None:
    """Explain a playbook: symptom, cause, what else looks like it, cure."""
    found = _playbook(name)
    output.print_lines([found.title, ""])
    for paragraph in found.explanation.split("\n\n"):
        output.print_lines([*textwrap.wrap(paragraph, 79), ""])


@playbook.command()
@click.argument("name", type=_Name())
@click.option("--apply", is_flag=True, help="Apply the fix and verify it by the same evidence.")
@click.option("--persist", is_flag=True, help="Make the fix last over a reboot.")
@click.option("--undo", is_flag=True, help="Take back what this playbook last changed.")
@click.option("--no-probe", is_flag=True, help="Send no packets.")
@sources
@as_json
@pass_context
def run(
    context: Context,
    name: str,
    apply: bool,
    persist: bool,
    undo: bool,
    no_probe: bool,
    sources: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run a playbook: evidence, verdict, fix.

    Without --apply nothing is changed; exit status 1 when something was found. With --apply the
    fix is applied, and exit status 0 means that the same evidence shows the fault gone.
    """
    if undo and (apply or persist):
        raise click.UsageError("--undo goes with neither --apply nor --persist.")
    manner = _Run(context, _playbook(name), not no_probe, sources, as_json)
    if undo:
        status = manner.undo()
    elif apply or persist:
        status = manner.heal(apply=apply, persist=persist)
    else:
        status = manner.look()
    click.get_current_context().exit(status)


def _playbook(name: str) -> "Playbook":
    from netconsole.diagnostics.playbooks import PLAYBOOKS

    if name not in PLAYBOOKS:
        raise NotFound(f"playbook {name!r}: there is {', '.join(PLAYBOOKS)}")
    return PLAYBOOKS[name]


class _Run:
    """One run of a playbook, in the manner that the options ask for."""

    def __init__(
        self,
        context: Context,
        playbook: "Playbook",
        probe: bool,
        sources: tuple[str, ...],
        as_json: bool,
    ) -> None:
        self.context = context
        self.playbook = playbook
        self.probe = probe
        self.sources = sources
        self.as_json = as_json

    def look(self) -> ExitStatus:
        """Find out, and change nothing."""
        from netconsole.diagnostics.finding import exit_status

        service = service_or_reason(self.context)
        finding = self.playbook.investigate(service, self.probe, self.sources).finding
        self._print(finding, None)
        return exit_status((finding,))

    def heal(self, *, apply: bool, persist: bool) -> ExitStatus:
        """Find out, apply the cure, and find out again."""
        from netconsole.diagnostics.finding import exit_status

        service = self.context.service()
        finding = self.playbook.investigate(service, self.probe, self.sources).finding
        cure = self.playbook.cure(finding, apply=apply, persist=persist)
        if not cure:
            self._print(finding, None)
            return exit_status((finding,))
        healing = self.playbook.heal(service, cure, self.probe, self.sources)
        self._print(finding, healing)
        return ExitStatus.OK if healing.verified else ExitStatus.FAILED

    def undo(self) -> ExitStatus:
        """Take back the latest cure, and say how things are then."""
        from netconsole.diagnostics.finding import as_json

        service = self.context.service()
        undone = self.playbook.undo(service)
        finding = self.playbook.investigate(service, self.probe, self.sources).finding
        if self.as_json:
            output.print_json({"undone": undone.commands, "finding": as_json(finding)})
        else:
            output.print_lines([*_commands("Undone", undone), "", *_report(finding)])
        return ExitStatus.OK

    def _print(self, finding: "Finding", healing: "Healing | None") -> None:
        from netconsole.diagnostics.finding import as_json

        if self.as_json:
            document: dict[str, object] = {
                "playbook": self.playbook.name,
                "finding": as_json(finding),
                "change_id": healing and healing.change_id,
                "applied": healing and healing.plan.commands,
                "verified": healing and healing.verified,
                "after": healing and as_json(healing.after.finding),
            }
            output.print_json(document)
            return
        output.print_lines([self.playbook.title, "", *_report(finding)])
        output.print_lines(self._cured(healing) if healing else self._offers(finding))

    def _offers(self, finding: "Finding") -> "Iterator[str]":
        command = f"netconsole playbook run {self.playbook.name}"
        if finding.fix:
            yield from _commands(f"Fix ({command} --apply)", finding.fix)
        if finding.remedy:
            yield from ("", *textwrap.wrap(finding.remedy, 96))
        if finding.persist:
            yield from _commands("To keep it over a reboot (add --persist)", finding.persist)

    def _cured(self, healing: "Healing") -> "Iterator[str]":
        command = f"netconsole playbook run {self.playbook.name} --undo"
        yield from _commands(f"Applied as {healing.change_id} (undone by {command})", healing.plan)
        yield ""
        yield (
            "Verified: the same evidence now"
            if healing.verified
            else "Not healed: the evidence now"
        )
        yield ""
        yield from _report(healing.after.finding)


def _report(finding: "Finding") -> list[str]:
    from netconsole.cli import findings

    return list(findings.details(finding))


def _commands(title: str, plan: "Plan") -> list[str]:
    lines = (line for command in plan.commands for line in command.splitlines())
    return ["", title, *(f"  {output.shown(line)}" for line in lines)]
