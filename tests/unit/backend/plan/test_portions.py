"""A step on rules in several transactions: the same in the end, and open at no moment."""

from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netconsole.backend.filtering.rules import applied
from netconsole.backend.model.errors import StepFailed
from netconsole.backend.model.hoststate import Rule
from netconsole.backend.plan import portions as portioned
from netconsole.backend.plan.portions import portions
from netconsole.backend.plan.standing_rules import change
from netconsole.backend.steps import ChangeRules

Chains = Mapping[str, Sequence[str]]
LOCAL, INSTANCES = "nova-network-local", ("nova-network-inst-1", "nova-network-inst-2")
GROUPS = ("nova-network-sg-1", "nova-network-sg-2")
PORTS = range(4)


@st.composite
def _tables(draw: st.DrawFn) -> dict[str, list[str]]:
    """Guests, of which each is in groups, or is not there; each group lets in some ports."""
    guests = draw(st.lists(st.sampled_from(INSTANCES), unique=True))
    found = {LOCAL: [f"-d 10.0.0.{guest[-1]}/32 -j {guest}" for guest in guests]}
    groups = draw(st.lists(st.sampled_from(GROUPS), unique=True))
    for guest in guests:
        joined = draw(st.lists(st.sampled_from(groups), unique=True)) if groups else []
        found[guest] = [*(f"-j {group}" for group in joined), "-j DROP"]
    for group in groups:
        ports = draw(st.lists(st.sampled_from(PORTS), unique=True))
        found[group] = [f"--dport {port} -j ACCEPT" for port in ports]
    return {**found, "FORWARD": ["-j nova-network-local"] if guests else []}


def _step(current: Chains, goal: Chains) -> ChangeRules:
    found = change("ipv4", "filter", current, goal)
    return found or ChangeRules("ipv4", "filter", (), ())


def _reached(chains: Mapping[str, tuple[Rule, ...]]) -> set[tuple[str, int]]:
    """Which port of which guest is open: one that no chain of it drops is."""
    return {(guest, port) for guest in INSTANCES for port in PORTS if _passes(chains, guest, port)}


def _passes(chains: Mapping[str, tuple[Rule, ...]], guest: str, port: int) -> bool:
    def verdict(chain: str) -> str:
        for rule in chains[chain]:
            condition, _, aim = rule.spec.rpartition("-j ")
            if condition.strip() not in ("", f"-d 10.0.0.{guest[-1]}/32", f"--dport {port}"):
                continue
            found = aim if aim in ("ACCEPT", "DROP") else verdict(aim)
            if found:
                return found
        return ""

    return verdict("FORWARD") != "DROP"


def _states(step: ChangeRules, current: Chains) -> Iterator[Mapping[str, tuple[Rule, ...]]]:
    chains: Mapping[str, tuple[Rule, ...]] = {
        chain: tuple(map(Rule, specs)) for chain, specs in current.items()
    }
    for lines in portions(step):
        chains = applied(chains, lines)
        yield chains


@settings(max_examples=300)
@given(_tables(), _tables())
def test_nothing_passes_meanwhile_that_passes_neither_before_nor_after(
    current: dict[str, list[str]], goal: dict[str, list[str]]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(portioned, "MOST", 1)
        step = _step(current, goal)
        states = list(_states(step, current))
    before = {chain: tuple(map(Rule, specs)) for chain, specs in current.items()}
    after = applied(before, step.lines)
    assert (states or [before])[-1] == after
    for state in states:
        assert _reached(state) <= _reached(before) | _reached(after)


def test_each_is_small_enough_and_what_cannot_be_is_refused() -> None:
    openings = [f"--dport {port} -j ACCEPT" for port in range(1000)]
    group, local = GROUPS[0], {LOCAL: [f"-j {GROUPS[0]}"], "FORWARD": []}
    grown = _step({**local, group: openings[:1]}, {**local, group: openings})
    assert [len(each) for each in portions(grown)] == [200] * 4 + [199]
    new = _step({"FORWARD": []}, {**local, group: openings})
    assert max(map(len, portions(new))) == 200
    dropping = [f"--dport {port} -j DROP" for port in range(1000)]
    with pytest.raises(StepFailed, match="1000 rules in chains that are in use"):
        portions(_step({LOCAL: [], "FORWARD": []}, {LOCAL: dropping, "FORWARD": []}))
