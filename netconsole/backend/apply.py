"""Apply: take the steps of a plan, journalled; take them back when one fails; verify the end."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from netconsole.backend.errors import NetconsoleError, NotVerified, StepFailed, Unavailable
from netconsole.backend.host import perform
from netconsole.backend.journal import Journal, OpenEntry
from netconsole.backend.steps import Plan, Step

VERIFY_SECONDS = 3.0
"""How long the host may take to show what was done: a lease given back takes dnsmasq a moment."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan whose every step was taken and whose outcome is not yet settled."""

    entry: OpenEntry
    plan: Plan

    def keep(self) -> None:
        """Let it stand."""
        self.entry.end("done")

    def take_back(self) -> tuple[str, ...]:
        """Undo every step, the last first; the lines say what could not be undone."""
        return _taken_back(self.entry, self.plan.steps)


def apply(plan: Plan, journal: Journal, title: str, *, undoable: bool = False) -> Applied:
    """Take every step. Raises StepFailed when one fails, with the earlier ones undone."""
    entry = journal.begin(title, plan, undoable=undoable)
    taken = 0
    try:
        for number, step in enumerate(plan.steps):
            entry.began(number)
            perform(step)
            taken = number + 1
            entry.done(number)
    except NetconsoleError as error:
        complaints = _taken_back(entry, plan.steps[:taken])
        raise StepFailed("; ".join((str(error), *complaints))) from error
    except KeyboardInterrupt:
        _taken_back(entry, plan.steps[: taken + 1])  # the interrupted step may have happened
        raise
    return Applied(entry, plan)


def _taken_back(entry: OpenEntry, steps: tuple[Step, ...]) -> tuple[str, ...]:
    complaints = undo(steps)
    try:
        entry.end("undone")
    except Unavailable as error:
        return (*complaints, str(error))
    return complaints


def undo(steps: Iterable[Step]) -> tuple[str, ...]:
    """Take steps back, the last first, as far as they can be; returns what could not be."""
    complaints = []
    for step in Plan(tuple(steps)).inverse.steps:
        try:
            perform(step)
        except NetconsoleError as error:
            complaints.append(f"not undone: {error}")
    return tuple(complaints)


def recover(journal: Journal) -> tuple[str, ...]:
    """Take back the changes that were cut off, the newest first; returns their titles.

    The step that was under way may have happened or not, so what cannot be undone is no error
    here: the plan that follows puts right whatever differs from the store.
    """
    titles = []
    for entry in journal.cut_off():
        undo(entry.plan.steps[: entry.begun])
        journal.close(entry.id, "recovered")
        titles.append(entry.title)
    return tuple(titles)


def verify(difference: Callable[[], Plan]) -> None:
    """Look again until nothing is left to do. Raises NotVerified, naming what is."""
    deadline = time.monotonic() + VERIFY_SECONDS
    pause = 0.01
    while left := difference():
        if time.monotonic() > deadline:
            commands = "; ".join(left.commands[:3])
            raise NotVerified(f"the host did not become as planned, still to do: {commands}")
        time.sleep(pause)
        pause = min(2 * pause, 0.2)
