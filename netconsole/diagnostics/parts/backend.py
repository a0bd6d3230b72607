"""What the backend knows."""

from dataclasses import dataclass

from netconsole.backend.status import Status
from netconsole.backend.steps import Plan


@dataclass(frozen=True, slots=True)
class Host:
    """The status, and the plan that would bring the host in line."""

    status: Status
    plan: Plan

    @property
    def fix(self) -> Plan | None:
        """The whole plan, as `netconsole apply` takes it: its steps depend on each other."""
        return self.plan or None
