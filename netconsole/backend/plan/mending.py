"""Mending: what held guests before a change, and is missing, is put right first and stays. Pure.

So a change that fails or is killed on a host whose rules somebody flushed does not go back to
that flush, but to what was asked before the change.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from netconsole.backend.filtering.rule_lines import parts, place_of
from netconsole.backend.filtering.rule_order import target_of
from netconsole.backend.model.guards import of_devices
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.model.subject import Subject
from netconsole.backend.plan import filters, guards
from netconsole.backend.steps import ChangeRules, Plan
from netconsole.backend.wording.groups import only_admits


def mended(observed: Observed, before: Wanted) -> tuple[Plan, Observed]:
    """Return the steps that put right what holds guests, and what is to be observed after them.

    `before` is what was wanted before the change. Ports that are not there have no guard yet.
    """
    here = of_devices(before.guard_table, ("", *observed.links))
    asked = replace(before, guard_table=here, was_asked=True)
    difference = filters.RuleDifference(observed, asked)
    steps = Plan((*difference.guarding(), *guards.put(observed, asked)))
    return steps, guards.after_put(difference.after_guarding(), asked)


def mends(steps: Plan, wanted: Wanted, own: Collection[Subject]) -> bool:
    """Whether steps of a change about some subjects put right what others are held by.

    `own` are the ports that it makes or changes: these may get further addresses. What lets packets
    in holds nobody.
    """
    return any(
        about not in own
        for step in steps.steps
        if isinstance(step, ChangeRules) and step.table == "filter" and step.family != "bridge"
        for about in _held(step, wanted)
    )


def _held(step: ChangeRules, wanted: Wanted) -> Iterator[Subject]:
    """Whom new rules hold; those that moved to another chain are not new."""
    made = {parts(line)[1] for line in step.lines if line.startswith(":")}
    moved = {place_of(line)[1] for line in step.lines if line.startswith("-D ")}
    moved |= {place_of(line)[1] for line in step.inverse_lines if parts(line)[0] in ("-A", "-I")}
    added = tuple(line for line in step.lines if parts(line)[0] in ("-A", "-I"))
    for line, about in zip(
        added, filters.subjects_of_lines(step.family, step.table, added, wanted), strict=True
    ):
        spec = place_of(line)[1]
        target = target_of(spec)
        if spec in moved or target in made or target == "ACCEPT" or only_admits(target):
            continue
        if about is not None and about.kind != "group":
            yield about
