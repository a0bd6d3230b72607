"""When a cure has healed: what it was for is gone, and nothing came in its place."""

import pytest

from netconsole.backend.steps import Plan, SetSysctl
from netconsole.diagnostics.model.finding import Finding, Verdict
from netconsole.diagnostics.playbooks.playbook import Healing, Investigation

FIX = Plan((SetSysctl("net/ipv4/ip_forward", "1", "0"),))


def finding(verdict: Verdict, fix: Plan | None = None, check: str = "guards") -> Finding:
    return Finding(check, "a question", verdict, "an answer", fix=fix)


def healing(before: Finding, after: Finding, *others: Finding) -> Healing:
    """`others` are what other stages of the playbook say afterwards."""
    return Healing("1", FIX, Investigation((after, *others)), before)


def test_a_fault_that_is_gone_is_healed() -> None:
    done = healing(finding("fail", FIX), finding("ok"), finding("fail", check="another"))
    assert done.verified
    assert done.remains is None


def test_a_warning_that_no_cure_takes_away_remains_and_it_is_healed() -> None:
    done = healing(finding("fail", FIX), finding("warn"))
    assert done.verified
    assert done.remains == finding("warn")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (finding("fail", FIX), finding("fail")),
        (finding("fail", FIX), finding("warn", FIX)),
        (finding("warn", FIX), finding("warn")),
        (finding("fail", FIX), finding("unknown")),
    ],
    ids=["fails still", "more to do", "as it was", "not known"],
)
def test_anything_else_is_not(before: Finding, after: Finding) -> None:
    done = healing(before, after)
    assert not done.verified


def test_what_it_broke_is_no_healing() -> None:
    found = Investigation((finding("warn"),))
    assert not Healing("1", FIX, found, finding("fail", FIX), (finding("fail"),)).verified
