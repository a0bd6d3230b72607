"""What the agent mends of a host, and what it leaves to the admin."""

from dataclasses import replace

import pytest

from netconsole.agent.repairing import (
    FIGHT_SECONDS,
    OPERATION_SECONDS,
    ROUNDS,
    Memory,
    Policy,
    RepairDecision,
    Seen,
    decide,
    failed,
)
from netconsole.backend.configuration.option_rules import repair_rule
from netconsole.backend.model.authors import Authors
from netconsole.backend.steps import AddAddress, ChangeRules, Plan, Step

RULE = ChangeRules("ipv4", "nat", ("-A nova-network-snat -j SNAT",), ())
ADDRESS = AddAddress("eth0", "203.0.113.9/32", "")
STARTED = Memory(has_started=True)
FIREWALLD = Authors(frozenset({"firewalld"}))
GONE = Authors(is_one_gone=True)


def policy(*rules: str) -> Policy:
    return Policy.of(tuple(map(repair_rule, rules)))


def seen(*steps: Step, at: float = 0.0) -> Seen:
    return Seen(at, Plan(steps))


def taken(decision: RepairDecision, *steps: Step) -> tuple[Step, ...]:
    return decision.repair.taken(Plan(steps)).steps if decision.repair is not None else ()


@pytest.mark.parametrize(
    ("rules", "at_start", "later"),
    [
        (("never",), (), ()),
        (("boot",), (RULE, ADDRESS), ()),
        (("always",), (RULE, ADDRESS), (RULE, ADDRESS)),
        (("never", "rules:always"), (RULE,), (RULE,)),
        (("always", "addresses:boot"), (RULE, ADDRESS), (RULE,)),
    ],
)
def test_what_the_option_says(
    rules: tuple[str, ...], at_start: tuple[Step, ...], later: tuple[Step, ...]
) -> None:
    both = (RULE, ADDRESS)
    assert taken(decide(seen(*both), Memory(), policy(*rules)), *both) == at_start
    assert taken(decide(seen(*both), STARTED, policy(*rules)), *both) == later


def test_what_was_missing_is_waited_for_and_what_goes_later_is_not() -> None:
    begun = decide(
        replace(seen(), lacking=frozenset({("eth1", "")})), Memory(), policy("boot")
    ).memory
    still = decide(replace(seen(ADDRESS), lacking=begun.awaited), begun, policy("boot"))
    assert still.repair is None
    come = decide(seen(ADDRESS), still.memory, policy("boot"))
    assert come.repair is not None
    assert come.repair.title == "repair: eth1 can be had now"
    assert decide(seen(ADDRESS), come.memory, policy("boot")).repair is None
    gone = decide(replace(seen(), lacking=frozenset({("eth2", "")})), come.memory, policy("boot"))
    assert decide(seen(ADDRESS), gone.memory, policy("boot")).repair is None


@pytest.mark.parametrize(
    ("led", "cause"),
    [
        (replace(seen(RULE), store_changed=True), "the store has changed"),
        (replace(seen(RULE), authors=FIREWALLD), "firewalld has changed the packet filter"),
        (replace(seen(RULE), cut_off=True), "a change was cut off"),
    ],
)
def test_what_no_admin_did_at_the_host_is_mended(led: Seen, cause: str) -> None:
    decision = decide(led, STARTED, policy("boot"))
    assert decision.repair is not None
    assert decision.repair.cause == cause
    assert decide(led, STARTED, policy("never")).repair is None


def test_of_what_a_firewall_did_the_packet_filter_alone_is_mended() -> None:
    decision = decide(replace(seen(RULE, ADDRESS), authors=FIREWALLD), STARTED, policy("boot"))
    assert taken(decision, RULE, ADDRESS) == (RULE,)


def test_nothing_is_done_while_it_is_not_known_what() -> None:
    decision = decide(replace(seen(RULE), unknown="store: gone"), Memory(), policy("always"))
    assert (decision.repair, decision.memory) == (None, Memory())


def test_what_a_firewall_did_is_mended_once_it_is_known_what() -> None:
    unread = replace(seen(), authors=FIREWALLD, unknown="rules: busy")
    decision = decide(unread, STARTED, policy("boot"))
    assert decision.repair is None
    again = decide(seen(RULE), decision.memory, policy("boot"))
    assert taken(again, RULE) == (RULE,)
    assert again.repair is not None
    assert again.repair.cause == "firewalld has changed the packet filter"
    assert not decide(seen(RULE), again.memory, policy("boot")).repair


def test_what_is_undone_again_and_again_is_left_and_the_rest_is_not() -> None:
    memory = STARTED
    for number in range(ROUNDS):
        decision = decide(seen(RULE, at=float(number)), memory, policy("always"))
        assert taken(decision, RULE) == (RULE,)
        assert not decision.warning
        memory = decision.memory
    decision = decide(seen(RULE, ADDRESS, at=9.0), memory, policy("always"))
    assert taken(decision, RULE, ADDRESS) == (ADDRESS,)
    assert RULE.commands[0] in decision.warning
    again = decide(seen(RULE, at=38.0), decision.memory, policy("always"))
    assert (again.repair, again.warning) == (None, "")


def test_who_fights_on_is_left_alone_for_longer_each_time() -> None:
    memory, now, waits = STARTED, 0.0, []
    for _ in range(30):
        decision = decide(replace(seen(RULE, at=now), authors=FIREWALLD), memory, policy("boot"))
        memory = decision.memory
        if decision.repair is None:
            assert "undone" in decision.warning
            waits.append(memory.left[RULE.commands[0]] - now)
            now += waits[-1]
        now += OPERATION_SECONDS
    assert waits[:6] == [30.0, 60.0, 120.0, 240.0, 480.0, 480.0]
    assert len(waits) == 14


def test_a_service_that_restarts_in_many_parts_is_no_fight() -> None:
    memory = STARTED
    for number in range(3 * ROUNDS):
        led = replace(seen(RULE, at=float(number)), authors=FIREWALLD)
        decision = decide(led, memory, policy("boot"))
        assert taken(decision, RULE) == (RULE,)
        memory = decision.memory


def test_who_is_gone_is_of_the_service_that_was_seen_a_moment_ago() -> None:
    gone = replace(seen(RULE), authors=GONE)
    assert decide(gone, STARTED, policy("boot")).repair is None
    memory = decide(replace(seen(), authors=FIREWALLD), STARTED, policy("boot")).memory
    soon = decide(replace(gone, at=OPERATION_SECONDS - 1), memory, policy("boot"))
    assert soon.repair is not None
    assert soon.repair.cause == "firewalld has changed the packet filter"
    assert decide(replace(gone, at=OPERATION_SECONDS), memory, policy("boot")).repair is None


def test_what_was_left_is_tried_again_after_a_while_though_nothing_happens() -> None:
    memory = replace(STARTED, left={RULE.commands[0]: FIGHT_SECONDS})
    assert memory.next_at == FIGHT_SECONDS
    before = replace(seen(RULE, at=FIGHT_SECONDS - 1), authors=FIREWALLD)
    assert decide(before, memory, policy("boot")).repair is None
    late = decide(seen(RULE, at=FIGHT_SECONDS), memory, policy("boot"))
    assert taken(late, RULE) == (RULE,)
    assert late.memory.next_at is None
    assert decide(seen(at=FIGHT_SECONDS), memory, policy("boot")).repair is None


def test_a_fight_is_noticed_beside_what_cannot_be_had() -> None:
    """Of a repair that does all but something else, what it did is undone by somebody."""
    memory, both = STARTED, Plan((RULE, ADDRESS))
    for number in range(ROUNDS):
        decision = decide(seen(*both.steps, at=number * 400.0), memory, policy("always"))
        assert not decision.warning
        memory = failed(memory, decision, both, RULE.commands, number * 400.0)
    decision = decide(seen(*both.steps, at=1000.0), memory, policy("always"))
    assert RULE.commands[0] in decision.warning
    assert taken(decision, *both.steps) == (ADDRESS,)


def test_what_fails_waits_and_holds_up_nothing_else() -> None:
    memory = failed(
        STARTED,
        decide(seen(ADDRESS), STARTED, policy("always")),
        Plan((ADDRESS,)),
        (),
        0.0,
    )
    soon = decide(seen(RULE, ADDRESS, at=1.0), memory, policy("always"))
    assert taken(soon, RULE, ADDRESS) == (RULE,)
    late = decide(seen(RULE, ADDRESS, at=memory.again_at), soon.memory, policy("always"))
    assert taken(late, RULE, ADDRESS) == (RULE, ADDRESS)


def test_what_happens_now_and_then_is_no_fight() -> None:
    memory = STARTED
    for number in range(3 * ROUNDS):
        at = number * (FIGHT_SECONDS + 1)
        decision = decide(seen(RULE, at=at), memory, policy("always"))
        assert taken(decision, RULE) == (RULE,)
        memory = decision.memory


def test_what_failed_is_tried_again_later_and_later() -> None:
    memory, now, waits = Memory(), 0.0, []
    for _ in range(10):
        decision = decide(seen(ADDRESS, at=now), memory, policy("boot"))
        assert taken(decision, ADDRESS) == (ADDRESS,)
        memory = failed(memory, decision, Plan((ADDRESS,)), (), now)
        assert decide(seen(ADDRESS, at=now), memory, policy("boot")).repair is None
        waits.append(memory.again_at - now)
        now = memory.again_at
    assert waits == sorted(waits)
    assert waits[0] < waits[-1] <= 300
    assert not decide(seen(at=now), memory, policy("boot")).memory.owed
