"""Faults of bridges and their ports, put through from break to cure."""

import pytest
from lab_faults import PROGRAMS, put_through, put_through_by_hand
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("port-unplugged", "bridge"),
        ("stp", "stp"),
        ("hairpin", "hairpin"),
        ("ports-isolated", "hairpin"),
        ("fdb", "fdb"),
        ("fdb-ageing", "fdb"),
        ("bridge_nf-off", "bridge_nf"),
        ("multicast", "multicast"),
        ("guards-flushed", "guards"),
        ("guard-removed", "guards"),
        ("guard-address", "guards"),
    ],
)
def test_from_break_to_cure_and_back(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)


def test_a_guest_that_has_another_ones_mac_is_found(lab: RunningLab) -> None:
    put_through(lab, "mac-twin", "fdb", beside=("guards",))


def test_a_limit_that_somebody_has_set_is_named_and_left(lab: RunningLab) -> None:
    assert "tc qdisc delete dev" in put_through_by_hand(lab, "drops", "drops")["remedy"]
