"""Door: what front ends need of one host, whoever answers: this process, or the host's agent."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from netconsole.backend.model.errors import ReadOnly
from netconsole.door.questions import Questions

if TYPE_CHECKING:
    import threading

    from netconsole.backend.changes import Change
    from netconsole.backend.plan.agreement import Preview
    from netconsole.backend.service.outcome import Confirm, Outcome
    from netconsole.backend.steps import Plan
    from netconsole.backend.survey.status import Status
    from netconsole.capture.comparison import Comparison, Progress
    from netconsole.capture.sink import Sink
    from netconsole.diagnostics.model.finding import Finding
    from netconsole.diagnostics.model.request import Request
    from netconsole.diagnostics.parts.journey import Journey, WaitedJourneys
    from netconsole.diagnostics.probes.live_capture import CaptureRequest
    from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait

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


@dataclass(frozen=True, slots=True)
class Subscription:
    """Sights that are delivered, until it is ended."""

    end: Callable[[], None]
    """Does not wait for what is under way."""
    waits_for: Callable[[], float] = lambda: 0.0
    """For how many seconds the look has been under way that is delivered next."""


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

    def refuse_if_read_only(self, title: str) -> None:
        """Raise ReadOnly where changes are refused."""
        if self.read_only_because is not None:
            raise ReadOnly(f"{title}: refused, this is read-only ({self.read_only_because})")

    def plain_status(self) -> object:
        """The status as it is in JSON, for who only prints it: it need not become values."""
        return self.status()

    @property
    def remark(self) -> str:
        """What an admin should know of who answers now; mostly nothing."""
        return ""

    @property
    def if_left(self) -> str:
        """What becomes of a change under way when who asked for it leaves."""
        return "the next start finishes or undoes it"

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
    def asking(self, request: "Request") -> "Request":
        """Return a request as one of this host: by which service, or who else, it is answered."""

    @abstractmethod
    def capture(
        self,
        request: "CaptureRequest",
        *,
        cancel: "threading.Event",
        progress: "Callable[[Progress], None]",
        sinks: "Sequence[Sink]" = (),
    ) -> "Comparison":
        """Capture packets of this host and compare them, as `probes.live_capture.compare` does."""

    @abstractmethod
    def trace(self, asked: "AskedTrace", *, cancel: "threading.Event") -> "Journey":
        """Send a packet on this host, and return what it met, as `tracing.trace.trace` does.

        Raises as that does, InvalidValue, and ReadOnly.
        """

    def trace_all(
        self, asked: "Sequence[AskedTrace]", *, cancel: "threading.Event"
    ) -> "tuple[Journey, ...]":
        """Send packets on this host, and return what each met; raises as `trace` does."""
        return tuple(self.trace(each, cancel=cancel) for each in asked)

    @abstractmethod
    def wait(
        self, asked: "AskedWait", *, cancel: "threading.Event", began: Callable[[], None]
    ) -> "WaitedJourneys":
        """Wait on this host for real packets, as `tracing.waiting.wait` does.

        `began` is called once they are followed. Raises as that does, InvalidValue, and ReadOnly.
        """

    @property
    @abstractmethod
    def no_capture_because(self) -> str | None:
        """Why no packets can be captured by this door, if they cannot."""

    @property
    def no_evidence_because(self) -> str | None:
        """Why no evidence can be collected by this door, if it cannot."""
        return None

    @abstractmethod
    def subscribe(self, deliver: Deliver, counters: float | None = None) -> Subscription:
        """Have each new sight of the host delivered, or why there is none.

        With `counters` somebody looks at them: they are read every so many seconds, checks are
        made more often, and a sight is delivered after each reading. Called in a thread of the
        door's own, first with the latest. Who is slow gets the newest.
        """
