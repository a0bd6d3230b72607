"""EitherDoor: the agent's door, and one of this process' own as long as the agent is gone."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from netconsole.door.connection import AgentGone
from netconsole.door.door import Deliver, Door, Sight, Subscription
from netconsole.door.questions import HostQuestion

if TYPE_CHECKING:
    from netconsole.backend.changes import Change
    from netconsole.backend.plan.agreement import Preview
    from netconsole.backend.service.outcome import Confirm, Outcome
    from netconsole.backend.steps import Plan
    from netconsole.capture.comparison import Comparison, Progress
    from netconsole.capture.sink import Sink
    from netconsole.diagnostics.model.request import Request
    from netconsole.diagnostics.parts.journey import Journey, WaitedJourneys
    from netconsole.diagnostics.probes.live_capture import CaptureRequest
    from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait

AGAIN_SECONDS: Final = 3.0
"""How often it is tried whether the agent is back."""

Answer = TypeVar("Answer")


class EitherDoor(Door):
    """For who may do by themselves what the agent does for them.

    A change is asked for once: whether one was made when the agent ended, its history says.
    """

    def __init__(self, agents: Door, own: Door) -> None:
        self._agents = agents
        self._own = own
        self._again_at: float | None = None
        """When the agent is asked once more; None while it answers."""

    @property
    def remark(self) -> str:
        return "" if self._again_at is None else "the agent is gone: this console looks by itself"

    @property
    def host_name(self) -> str:
        return self._now().host_name

    @property
    def read_only_because(self) -> str | None:
        return self._now().read_only_because

    @property
    def if_left(self) -> str:
        return self._now().if_left

    def ask(self, question: HostQuestion, arguments: Mapping[str, object]) -> object:
        return self._first(lambda door: door.ask(question, arguments))

    def preview(self, change: "Change[Any]") -> "Preview":
        return self._first(lambda door: door.preview(change))

    def preview_undo(self, change_id: str | None = None) -> "Preview":
        return self._first(lambda door: door.preview_undo(change_id))

    def do(
        self,
        change: "Change[Any]",
        agreed: "Plan | None" = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[Any]":
        if change.names_files:
            return self._own.do(change, agreed, confirm=confirm)
        return self._once(lambda door: door.do(change, agreed, confirm=confirm))

    def undo(
        self,
        change_id: str | None = None,
        agreed: "Plan | None" = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[None]":
        return self._once(lambda door: door.undo(change_id, agreed, confirm=confirm))

    def asking(self, request: "Request") -> "Request":
        return self._own.asking(request)

    def capture(
        self,
        request: "CaptureRequest",
        *,
        cancel: threading.Event,
        progress: "Callable[[Progress], None]",
        sinks: "Sequence[Sink]" = (),
    ) -> "Comparison":
        return self._own.capture(request, cancel=cancel, progress=progress, sinks=sinks)

    def trace(self, asked: "AskedTrace", *, cancel: threading.Event) -> "Journey":
        return self._first(lambda door: door.trace(asked, cancel=cancel))

    def wait(
        self, asked: "AskedWait", *, cancel: threading.Event, began: Callable[[], None]
    ) -> "WaitedJourneys":
        return self._first(lambda door: door.wait(asked, cancel=cancel, began=began))

    def trace_all(
        self, asked: "Sequence[AskedTrace]", *, cancel: threading.Event
    ) -> "tuple[Journey, ...]":
        return self._first(lambda door: door.trace_all(asked, cancel=cancel))

    @property
    def no_capture_because(self) -> str | None:
        return self._own.no_capture_because

    def subscribe(self, deliver: Deliver, counters: float | None = None) -> Subscription:
        def is_there(yes: bool) -> None:
            self._again_at = None if yes else math.inf

        either = _EitherSights(self._agents, self._own, is_there, deliver, counters)
        return Subscription(either.end, either.waits_for)

    def _now(self) -> Door:
        return self._agents if self._again_at is None else self._own

    def _first(self, ask: Callable[[Door], Answer]) -> Answer:
        """Ask the agent, and this process where that is gone."""
        if self._again_at is None or time.monotonic() >= self._again_at:
            try:
                answer = ask(self._agents)
            except AgentGone:
                self._is_gone()
            else:
                self._again_at = None
                return answer
        return ask(self._own)

    def _once(self, make: Callable[[Door], Answer]) -> Answer:
        """Have a change made by who answers now. Raises AgentGone where the agent ends then."""
        try:
            return make(self._now())
        except AgentGone:
            self._is_gone()
            raise

    def _is_gone(self) -> None:
        """Ask no more for a while; where its sights have ended, until they come again."""
        if self._again_at != math.inf:
            self._again_at = time.monotonic() + AGAIN_SECONDS


class _EitherSights:
    """The agent's sights, and this process' own as long as those do not come."""

    def __init__(
        self,
        agents: Door,
        own: Door,
        is_there: Callable[[bool], None],
        deliver: Deliver,
        counters: float | None,
    ) -> None:
        """`is_there` is told whether the agent is, with each sight and with each failure."""
        self._own_door = own
        self._is_there = is_there
        self._deliver = deliver
        self._counters = counters
        self._lock = threading.Lock()
        self._ended = False
        self._own: Subscription | None = None
        self._agents = agents.subscribe(self._heard, counters)

    def end(self) -> None:
        self._ended = True
        self._agents.end()
        self._see(own=False)

    def waits_for(self) -> float:
        return (self._own or self._agents).waits_for()

    def _heard(self, result: Sight | Exception) -> None:
        """Called in the thread of the agent's sights."""
        is_gone = isinstance(result, AgentGone)
        self._is_there(not is_gone)
        self._see(own=is_gone)
        if not is_gone:
            self._deliver(result)

    def _see(self, *, own: bool) -> None:
        """Begin to look in this process, or end that."""
        with self._lock:
            former = self._own
            if own and former is None and not self._ended:
                self._own = self._own_door.subscribe(self._deliver, self._counters)
            elif not own and former is not None:
                self._own = None
                former.end()
