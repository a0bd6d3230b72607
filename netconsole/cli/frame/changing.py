"""The one way in which a changing command runs: shown only, or done, and then said."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from netconsole.backend.model.phrases import count
from netconsole.cli.frame import output
from netconsole.cli.frame.context import Context

if TYPE_CHECKING:
    from netconsole.backend.changes import Change
    from netconsole.backend.plan.agreement import Preview
    from netconsole.backend.service.outcome import Outcome
    from netconsole.backend.steps import Plan

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
dry_run = click.option(
    "--dry-run", is_flag=True, help="Print the commands it would take; change nothing."
)
verbose = click.option("-v", "--verbose", is_flag=True, help="Say the commands on stderr.")


@dataclass(frozen=True, slots=True)
class Doer:
    """Performs a change in the manner that the options ask for."""

    context: Context
    dry_run: bool
    verbose: bool
    as_json: bool

    def carry_out(
        self,
        change: "Change[Result]",
        show: Callable[[Result], None] = lambda _: None,
        agreed: "Plan | None" = None,
    ) -> None:
        """Perform a change, say what was done and print its result; or show its plan only.

        `agreed` is the plan that the admin was shown, where they were asked.
        """
        door = self.context.door_for(change)
        if self.dry_run:
            print_plan(door.preview(change), as_json=self.as_json)
            return
        outcome = door.do(change, agreed, confirm=self.context.confirm)
        with output.of_what_was_done(change.title):
            print_outcome(change.title, outcome, verbose=self.verbose, as_json=self.as_json)
            if not self.as_json:
                show(outcome.result)


def changing(command: Callable[Concatenate[Doer, Arguments], None]) -> Callable[Arguments, None]:
    """Give a command the options --dry-run, --verbose and --json, and a Doer to run with."""

    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        manner = {name: bool(kwargs.pop(name)) for name in ("dry_run", "verbose", "as_json")}
        context = Context.of(click.get_current_context())
        command(Doer(context, **manner), *args, **kwargs)

    return dry_run(verbose(as_json(update_wrapper(run, command))))


def print_plan(plan: "Preview", *, as_json: bool) -> None:
    """Print a plan's commands, as lines that a shell takes or as JSON; say its notes."""
    if as_json:
        output.print_json({"notes": plan.notes, "steps": steps_of(plan)})
    else:
        output.print_lines(plan.commands)
    _say_restarts(plan)
    for note in plan.notes:
        output.say(note)


def print_outcome(title: str, outcome: "Outcome[Result]", *, verbose: bool, as_json: bool) -> None:
    """Say on stderr what was done, if verbose by which commands; print it if as JSON."""
    for sentence in outcome.recovered:
        output.say(sentence)
    if verbose:
        for command in outcome.plan.commands:
            output.say(f"+ {command}")
    _say_restarts(outcome.plan)
    if outcome.plan:
        did = count(len(outcome.plan.steps), "step")
    else:
        did = outcome.waits or "in the store alone: this host needs nothing for it"
    output.say(f"{title}: done, {did}")
    for note in outcome.notes:
        output.say(note)
    if as_json:
        output.print_json(
            {
                "change_id": outcome.change_id,
                "result": outcome.result,
                "waits": outcome.waits if not outcome.plan else "",
                "notes": outcome.notes,
                "steps": steps_of(outcome.plan),
            }
        )


def _say_restarts(plan: "Plan") -> None:
    from netconsole.backend.steps import announced_restarts

    for sentence in announced_restarts(plan.steps):
        output.say(sentence)


def steps_of(plan: "Plan") -> list[dict[str, object]]:
    """Return a plan's steps as they stand in JSON: each one's name and its commands."""
    return [{"step": type(step).__name__, "commands": step.commands} for step in plan.steps]
