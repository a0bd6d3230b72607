"""A change about some floating addresses: the same steps as of the whole host, and no others."""

from dataclasses import replace

import pytest
from core_samples import FIXED, fixed_ip, floating_ip, instance, network, observed_as, port, wanted
from hypothesis import given
from hypothesis import strategies as st

from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, Wanted
from netconsole.backend.model.meaning import Translation
from netconsole.backend.model.records import Records
from netconsole.backend.model.subject import (
    PORTS_TO_BE_NAMED,
    WHOLE_HOST,
    Scope,
    Vicinity,
    confined,
    floating,
)
from netconsole.backend.model.subject import network as of_network
from netconsole.backend.model.subject import port as of_port
from netconsole.backend.plan import plan
from netconsole.backend.plan.filters import after
from netconsole.backend.plan.scope import difference, is_enough
from netconsole.backend.steps import ChangeRules, Plan, Step
from netconsole.backend.wording.iptables import floating_rules
from netconsole.backend.wording.rule_subjects import subject_of

PREROUTING = ChainKey("ipv4", "nat", "nova-network-PREROUTING")
POSTROUTING = ChainKey("ipv4", "nat", "nova-network-POSTROUTING")
SNAT = ChainKey("ipv4", "nat", "nova-network-floating-snat")
BUILTIN = ChainKey("ipv4", "nat", "PREROUTING")


def world(*aims: int | None) -> Records:
    """Two networks of three guests each, and floating addresses given to some of them in turn."""
    rows = tuple(fixed_ip(number, network_id=1 + number % 2) for number in range(6))
    return Records(
        networks=(network(0), network(1)),
        instances=tuple(instance(number) for number in range(6)),
        ports=tuple(port(number, 1 + number % 2) for number in range(6)),
        fixed_ips=rows,
        floating_ips=tuple(
            floating_ip(10 + number, None if aim is None else rows[aim].id)
            for number, aim in enumerate(aims)
        ),
    )


def of(*addresses: str) -> Scope:
    return confined(*map(floating, addresses))


def narrowed(found: Records, *addresses: str) -> Wanted:
    """What is wanted when no other floating address is known of."""
    only = tuple(row for row in found.floating_ips if row.address in addresses)
    return wanted(replace(found, floating_ips=only))


def beside_rules(steps: Plan) -> list[Step]:
    return [step for step in steps.steps if not isinstance(step, ChangeRules)]


AIMS = st.lists(st.none() | st.integers(0, 5), max_size=5)


@given(AIMS, st.integers(0, 5), st.sampled_from(["eth0", ""]))
def test_associating_and_disassociating_take_the_steps_of_a_whole_plan(
    aims: list[int | None], aim: int, interface: str
) -> None:
    idle, given_ = world(*aims, None), world(*aims, aim)
    address = given_.floating_ips[-1].address
    for before, then in ((idle, given_), (given_, idle)):
        host, goal = observed_as(wanted(before)), narrowed(then, address)

        assert is_enough(host, goal, of(address), then.networks)
        assert difference(host, goal, of(address)) == plan(host, wanted(then))


@given(AIMS, st.permutations(range(6)), st.tuples(*[st.booleans()] * 4))
def test_of_two_addresses_those_that_change_take_the_steps_of_a_whole_plan(
    aims: list[int | None], guests: list[int], given_: tuple[bool, ...]
) -> None:
    """Whether one comes, goes, stays or stays away, and whichever was associated first."""
    one, other, *_ = guests
    ends = [
        world(*aims, one if first else None, other if second else None)
        for first, second in (given_[:2], given_[2:])
    ]
    before, then = ends
    addresses = [row.address for row in then.floating_ips[-2:]]
    host = replace(observed_as(wanted(before)), generation=7)
    steps = difference(host, narrowed(then, *addresses), of(*addresses))
    left = plan(after(host, steps), wanted(then)).steps

    assert is_enough(host, narrowed(then, *addresses), of(*addresses), then.networks)
    expected = {
        step for step in plan(host, wanted(then)).steps if not isinstance(step, ChangeRules)
    }
    assert {step for step in steps.steps if not isinstance(step, ChangeRules)} == expected
    for rules in (step for step in left if isinstance(step, ChangeRules)):
        assert given_ == (False, True, True, True)  # the later row was associated first
        assert sorted(line[2:] for line in rules.lines if line.startswith("-D")) == sorted(
            line[2:] for line in rules.lines if line.startswith("-A")
        )


@pytest.mark.parametrize(
    ("scope", "whole"),
    [
        (WHOLE_HOST, True),
        (of("203.0.113.10"), False),
        (of("203.0.113.10", "203.0.113.11"), False),
        (confined(of_port("tap1")), True),
        (confined(of_port("tap1"), vicinity=Vicinity(links=("tap1",))), False),
        (confined(of_port("tap1"), of_network("vmnet0"), vicinity=Vicinity()), True),
        (PORTS_TO_BE_NAMED, False),
        (confined(floating("203.0.113.10"), of_network("vmnet0")), True),
    ],
)
def test_what_cannot_be_looked_at_alone_makes_it_the_whole_host(scope: Scope, whole: bool) -> None:
    assert scope.is_whole is whole


@given(AIMS, st.permutations(range(6)))
def test_after_an_address_was_given_to_another_guest_nothing_is_left(
    aims: list[int | None], guests: list[int]
) -> None:
    """The host still has it at the first guest; of all associations this is now the last."""
    former, aim, *_ = guests
    before, then = world(former, *aims), world(None, *aims)
    last = replace(before.floating_ips[0], fixed_ip_id=then.fixed_ips[aim].id)
    then = replace(then, floating_ips=(*then.floating_ips[1:], last))
    host = replace(observed_as(wanted(before)), generation=7)
    steps = difference(host, narrowed(then, last.address), of(last.address))
    seen = after(host, steps)

    assert seen.generation == 8
    assert seen.chains == wanted(then).chains
    assert not any(isinstance(step, ChangeRules) for step in plan(seen, wanted(then)).steps)


def test_what_is_amiss_elsewhere_is_left_and_shown_by_the_whole_plan() -> None:
    idle, then = world(0, 1, None), world(0, 1, 2)
    state = observed_as(wanted(idle))
    stray, gone = Rule("-d 192.0.2.9/32 -j DNAT --to-destination 10.0.0.9"), Rule("-j LOG")
    chains = {
        **state.chains,
        PREROUTING: (stray, *state.chains[PREROUTING]),
        SNAT: state.chains[SNAT][1:],
        ChainKey("ipv4", "filter", "nova-network-FORWARD"): (gone,),
    }
    host, goal = replace(state, chains=chains), narrowed(then, "203.0.113.12")
    steps = difference(host, goal, of("203.0.113.12"))

    (rules,) = (step for step in steps.steps if isinstance(step, ChangeRules))
    assert rules.lines
    assert all(line.startswith("-A ") for line in rules.lines)
    assert all("203.0.113.12" in line for line in rules.lines)
    assert {type(step) for step in plan(after(host, steps), wanted(then)).steps} >= {ChangeRules}


@pytest.mark.parametrize(
    "change",
    [
        lambda chains: chains.pop(PREROUTING),
        lambda chains: chains.pop(SNAT),
        lambda chains: chains.update({BUILTIN: ()}),
        lambda chains: chains.update({BUILTIN: chains[BUILTIN] * 2}),
        lambda chains: chains.update({POSTROUTING: chains[POSTROUTING][1:]}),
        lambda chains: chains.clear(),
    ],
)
def test_without_what_its_rules_stand_on_the_whole_host_is_looked_at(change: object) -> None:
    found = world(None)
    state = observed_as(wanted(found))
    chains = dict(state.chains)
    assert callable(change)
    change(chains)

    goal, scope = narrowed(found, "203.0.113.10"), of("203.0.113.10")
    assert is_enough(state, goal, scope, found.networks)
    host = replace(state, chains=chains)
    assert not is_enough(host, goal, scope, found.networks)


def test_where_a_network_has_another_router_the_whole_host_is_looked_at() -> None:
    """The address has a rule in the bridge tables then, and still has when it is given up."""
    external = replace(network(0), gateway="10.0.0.254")
    for aim in (None, 0):
        found = replace(world(aim), networks=(external, network(1)))
        goal = narrowed(found, "203.0.113.10")
        host = observed_as(goal)
        assert not is_enough(host, goal, of("203.0.113.10"), found.networks)


def test_where_no_network_is_served_the_whole_host_is_looked_at() -> None:
    assert not is_enough(Observed(), Wanted(), of("203.0.113.10"), ())
    assert is_enough(Observed(), Wanted(), WHOLE_HOST, ())


def test_the_rules_of_an_address_are_told_from_those_of_one_that_begins_alike() -> None:
    one = Translation("203.0.113.1", FIXED, "eth0")
    for chain, rule in floating_rules(one):
        assert subject_of(f"nova-network-{chain}", rule.spec) == floating("203.0.113.1")
    for chain, rule in floating_rules(replace(one, floating="203.0.113.10", fixed="203.0.113.1")):
        assert subject_of(f"nova-network-{chain}", rule.spec) == floating("203.0.113.10")
    assert subject_of("nova-network-snat", "-j SNAT --to-source 203.0.113.1") is None


def test_what_others_did_to_the_bridge_tables_cannot_be_foretold() -> None:
    step = ChangeRules("bridge", "filter", ("-A FORWARD -j DROP",), ())

    assert after(Observed(generation=7), Plan((step,))).generation is None
    assert after(Observed(), Plan()).generation is None
