"""EitherDoor: the agent's door, and one of this process' own as long as the agent is gone."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from netconsole.door.door import Deliver, Door
from netconsole.door.questions import HostQuestion
from netconsole.door.remote import AgentGone

if TYPE_CHECKING:
    from netconsole.backend.changes import Change
    from netconsole.backend.plan.agreement import Preview
    from netconsole.backend.service.outcome import Confirm, Outcome
    from netconsole.backend.steps import Plan

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
        return self._once(lambda door: door.do(change, agreed, confirm=confirm))

    def undo(
        self,
        change_id: str | None = None,
        agreed: "Plan | None" = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[None]":
        return self._once(lambda door: door.undo(change_id, agreed, confirm=confirm))

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        return self._now().subscribe(deliver)

    def _now(self) -> Door:
        return self._agents if self._again_at is None else self._own

    def _first(self, ask: Callable[[Door], Answer]) -> Answer:
        """Ask the agent, and this process where that is gone."""
        if self._again_at is None or time.monotonic() >= self._again_at:
            try:
                answer = ask(self._agents)
            except AgentGone:
                self._again_at = time.monotonic() + AGAIN_SECONDS
            else:
                self._again_at = None
                return answer
        return ask(self._own)

    def _once(self, make: Callable[[Door], Answer]) -> Answer:
        """Have a change made by who answers now. Raises AgentGone where the agent ends then."""
        try:
            return make(self._now())
        except AgentGone:
            self._again_at = time.monotonic() + AGAIN_SECONDS
            raise
