"""Telling: what is answered as text, and nothing secret to who only looks."""

import json
from collections.abc import Callable, Mapping

from netconsole.backend.model.codec import as_json, as_line
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.redaction import redacted, redacted_document
from netconsole.door.door import Sight
from netconsole.door.stream import Differences


def without_secrets(text: str, indent: int | None) -> str:
    """Return what who looks is answered. Mostly there is none, which is seen soonest in the
    whole."""
    if redacted(text) == text:
        return text
    return as_json(redacted_document(json.loads(text)), indent=indent)


class Whole:
    """Each sight whole: for programs of others."""

    def __init__(self, as_told: Callable[[Status], Status], *, may_change: bool) -> None:
        self._as_told = as_told
        self._may_change = may_change

    def line(self, sight: Sight) -> str:
        status = self._as_told(sight.status)
        return self._shown({"taken": sight.taken, "status": status, "findings": sight.findings})

    def beat(self, looking_for: float) -> str:
        return ""

    def _shown(self, told: Mapping[str, object]) -> str:
        text = as_json(told)
        return f"{text if self._may_change else without_secrets(text, None)}\n"


class Differing(Whole):
    """What differs: for consoles, of which some are at the end of a slow link."""

    def __init__(self, as_told: Callable[[Status], Status], *, may_change: bool) -> None:
        super().__init__(as_told, may_change=may_change)
        self._differences = Differences()

    def line(self, sight: Sight) -> str:
        return self._shown(self._differences.line(sight, self._as_told(sight.status)))

    def beat(self, looking_for: float) -> str:
        return as_line({"looking_for": round(looking_for, 1)})
