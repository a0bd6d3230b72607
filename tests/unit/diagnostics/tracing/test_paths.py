"""Whose paths are tried where there are many instances: those by whom most is told."""

from dataclasses import replace

from evidence_samples import HEALTHY, WEB1

from netconsole.backend.model import subject
from netconsole.backend.survey.status import DriftStep, SecurityGroupStatus, Status
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.tracing.paths import MOST_INSTANCES, PathEnds, paths

MANY = tuple(
    replace(
        WEB1, address=f"10.0.0.{number}", instance=f"vm{number}", device=f"tap{number}", floating=()
    )
    for number in range(10, 40)
)
FIRST = {each.instance for each in MANY[:MOST_INSTANCES]}


def tried(status: Status, *silent: str) -> set[str]:
    chosen = paths(status, Routing(), None, PathEnds(silent))
    assert chosen.untried == len(MANY) - MOST_INSTANCES
    return {each.instance for each in chosen.paths}


def test_of_many_alike_the_first_are_tried() -> None:
    assert tried(replace(HEALTHY, allocations=MANY)) == FIRST


def test_who_is_silent_was_changed_or_is_alone_in_its_groups_is_tried() -> None:
    drift = DriftStep("links", ("ip link",), ((subject.port("tap37"),),))
    group = SecurityGroupStatus(3, "web", "demo", (), ("vm38",), lets_everything_in=False)
    other = replace(group, id=4, project="other", instances=("vm36",))
    status = replace(HEALTHY, allocations=MANY, drift=(drift,), security_groups=(group, other))
    found = tried(status, "10.0.0.39")
    assert {"vm39", "vm37", "vm38"} <= found
    assert "vm36" not in found, "that group is of another project's instance"
