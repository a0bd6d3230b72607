"""Transactions held against the table as it is by now: nothing of others goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packet_filter import Table

from netconsole.backend.filtering.rules import is_ours
from netconsole.backend.model.hoststate import BUILTIN_CHAINS
from netconsole.backend.plan.standing_rules import change, still
from netconsole.backend.steps import ChangeRules

OURS = "-j nova-network-FORWARD"
NATIVE = "nft: ip length 9 accept # handle 4"
JUMPING = {"FORWARD": [OURS], "nova-network-FORWARD": []}

_MATCHES = st.sampled_from(["-s 10.0.0.1/32", "-s 10.0.0.2/32", "-i br100"])
_USER = ["nova-network-a", "nova-filter-top", "theirs"]
_Chains = dict[str, list[str]]


@st.composite
def _tables(draw: st.DrawFn) -> _Chains:
    users = draw(st.lists(st.sampled_from(_USER), unique=True))
    rules = st.builds("{} -j {}".format, _MATCHES, st.sampled_from(["ACCEPT", *users]))
    native = st.sampled_from([NATIVE, NATIVE.replace("4", "5")])
    found = {name: draw(st.lists(rules, max_size=5, unique=True)) for name in users}
    return {**found, "FORWARD": draw(st.lists(rules | native, max_size=5, unique=True))}


def _step(current: _Chains, goal: _Chains) -> ChangeRules:
    return change("ipv4", "filter", current, goal) or ChangeRules("ipv4", "filter", (), ())


def _filled(table: _Chains) -> _Chains:
    return {name: rules for name, rules in table.items() if rules or name not in BUILTIN_CHAINS}


@given(_tables(), _tables())
def test_where_nobody_was_all_of_it_is_left_to_do(current: _Chains, goal: _Chains) -> None:
    remaining = still(_step(current, goal), current)

    kept = {chain for chain in current if chain not in goal and not chain.startswith("nova-net")}
    if not any(current[chain] for chain in kept):
        assert remaining.left == ()
        assert _filled(remaining.table) == _filled(goal)


@given(_tables(), _tables(), _tables())
def test_whatever_is_there_by_now_it_is_accepted(
    former: _Chains, goal: _Chains, now: _Chains
) -> None:
    """As iptables-restore would accept it; and the way from there leads back."""
    back = _step(former, goal).inverse
    assert isinstance(back, ChangeRules)
    remaining = still(back, now)

    table = Table(now)
    for line in remaining.step.lines:
        aim = line.partition(" -j ")[2]
        if aim == "theirs" and aim not in table.chains:
            return
    table.restore(remaining.step.lines)
    assert table.specs() == _filled(remaining.table)
    table.restore(remaining.step.inverse_lines)
    assert table.specs() == _filled(now)


@given(_tables(), _tables())
def test_what_others_have_put_in_since_stays(former: _Chains, goal: _Chains) -> None:
    theirs = "-s 192.0.2.1/32 -j DROP"
    now = {chain: [theirs, *found] for chain, found in goal.items()}
    back = _step(former, goal).inverse
    assert isinstance(back, ChangeRules)

    remaining = still(back, now)

    for chain, found in now.items():
        if not is_ours(chain, theirs):
            stays = chain in remaining.table and theirs in remaining.table[chain]
            assert stays or chain == "theirs", found


def test_a_rule_is_deleted_by_the_number_that_it_has_by_now() -> None:
    step = _step({"FORWARD": [NATIVE, OURS], "nova-network-FORWARD": []}, {"FORWARD": [NATIVE]})
    above = "nft: ip length 7 accept # handle 8"

    remaining = still(step, {**JUMPING, "FORWARD": [above, NATIVE, OURS]})

    assert remaining.step.lines == ("-D FORWARD 3", "-X nova-network-FORWARD")
    assert remaining.step.numbered == (OURS,)


def test_beside_a_rule_of_nft_that_came_since_a_number_is_used() -> None:
    back = _step({"FORWARD": []}, JUMPING).inverse
    assert isinstance(back, ChangeRules)
    assert back.lines[0] == f"-D FORWARD {OURS}"

    remaining = still(back, {**JUMPING, "FORWARD": [NATIVE, OURS]})

    assert remaining.step.lines[0] == "-D FORWARD 2"


@pytest.mark.parametrize(
    ("now", "lines", "left"),
    [
        (JUMPING, ("-D FORWARD -j nova-network-FORWARD", "-X nova-network-FORWARD"), ()),
        (
            {"FORWARD": [], "nova-network-FORWARD": []},
            ("-X nova-network-FORWARD",),
            (f"`{OURS}` is not in FORWARD any more",),
        ),
        ({"FORWARD": []}, (), (f"`{OURS}` is not in FORWARD any more",)),
        (
            {**JUMPING, "theirs": [OURS]},
            (f"-D FORWARD {OURS}",),
            ("nova-network-FORWARD stays, a rule in theirs leads to it by now",),
        ),
    ],
)
def test_what_is_gone_or_in_use_is_left_and_told(
    now: _Chains, lines: tuple[str, ...], left: tuple[str, ...]
) -> None:
    back = _step({"FORWARD": []}, JUMPING).inverse
    assert isinstance(back, ChangeRules)

    remaining = still(back, now)

    assert remaining.step.lines == lines
    assert remaining.left == tuple(f"iptables -t filter: {each}" for each in left)


def test_a_shared_chain_that_others_use_by_now_stays_with_the_jump_to_it() -> None:
    shared = {"FORWARD": ["-j nova-filter-top"], "nova-filter-top": ["-j nova-network-local"]}
    made = {**shared, "nova-network-local": []}
    back = _step({"FORWARD": []}, made).inverse
    assert isinstance(back, ChangeRules)
    theirs = "-j nova-api-local"

    remaining = still(back, {**made, "nova-filter-top": [theirs, "-j nova-network-local"]})

    assert remaining.table == {"FORWARD": ["-j nova-filter-top"], "nova-filter-top": [theirs]}
    assert len(remaining.left) == 1


def test_what_somebody_put_back_is_not_there_twice() -> None:
    step = ChangeRules("ipv4", "filter", ("-I FORWARD 4 -o virbr0 -j REJECT",), ())

    assert still(step, {"FORWARD": ["-o virbr0 -j REJECT"]}).step.lines == ()
    assert still(step, {"FORWARD": []}).step.lines == ("-A FORWARD -o virbr0 -j REJECT",)


def test_a_number_without_its_rule_is_not_guessed() -> None:
    """As the journal of an earlier version has it."""
    step = ChangeRules("ipv4", "filter", ("-D FORWARD 1",), ())

    remaining = still(step, {"FORWARD": ["-j ACCEPT"]})

    assert (remaining.step.lines, len(remaining.left)) == ((), 1)


@pytest.mark.parametrize(
    ("now", "then", "is_told"),
    [
        (["TOP", "theirs", "OWN"], ["theirs", "TOP", "OWN"], False),
        (["TOP", "OWN"], ["TOP", "OWN"], True),
        (["TOP", "OWN", "theirs"], ["TOP", "OWN", "theirs"], True),
        (["theirs", "TOP", "OWN"], ["theirs", "TOP", "OWN"], False),
    ],
    ids=["as it was left", "without the rule", "with the rule elsewhere", "with another above"],
)
def test_a_jump_goes_back_past_rules_of_others_and_past_none_of_ours(
    now: list[str], then: list[str], is_told: bool
) -> None:
    """Behind the next of ours it would not be asked of what that accepts."""
    words = {"TOP": "-j nova-filter-top", "OWN": OURS, "theirs": "-s 192.0.2.1/32 -j ACCEPT"}
    above: _Chains = {"nova-filter-top": [], "nova-network-FORWARD": []}
    cured, former = ["TOP", "theirs", "OWN"], ["theirs", "TOP", "OWN"]
    step = _step(*({**above, "FORWARD": [words[each] for each in one]} for one in (former, cured)))
    back = step.inverse
    assert isinstance(back, ChangeRules)
    current = {**above, "FORWARD": [words[each] for each in now]}

    remaining = still(back, current)

    expected = {**above, "FORWARD": [words[each] for each in then]}
    assert remaining.table == expected
    table = Table(current)
    table.restore(remaining.step.lines)
    assert table.specs() == expected
    assert bool(remaining.left) == is_told


def test_both_of_our_jumps_go_back_in_their_order() -> None:
    top, theirs = "-j nova-filter-top", "-s 192.0.2.1/32 -j DROP"
    above: _Chains = {"nova-filter-top": [], "nova-network-FORWARD": []}
    former, cured = [theirs, top, OURS], [top, OURS, theirs]
    step = _step({**above, "FORWARD": former}, {**above, "FORWARD": cured})
    back = step.inverse
    assert isinstance(back, ChangeRules)

    for now, then in ((cured, former), ([top, OURS], [top, OURS])):
        assert still(back, {**above, "FORWARD": now}).table["FORWARD"] == then
