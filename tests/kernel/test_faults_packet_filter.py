"""Faults of the packet filter and of connection tracking, put through from break to cure."""

from collections.abc import Iterator

import pytest
from lab_faults import PROGRAMS, put_through
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS, "nft")


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with RunningLab() as running:
        yield running


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("forward_filter", "forward_filter"),
        ("forward_filter_docker", "forward_filter"),
        ("forward_filter_nft", "forward_filter"),
        ("legacy_filter", "legacy_filter"),
        ("conntrack_invalid", "conntrack_invalid"),
    ],
)
def test_from_break_to_cure_and_back(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)


@pytest.mark.parametrize("fault", ["conntrack_stale", "xtables_lock"])
def test_what_no_undo_brings_back(lab: RunningLab, fault: str) -> None:
    put_through(lab, fault, fault, undone=False)
