"""Stream: sights of a host as lines, each with what is not as in the one before; and back. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, get_type_hints

from netconsole.backend.model.facility import Facility
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.model.finding import Finding
from netconsole.door.answers import Unintelligible, value_of
from netconsole.door.door import Sight
from netconsole.watch.frames import RecordedMoment, Sections, applied, frame
from netconsole.watch.picture import Picture


@dataclass(frozen=True, slots=True)
class RemoteSight:
    """What an agent saw of its host at one moment."""

    taken: datetime
    status: Status
    findings: tuple[Finding, ...] | None = None
    counted: bool = True
    """Whether counters were read for it."""


def was_counted(sight: Sight) -> bool:
    """Whether counters were read for it; a picture for another reason has the same once more."""
    match sight:
        case Picture():
            return sight.changed <= {Facility.COUNTERS}
        case RemoteSight():
            return sight.counted
    return True


class Differences:
    """The lines of one reader."""

    def __init__(self) -> None:
        self._former: RecordedMoment | None = None

    def line(self, sight: Sight, status: Status) -> Mapping[str, object]:
        """Return the line of a sight: its sections, of all or of what differs; `status` is as the
        reader may see it. Where nothing differs it says when that was seen.
        """
        now = RecordedMoment(sight.taken, status, sight.findings)
        told = frame(self._former, now) or {"taken": now.taken.isoformat()}
        self._former = now
        return {**told, "counted": was_counted(sight)}


class Joined:
    """The sights that lines of `Differences` make, one after the other."""

    def __init__(self) -> None:
        self._sections: Sections | None = None
        self._values: dict[str, Any] = {}

    def sight(self, told: Mapping[str, Any]) -> RemoteSight:
        """Return the sight after a line. Raises Unintelligible."""
        if "sections" in told:
            try:
                self._sections = applied(self._sections, told)
            except (ValueError, LookupError) as error:
                raise Unintelligible(f"the agent's watch makes no sense: {error}") from error
            differing = (name for name in told["sections"] if name in _TYPES)
            for name in differing:
                self._values[name] = value_of(_TYPES[name], self._sections[name])
        if not self._values:
            raise Unintelligible("the agent's watch begins with nothing")
        values = dict(self._values)
        findings = values.pop(_FINDINGS, None)
        taken = datetime.fromisoformat(told["taken"])
        return RemoteSight(taken, Status(**values), findings, bool(told.get("counted")))


_FINDINGS = "findings"
_TYPES: Mapping[str, Any] = {
    **{each.name: get_type_hints(Status)[each.name] for each in fields(Status)},
    _FINDINGS: tuple[Finding, ...] | None,
}
