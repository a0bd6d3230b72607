"""Frames: what pictures of a host differ in, as JSON, and the way back. Pure.

The first frame of a file has everything; each of the others what is not as in the one before.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import takewhile
from typing import Final, TypeAlias

from netconsole.backend.model.codec import as_line
from netconsole.backend.steps.codec import structure
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.model.finding import Finding

FORMAT: Final = 1
"""Of the file; another one is refused."""

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Sections: TypeAlias = dict[str, Json]
"""By name: the fields of a Status, and `findings`. Most are lists of rows."""

_FINDINGS: Final = "findings"


@dataclass(frozen=True, slots=True)
class RecordedMoment:
    """How a host stood at one moment, as it is recorded."""

    taken: datetime
    status: Status
    findings: tuple[Finding, ...] | None


def frame(former: RecordedMoment | None, now: RecordedMoment) -> dict[str, Json] | None:
    """Return what is to be written of a moment; None where nothing differs."""
    before = {} if former is None else _parts(former)
    changed = {
        name: _change(before.get(name), part)
        for name, part in _parts(now).items()
        if name not in before or before[name] != part
    }
    if not changed:
        return None
    return {"taken": now.taken.isoformat(), "whole": former is None, "sections": changed}


def applied(sections: Sections | None, told: Mapping[str, Json]) -> Sections:
    """Return the sections after a frame. Raises ValueError where it does not fit."""
    changes = told.get("sections")
    if not isinstance(changes, dict) or (sections is None and told.get("whole") is not True):
        raise ValueError("is no frame, or has nothing before it")
    now = {} if told.get("whole") is True or sections is None else dict(sections)
    for name, change in changes.items():
        now[name] = _changed(now.get(name), change)
    return now


def _parts(moment: RecordedMoment) -> dict[str, object]:
    parts: dict[str, object] = {
        each.name: getattr(moment.status, each.name) for each in fields(moment.status)
    }
    return {**parts, _FINDINGS: moment.findings}


def _change(before: object, now: object) -> Json:
    """The value itself, or the rows that take the place of some."""
    if not isinstance(now, tuple) or not isinstance(before, tuple):
        return {"value": _json(now)}
    begin = _alike(zip(before, now, strict=False))
    most = min(len(before), len(now)) - begin
    end = min(most, _alike(zip(reversed(before), reversed(now), strict=False)))
    if len(before) == len(now):
        rows = range(begin, len(now) - end)
        return {"rows": {str(at): _json(now[at]) for at in rows if before[at] != now[at]}}
    put: list[Json] = [_json(each) for each in now[begin : len(now) - end]]
    return {"at": begin, "instead_of": len(before) - end - begin, "put": put}


def _alike(pairs: Iterable[tuple[object, object]]) -> int:
    """How many of the first are equal."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _changed(before: Json, change: Json) -> Json:
    match change:
        case {"value": value}:
            return value
        case {"rows": dict(rows)} if isinstance(before, list):
            now = list(before)
            for at, row in rows.items():
                now[int(at)] = row
            return now
        case {"at": int(at), "instead_of": int(many), "put": list(put)} if isinstance(before, list):
            return [*before[:at], *put, *before[at + many :]]
    raise ValueError("has a change that fits nothing")


def _json(value: object) -> Json:
    plain: Json = json.loads(as_line(value))
    return plain


def moment(told: Mapping[str, Json], sections: Sections) -> RecordedMoment:
    """Make a moment of a frame and the sections after it. Raises ValueError."""
    findings = sections.get(_FINDINGS)
    return RecordedMoment(
        datetime.fromisoformat(str(told["taken"])),
        structure(Status, {name: part for name, part in sections.items() if name != _FINDINGS}),
        None if findings is None else structure(tuple[Finding, ...], findings),
    )
