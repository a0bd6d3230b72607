"""Changes of the host alone: bringing it to what the store says, and a playbook's cure."""

from dataclasses import dataclass

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.configuration.options import Options
from netconsole.backend.steps import Plan


@dataclass(frozen=True, slots=True)
class Converge(Change[None]):
    """Bring the host to what the store says."""

    removes_most: bool = False
    """Whether it may remove most of what is ours: the admin was told and has named the host."""

    @property
    def title(self) -> str:
        return "apply"

    def write(self, connection: Connection, options: Options) -> Written[None]:
        return Written(None, waits="this host is as the store says")


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
