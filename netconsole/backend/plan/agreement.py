"""Agreement: whether a plan is still the one that an admin was shown and agreed to. Pure."""

from collections import Counter
from dataclasses import dataclass

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.phrases import count
from netconsole.backend.steps import Plan


@dataclass(frozen=True, slots=True)
class Preview(Plan):
    """A plan as an admin is shown it before it is carried out."""

    notes: tuple[str, ...] = ()
    """Sentences on what it comes to that its commands do not say."""


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """What two plans do not have in common, as commands, each in the order of its plan."""

    added: tuple[str, ...]
    """Only in the later one."""
    gone: tuple[str, ...]
    """Only in the earlier one."""


class PlanChanged(Conflict):
    """The plan is not the one that was agreed to any more; nothing of either was done."""

    def __init__(self, title: str, agreed: Plan, now: Plan) -> None:
        self.now = now
        self.difference = plan_difference(agreed, now)
        super().__init__(f"{title}: not done, the plan has changed: {_said(self.difference)}")


def plan_difference(earlier: Plan, later: Plan) -> PlanDifference:
    """Compare two plans command by command."""
    return PlanDifference(
        added=_only(later.commands, earlier.commands), gone=_only(earlier.commands, later.commands)
    )


def _only(commands: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """The commands that the others lack, each as often as they lack it."""
    left = Counter(others)
    found = []
    for command in commands:
        if left[command]:
            left[command] -= 1
        else:
            found.append(command)
    return tuple(found)


def _said(difference: PlanDifference) -> str:
    """The difference in a line: how many commands, and the first of them."""
    parts = [
        f"{count(len(commands), 'command')} {what} ({commands[0]}{', ...' if commands[1:] else ''})"
        for commands, what in ((difference.added, "more"), (difference.gone, "less"))
        if commands
    ]
    return ", ".join(parts) or "the same commands in another order"


def refuse_another(title: str, agreed: Plan | None, now: Plan) -> None:
    """Raise PlanChanged where a plan was agreed to and what would be run now is not the same.

    The commands are compared, which is all of a plan that an admin sees.
    """
    if agreed is not None and agreed.commands != now.commands:
        raise PlanChanged(title, agreed, now)
