"""A record gives back each moment as it was, frame by frame."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from core_samples import WHOLE, status
from hypothesis import given
from hypothesis import strategies as st

from netconsole.backend.steps import Plan, SetSysctl
from netconsole.backend.survey.status import NatRule, Status
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.watch.frames import Json, RecordedMoment, Sections, applied, frame, moment

BEGIN = datetime(2026, 11, 30, 10, tzinfo=UTC)
FIX = Plan((SetSysctl("net/ipv4/ip_forward", "1", "0"),))
FOUND = Finding("ip_forward", "It forwards", "fail", "It does not.", (Evidence("a", "b"),), fix=FIX)


def told(frame_: dict[str, Json] | None) -> dict[str, Json]:
    """As it comes out of a file."""
    read: dict[str, Json] = json.loads(json.dumps(frame_))
    return read


def replayed(moments: list[RecordedMoment]) -> list[RecordedMoment]:
    former: RecordedMoment | None = None
    sections: Sections | None = None
    found: list[RecordedMoment] = []
    for each in moments:
        written = frame(former, each)
        former = each
        if written is None:
            found.append(replace(found[-1], taken=each.taken))
            continue
        sections = applied(sections, told(written))
        found.append(moment(told(written), sections))
    return found


STATUS = status(WHOLE)


@given(st.lists(st.lists(st.sampled_from(STATUS.nat), max_size=6), min_size=1, max_size=6))
def test_rows_that_come_go_and_change(lists: list[list[NatRule]]) -> None:
    statuses = [replace(STATUS, nat=tuple(rows)) for rows in lists]
    moments = [
        RecordedMoment(BEGIN + timedelta(seconds=number), each, None if number % 2 else (FOUND,))
        for number, each in enumerate(statuses)
    ]
    assert replayed(moments) == moments


def test_one_row_is_one_row() -> None:
    (first, *rest) = STATUS.allocations
    changed = replace(STATUS, allocations=(replace(first, leased=not first.leased), *rest))
    written = told(frame(RecordedMoment(BEGIN, STATUS, None), RecordedMoment(BEGIN, changed, None)))
    assert written["whole"] is False
    assert isinstance(sections := written["sections"], dict)
    assert list(sections) == ["allocations"]
    assert isinstance(rows := sections["allocations"], dict)
    assert rows.keys() == {"rows"}
    assert frame(RecordedMoment(BEGIN, changed, None), RecordedMoment(BEGIN, changed, None)) is None


@pytest.mark.parametrize(
    "frame_", [{}, {"whole": False, "sections": {}}, {"whole": True, "sections": {"nat": {"x": 1}}}]
)
def test_what_fits_nothing_is_refused(frame_: dict[str, Json]) -> None:
    with pytest.raises(ValueError, match=r"fits nothing|is no frame"):
        applied(None, frame_)


def test_a_status_is_a_status() -> None:
    (one,) = replayed([RecordedMoment(BEGIN, STATUS, ())])
    assert isinstance(one.status, Status)
    assert one.status == STATUS
