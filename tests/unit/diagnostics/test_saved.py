"""Evidence in a file is judged as it was when it was collected; no other text is taken for one."""

import json
from datetime import UTC, datetime

import pytest
from evidence_samples import DNAT, HEALTHY, nat, snapshot

from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.steps import AddAddress, RunProgram
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.target import resolve
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.saved import from_text, to_text

SEEN = snapshot(
    HEALTHY, AddAddress("eth0", "203.0.113.129/32"), nat(DNAT), RunProgram(("true",), ("false",))
).without(Links, "not for this user")


def test_what_is_saved_is_judged_alike() -> None:
    again = from_text("ticket.json", to_text(SEEN))
    assert again.parts == SEEN.parts
    for check in CHECKS.values():
        assert check.examine(again) == check.examine(SEEN)


def test_when_and_about_what_goes_along() -> None:
    from dataclasses import replace

    at = datetime(2026, 11, 24, 20, 15, tzinfo=UTC)
    aimed = replace(SEEN, taken=at, target=resolve("vmnet", HEALTHY))
    again = from_text("ticket.json", to_text(aimed))
    assert (again.taken, again.target) == (at, aimed.target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        '{"format": 4}',
        json.dumps({"format": 4, "taken": "today", "target": None, "parts": {}}),
        json.dumps({"format": 4, "parts": {"Host": {"read": {"status": 1}}}}),
        to_text(SEEN).replace("AddAddress", "Explode"),
        to_text(SEEN)[:-100],
    ],
)
def test_another_text_is_refused_in_one_line_that_names_the_file(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"ticket\.json") as caught:
        from_text("ticket.json", text)
    assert "\n" not in str(caught.value)
