"""Changes of the host alone: bringing it to what the store says, and a playbook's cure."""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.step_kind import StepKind
from netconsole.backend.steps import Plan
from netconsole.backend.steps.kinds import kind_of


@dataclass(frozen=True, slots=True)
class Converge(Change[None]):
    """Bring the host to what the store says."""

    removes_most: bool = False
    """Whether it may remove most of what is ours: the admin was told and has named the host."""

    @property
    def title(self) -> str:
        return "apply"

    def taken(self, steps: Plan) -> Plan:
        """Return those of the steps between host and store that are taken."""
        return steps

    def write(self, connection: Connection, options: Options) -> Written[None]:
        return Written(None, waits="this host is as the store says")


@dataclass(frozen=True, slots=True)
class Repair(Converge):
    """Mend drift, as far as the agent may."""

    kinds: tuple[StepKind, ...] = ()
    """Of which kinds steps are taken."""
    leaves: tuple[str, ...] = ()
    """The commands of which no step is taken that has one."""
    cause: str = ""
    """Why it is done, in words."""

    @property
    def title(self) -> str:
        return f"repair: {self.cause}" if self.cause else "repair"

    def taken(self, steps: Plan) -> Plan:
        """Return the steps that are taken."""
        left = frozenset(self.leaves)
        return Plan(
            tuple(
                step
                for step in steps.steps
                if kind_of(step) in self.kinds and left.isdisjoint(step.commands)
            )
        )


@dataclass(frozen=True, slots=True)
class Adopt(Converge):
    """Make what another store configured on the host this store's, and bring it in line."""

    @property
    def title(self) -> str:
        return "adopt"

    def takes_over(self, *, of_a_store: bool) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class ApplyFix(Change[None]):
    """Take the steps of a playbook's cure; the store does not change."""

    names_files: ClassVar[bool] = True

    name: str
    """What the audit log calls it: `playbook rp_filter`."""
    plan: Plan

    @property
    def title(self) -> str:
        return self.name

    def write(self, connection: Connection, options: Options) -> Written[None]:
        return Written(None, fix=self.plan)


@dataclass(frozen=True, slots=True)
class TakeBack(ApplyFix):
    """Take a playbook's cure back, as far as it still stands and nobody has changed it since."""

    undoes: str
    """The id of the cure in the journal."""

    def write(self, connection: Connection, options: Options) -> Written[None]:
        return Written(None, fix=self.plan, waits="nothing of it is there any more")
