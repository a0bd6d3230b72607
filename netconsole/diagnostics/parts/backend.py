"""What the backend knows."""

from dataclasses import dataclass

from netconsole.backend.model.obstacle import Obstacle
from netconsole.backend.model.option_source import OptionSource
from netconsole.backend.steps import Plan
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.parts.comparison import ComparedHost


@dataclass(frozen=True, slots=True)
class Convergence(Plan):
    """A cure that is the whole plan between store and host: `netconsole apply` takes it."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The status, and the plan that would bring the host in line."""

    status: Status
    plan: Plan
    prerouting: tuple[str, ...] = ()
    """What ebtables asks in nat PREROUTING, rule by rule, where guards are asked there."""
    comparison: ComparedHost | None = None
    """Of what the plan is made; for evidence that is saved."""
    whole: Plan | None = None
    """All of the plan, where `plan` has only what concerns one target."""
    obstacles: tuple[Obstacle, ...] = ()
    """What the store asks for and the host cannot have as it is: the plan is without it."""

    @property
    def fix(self) -> Convergence | None:
        """The whole plan, as `netconsole apply` takes it: its steps depend on each other.

        None where that would remove most of what is ours, which no cure does.
        """
        plan = self.plan if self.whole is None else self.whole
        if self.status.host.removes_most or not plan:
            return None
        return Convergence(plan.steps)


@dataclass(frozen=True, slots=True)
class ConfiguredOptions:
    """The options that checks look at, under their own names."""

    firewall_driver: str
    metadata_host: str | None
    metadata_port: int
    firewall_source: OptionSource | None = None
    """The file in which firewall_driver stands."""

    @property
    def filters_nothing(self) -> bool:
        """Whether the firewall of instances was switched off (nova's NoopFirewallDriver)."""
        return self.firewall_driver.endswith("NoopFirewallDriver")
