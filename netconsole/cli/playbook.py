"""`netconsole playbook`: find one kind of fault, mend it, prove it, take it back."""

import sys
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import ExitStatus
from netconsole.cli.doctor import agent_for_who_lacks_rights, asked_of_host, seconds, sources
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.names import PLAYBOOK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netconsole.backend.steps import Plan
    from netconsole.diagnostics.collecting import Request
    from netconsole.diagnostics.model.finding import Finding
    from netconsole.diagnostics.playbooks import Investigation, Playbook
    from netconsole.diagnostics.playbooks.healing import Healing
    from netconsole.diagnostics.playbooks.playbook import Curing


@click.group(cls=CommandGroup)
def playbook() -> None:
    """Find and mend one kind of fault, step by step."""


@playbook.command("list")
@as_json
def list_playbooks(as_json: bool) -> None:
    """List the playbooks."""
    from netconsole.diagnostics.playbooks import PLAYBOOKS

    keys = ("name", "target", "summary")
    rows = [(each.name, each.target, each.summary) for each in PLAYBOOKS.values()]
    if as_json:
        output.print_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        output.print_table(keys, rows)


@playbook.command()
@click.argument("name", type=PLAYBOOK)
@as_json
def show(name: str, as_json: bool) -> None:
    """Explain a playbook: how it proceeds, and every check that it makes."""
    from netconsole.cli.explain import playbook_page, playbook_record

    if as_json:
        output.print_json(playbook_record(_playbook(name)))
    else:
        output.print_lines(playbook_page(_playbook(name)))


@playbook.command()
@click.argument("name", type=PLAYBOOK)
@click.option("--apply", is_flag=True, help="Apply the fix and verify it by the same evidence.")
@click.option("--persist", is_flag=True, help="Make the fix last over a reboot.")
@click.option("--undo", is_flag=True, help="Take back what this playbook last changed.")
@click.option("--no-probe", is_flag=True, help="Send no packets.")
@click.option("--target", default="", help="The instance, address or network that it is about.")
@seconds
@click.option("--filter", "filter_", default="", help="Which traffic to watch: pcap-filter(7).")
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
    target: str,
    seconds: float,
    filter_: str,
    sources: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run a playbook: evidence, verdict, fix.

    NAME is a playbook, or a check, which is a playbook of its own. Without --apply nothing is
    changed; exit status 1 when something was found. With --apply the fix is applied: exit status
    0 means that the same evidence shows the fault gone, and 4 that it does not.
    """
    if undo and (apply or persist):
        raise click.UsageError("--undo goes with neither --apply nor --persist.")
    from netconsole.diagnostics.collecting import Request

    request = Request(
        sources=sources,
        target=target,
        probe=not no_probe,
        seconds=seconds,
        filter=filter_,
        may_save=not context.read_only,
    )
    if sys.stderr.isatty():
        request = replace(request, progress=output.say)
    manner = _Run(context, _playbook(name), asked_of_host(context, request), as_json)
    if undo:
        status = manner.undo()
    elif apply or persist:
        status = manner.heal(apply=apply, persist=persist)
    else:
        status = manner.look()
    click.get_current_context().exit(status)


def _playbook(name: str) -> "Playbook":
    from netconsole.diagnostics.playbooks import playbook

    return playbook(name)


class _Run:
    """One run of a playbook, in the manner that the options ask for."""

    def __init__(
        self, context: Context, playbook: "Playbook", request: "Request", as_json: bool
    ) -> None:
        self.context = context
        self.playbook = playbook
        self.request = request
        self.as_json = as_json

    def look(self) -> ExitStatus:
        """Find out, and change nothing."""
        from netconsole.diagnostics.model.finding import exit_status

        found = self.playbook.investigate(self.request)
        if self.context.host is None and any(each.verdict == "unknown" for each in found.findings):
            door = agent_for_who_lacks_rights(self.context)
            found = found if door is None else found.known_by(door.findings())
        self._print(found, None)
        return exit_status(found.findings)

    def heal(self, *, apply: bool, persist: bool) -> ExitStatus:
        """Find out, apply the cure, and find out again."""
        from netconsole.diagnostics.model.finding import exit_status

        host = self._curing()
        found = self.playbook.investigate(self.request)
        if not self.playbook.cure(found.finding, apply=apply, persist=persist):
            self._print(found, None)
            return exit_status(found.findings)
        healing = self.playbook.heal(
            *(host, self.request, found.finding),
            apply=apply,
            persist=persist,
            confirm=self.context.confirm,
        )
        with output.of_what_was_done(self.playbook.change_title):
            self._print(found, healing)
        return ExitStatus.OK if healing.verified else ExitStatus.PARTLY_DONE

    def _curing(self) -> "Curing":
        """Who makes cures and takes them back: this process, or the agent of another host."""
        return self.context.service() if self.context.host is None else self.context.door()

    def undo(self) -> ExitStatus:
        """Take back the latest cure, and say how things are then."""
        from netconsole.diagnostics.model.finding import as_json

        undone = self.playbook.undo(self._curing(), confirm=self.context.confirm)
        for note in undone.notes:
            output.say(note)
        with output.of_what_was_done(f"{self.playbook.change_title}: undo"):
            finding = self.playbook.investigate(self.request).finding
            if self.as_json:
                output.print_json({"undone": undone.plan.commands, "finding": as_json(finding)})
            else:
                output.print_lines([*_commands("Undone", undone.plan), "", *_report(finding)])
        return ExitStatus.OK

    def _print(self, found: "Investigation", healing: "Healing | None") -> None:
        from netconsole.diagnostics.model.finding import as_json

        if self.as_json:
            document: dict[str, object] = {
                "playbook": self.playbook.name,
                "target": self.request.target or None,
                "finding": as_json(found.finding),
                "findings": [as_json(each) for each in found.findings],
                "delivered": found.delivered or None,
                "change_id": healing and healing.change_id,
                "applied": (healing and not healing.taken_back and healing.plan.commands) or None,
                "taken_back": healing and healing.taken_back and healing.taken_back.commands,
                "verified": healing and healing.verified,
                "paths": healing and healing.paths.told,
                "remains": healing and healing.remains and healing.remains.because,
                "broken": healing and [as_json(each) for each in healing.broken],
                "after": healing and as_json(healing.after.finding),
            }
            output.print_json(document)
            return
        output.print_lines([self.playbook.title, "", *self._stages(found)])
        output.print_lines(_report(found.finding))
        if found.delivered:
            output.print_lines(("", found.delivered))
        output.print_lines(self._cured(healing) if healing else self._offers(found.finding))

    def _stages(self, found: "Investigation") -> "Iterator[str]":
        """Return what came of each stage, where there are several."""
        from netconsole.cli import findings

        if len(found.findings) == 1:
            return
        stages = zip(self.playbook.stages, found.findings, strict=True)
        for number, (stage, each) in enumerate(stages, start=1):
            why = f": {stage.why}" if stage.why else ""
            yield f"{number:2} {findings.mark(each.verdict):7} {each.check}{why}"
            yield from textwrap.wrap(
                output.shown(each.because), 96, initial_indent=" " * 11, subsequent_indent=" " * 11
            )
        yield ""
        yield f"{found.finding.title} ({found.finding.check})"

    def _offers(self, finding: "Finding") -> "Iterator[str]":
        command = f"netconsole playbook run {self.playbook.name}"
        if self.request.target:
            command += f" --target {self.request.target}"
        if finding.fix:
            yield from _commands(f"Fix ({command} --apply)", finding.fix)
            if finding.fix.lasting:
                yield from _commands("Of it cannot be taken back", finding.fix.lasting)
        if finding.remedy:
            yield from ("", *textwrap.wrap(finding.remedy, 96))
        if finding.persist:
            yield from _commands("To keep it over a reboot (add --persist)", finding.persist)

    def _cured(self, healing: "Healing") -> "Iterator[str]":
        command = f"netconsole playbook run {self.playbook.name} --undo"
        if healing.taken_back:
            yield from _commands(f"Applied as {healing.change_id}", healing.plan)
            yield from _commands("Taken back at once", healing.taken_back)
        else:
            title = f"Applied as {healing.change_id} (undone by {command})"
            yield from _commands(title, healing.plan)
        for said in healing.paths.told:
            yield from ("", *textwrap.wrap(output.shown(said), 96))
        yield from ("", _judged(healing), "", *_report(healing.after.finding))
        if healing.broken:
            yield from ("", f"It has broken something else; take it back: {command}")
            for each in healing.broken:
                yield from ("", f"{each.title} ({each.check})", *_report(each))


def _judged(healing: "Healing") -> str:
    if healing.verified:
        remains = "Healed; what remains, and no cure here takes away:"
        return remains if healing.remains else "Verified: the same evidence now"
    if healing.taken_back:
        return "Not healed, and as before; the evidence now"
    if healing.broken or healing.paths.severed:
        return "Not verified: the evidence now"
    return "Not healed: the evidence now"


def _report(finding: "Finding") -> list[str]:
    from netconsole.cli import findings

    return list(findings.details(finding))


def _commands(title: str, plan: "Plan") -> list[str]:
    lines = (line for command in plan.commands for line in command.splitlines())
    return ["", title, *(f"  {output.shown(line)}" for line in lines)]
