"""RecordedDoor: the door to a host as it once stood; nothing of it can be changed any more."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from netconsole.backend.model.errors import ReadOnly, Unavailable
from netconsole.door.door import Deliver, Door
from netconsole.door.questions import HostQuestion

if TYPE_CHECKING:
    from netconsole.backend.changes import Change
    from netconsole.backend.plan.agreement import Preview
    from netconsole.backend.service.outcome import Confirm, Outcome
    from netconsole.backend.steps import Plan
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

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        deliver(self._moment)
        return lambda: None

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
