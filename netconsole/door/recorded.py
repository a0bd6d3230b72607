"""RecordedDoor: the door to a host as it once stood; nothing of it can be changed any more."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from netconsole.backend.model.errors import ReadOnly, Unavailable
from netconsole.door.door import Deliver, Door, Subscription
from netconsole.door.questions import HostQuestion

if TYPE_CHECKING:
    from netconsole.backend.changes import Change
    from netconsole.backend.plan.agreement import Preview
    from netconsole.backend.service.outcome import Confirm, Outcome
    from netconsole.backend.steps import Plan
    from netconsole.capture.comparison import Progress
    from netconsole.capture.sink import Sink
    from netconsole.diagnostics.model.request import Request
    from netconsole.diagnostics.probes.live_capture import CaptureRequest
    from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait
    from netconsole.watch.frames import RecordedMoment


class RecordedDoor(Door):
    """Over one moment of a record."""

    def __init__(self, host: str, moment: "RecordedMoment") -> None:
        self._host = host
        self._moment = moment

    @property
    def host_name(self) -> str:
        return self._host

    @property
    def read_only_because(self) -> str:
        shown = self._moment.taken.astimezone().isoformat(sep=" ", timespec="seconds")
        return f"a record of {shown}"

    def ask(self, question: HostQuestion, arguments: Mapping[str, object]) -> object:
        if question.name == "status":
            return self._moment.status
        if question.name == "findings":
            return self._moment.findings or ()
        raise Unavailable(f"{question.name}: not in {self.read_only_because}")

    @property
    def no_evidence_because(self) -> str:
        return f"this looks at the host itself, and this is {self.read_only_because}"

    def asking(self, request: "Request") -> NoReturn:
        raise Unavailable(self.no_evidence_because)

    def capture(
        self,
        request: "CaptureRequest",
        *,
        cancel: threading.Event,
        progress: "Callable[[Progress], None]",
        sinks: "Sequence[Sink]" = (),
    ) -> NoReturn:
        raise Unavailable(self.no_evidence_because)

    def trace(self, asked: "AskedTrace", *, cancel: threading.Event) -> NoReturn:
        self._refuse("trace")

    def wait(
        self, asked: "AskedWait", *, cancel: threading.Event, began: Callable[[], None]
    ) -> NoReturn:
        self._refuse("trace --wait")

    @property
    def no_capture_because(self) -> str:
        return self.no_evidence_because

    def subscribe(self, deliver: Deliver, counters: float | None = None) -> Subscription:
        deliver(self._moment)
        return Subscription(lambda: None)

    def preview(self, change: "Change[Any]") -> "Preview":
        self._refuse(change.title)

    def do(
        self,
        change: "Change[Any]",
        agreed: "Plan | None" = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[Any]":
        self._refuse(change.title)

    def preview_undo(self, change_id: str | None = None) -> "Preview":
        self._refuse("undo")

    def undo(
        self,
        change_id: str | None = None,
        agreed: "Plan | None" = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[None]":
        self._refuse("undo")

    def _refuse(self, title: str) -> NoReturn:
        raise ReadOnly(f"{title}: refused, this is {self.read_only_because}")
