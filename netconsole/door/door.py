"""Door: what front ends need of one host, whoever answers: this process, or the host's agent."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from netconsole.door.questions import Questions

if TYPE_CHECKING:
    from netconsole.backend.changes import Change
    from netconsole.backend.plan.agreement import Preview
    from netconsole.backend.service.outcome import Confirm, Outcome
    from netconsole.backend.steps import Plan
    from netconsole.backend.survey.status import Status
    from netconsole.diagnostics.model.finding import Finding

Result = TypeVar("Result")


class Sight(Protocol):
    """What was seen of a host at one moment."""

    @property
    def taken(self) -> datetime:
        """When the look began, in UTC."""

    @property
    def status(self) -> "Status":
        """What the host held and should hold."""

    @property
    def findings(self) -> "tuple[Finding, ...] | None":
        """Of the checks, made less often than the rest; None before the first time."""


Deliver = Callable[[Sight | Exception], None]


class Door(Questions):
    """Every question of a host and every change of it. Front ends take whichever door is there."""

    @property
    @abstractmethod
    def host_name(self) -> str:
        """What the host is called in the store."""

    @property
    @abstractmethod
    def read_only_because(self) -> str | None:
        """Why changes are refused; None where they are not."""

    def plain_status(self) -> object:
        """The status as it is in JSON, for who only prints it: it need not become values."""
        return self.status()

    @property
    def remark(self) -> str:
        """What an admin should know of who answers now; mostly nothing."""
        return ""

    @abstractmethod
    def preview(self, change: "Change[Any]") -> "Preview":
        """The steps that a change would take, of which none is taken. Raises as `do` does."""

    @abstractmethod
    def do(
        self,
        change: "Change[Result]",
        agreed: "Plan | None" = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[Result]":
        """Perform a change: the store and the host, both or neither; as `Service.do` says."""

    @abstractmethod
    def preview_undo(self, change_id: str | None = None) -> "Preview":
        """The steps that `undo` would take; raises as it does."""

    @abstractmethod
    def undo(
        self,
        change_id: str | None = None,
        agreed: "Plan | None" = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[None]":
        """Take back a playbook's cure: the one named, or the latest; as `Service.undo` says."""

    @abstractmethod
    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        """Have each new sight of the host delivered, or why there is none; the answer ends that.

        Called in a thread of the door's own, first with the latest. Who is slow gets the newest.
        """
