"""The plan as the status shows it: each command with what it is about. Pure."""

from collections.abc import Iterator

from netconsole.backend.model.hoststate import Wanted
from netconsole.backend.model.subject import Subjects
from netconsole.backend.plan.filters import subjects_of_lines
from netconsole.backend.steps import AddDhcpHosts, ChangeRules, Plan, Step
from netconsole.backend.survey.status import DriftStep


def drift_steps(plan: Plan, wanted: Wanted) -> tuple[DriftStep, ...]:
    """Return the steps that lead to what is wanted."""
    return tuple(
        DriftStep(type(step).__name__, step.commands, tuple(_subjects(step, wanted)))
        for step in plan.steps
    )


def _subjects(step: Step, wanted: Wanted) -> Iterator[Subjects]:
    """Yield what each command is about; a step for many things has one for each."""
    match step:
        case ChangeRules():
            for subject in subjects_of_lines(step.family, step.table, step.lines, wanted):
                yield () if subject is None else (subject,)
        case AddDhcpHosts():
            for path, _ in step.files:
                file = wanted.dhcp_hosts.get(path)
                yield file.subjects if file else step.subjects
        case _:
            for _ in step.commands:
                yield step.subjects
