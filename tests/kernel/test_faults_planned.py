"""The faults that the plan sees, and the reverse path filter, put through from break to cure."""

import pytest
from lab_faults import PROGRAMS, begin_healthy, put_through
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("rp_filter", "rp_filter"),
        ("nat_flushed", "floating_nat"),
        ("dnsmasq_killed", "dnsmasq_processes"),
        ("floating_address_missing", "floating_address"),
        ("metadata", "metadata"),
        ("metadata_address", "metadata"),
        ("group_rules", "group_rules"),
    ],
)
def test_from_break_to_cure_and_back(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)


def test_who_leaves_a_shared_lab_broken_is_named_by_the_next(
    lab: RunningLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as another:
        another.setenv("PYTEST_CURRENT_TEST", "tests/test_other.py::test_that_leaves (call)")
        lab.netconsole("lab", "break", "rp_filter")
    try:
        with pytest.raises(AssertionError, match=r"::test_that_leaves'\]: \{'rp_filter'"):
            begin_healthy(lab)
    finally:
        lab.netconsole("lab", "mend", "rp_filter")
    begin_healthy(lab)
