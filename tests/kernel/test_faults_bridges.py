"""Faults of bridges and their ports, put through from break to cure."""

import pytest
from lab_faults import PROGRAMS, put_through
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
        ("mac-twin", "fdb"),
        ("bridge_nf-off", "bridge_nf"),
        ("multicast", "multicast"),
        ("drops", "drops"),
    ],
)
def test_from_break_to_cure_and_back(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)
