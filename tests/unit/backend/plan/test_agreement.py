"""A plan that was agreed to, compared with the one that would be carried out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netconsole.backend.plan.agreement import PlanChanged, plan_difference, refuse_another
from netconsole.backend.steps import Plan, SetSysctl


def plan(*keys: str) -> Plan:
    return Plan(tuple(SetSysctl(key, "1", "0") for key in keys))


def test_the_same_commands_are_the_same_whatever_was_there_before() -> None:
    refuse_another("apply", plan("a", "b"), plan("a", "b"))
    refuse_another("apply", Plan((SetSysctl("a", "1", "0"),)), Plan((SetSysctl("a", "1", "2"),)))
    refuse_another("apply", None, plan("a"))
    refuse_another("apply", Plan(), Plan())


@pytest.mark.parametrize(
    ("now", "added", "gone", "said"),
    [
        (plan("a", "b", "c"), ("sysctl -w b=1", "sysctl -w c=1"), (), "2 commands more (sysctl"),
        (Plan(), (), ("sysctl -w a=1",), "1 command less (sysctl -w a=1)"),
        (plan("b"), ("sysctl -w b=1",), ("sysctl -w a=1",), "1 command more"),
        (plan("a", "a"), ("sysctl -w a=1",), (), "1 command more"),
    ],
)
def test_what_differs_is_named(
    now: Plan, added: tuple[str, ...], gone: tuple[str, ...], said: str
) -> None:
    with pytest.raises(PlanChanged, match="not done") as refused:
        refuse_another("apply", plan("a"), now)
    assert (refused.value.difference.added, refused.value.difference.gone) == (added, gone)
    assert said in str(refused.value)
    assert refused.value.now == now


def test_another_order_is_another_plan() -> None:
    with pytest.raises(PlanChanged, match="in another order"):
        refuse_another("apply", plan("a", "b"), plan("b", "a"))


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_the_difference_leads_from_one_to_the_other(earlier: list[str], later: list[str]) -> None:
    difference = plan_difference(plan(*earlier), plan(*later))
    assert not set(difference.added) & set(difference.gone)
    assert len(earlier) + len(difference.added) - len(difference.gone) == len(later)
