"""The faults that the plan sees, and the reverse path filter, put through from break to cure."""

import pytest
from lab_faults import PROGRAMS, put_through
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("rp_filter", "rp_filter"),
        ("nat-flushed", "floating_nat"),
        ("dnsmasq-killed", "dnsmasq_processes"),
        ("floating-address-missing", "floating_address"),
        ("metadata", "metadata"),
        ("metadata-address", "metadata"),
        ("group_rules", "group_rules"),
    ],
)
def test_from_break_to_cure_and_back(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)
