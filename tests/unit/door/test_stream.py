"""Sights as lines, and back."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from evidence_samples import HEALTHY

from netconsole.backend.model.codec import as_line
from netconsole.backend.survey.status import NatRule, Status
from netconsole.diagnostics.model.finding import Finding
from netconsole.door.answers import Unintelligible
from netconsole.door.stream import Differences, Joined, RemoteSight

FINDINGS = (Finding("mtu", "Every packet fits", "ok", "they do"),)
RULES = tuple(
    NatRule("nat", "POSTROUTING", f"-s 10.0.0.{n} -j RETURN", 1, 60, "foreign", "present", "")
    for n in range(50)
)
QUIET = replace(HEALTHY, nat=RULES)
BUSY = replace(HEALTHY, nat=(*RULES[:7], replace(RULES[7], packets=2), *RULES[8:]))


def sight(second: int, status: Status, findings: tuple[Finding, ...] | None = None) -> RemoteSight:
    return RemoteSight(datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC), status, findings)


def test_what_is_joined_is_what_was_seen() -> None:
    seen = (
        sight(1, QUIET),
        sight(2, BUSY),
        sight(3, BUSY),
        sight(4, BUSY, FINDINGS),
        sight(5, QUIET, FINDINGS),
        sight(6, replace(HEALTHY, allocations=HEALTHY.allocations[1:]), FINDINGS),
    )
    differences, joined = Differences(), Joined()
    lines = [as_line(differences.line(each, each.status)) for each in seen]
    assert tuple(joined.sight(json.loads(line)) for line in lines) == seen
    assert len(lines[2]) < 100 < len(lines[1]) < len(lines[0])


def test_lines_that_fit_nothing_are_said_to() -> None:
    joined = Joined()
    with pytest.raises(Unintelligible):
        joined.sight({"taken": "2026-01-01T00:00:00+00:00"})
    with pytest.raises(Unintelligible):
        joined.sight({"taken": "2026-01-01T00:00:00+00:00", "sections": {"nat": {"rows": {}}}})
