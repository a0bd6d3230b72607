"""Ports that are bridged without all that holds their guests."""

from dataclasses import replace

import pytest
from core_samples import WANTED, WHOLE

from netconsole.backend.intent.bridge_guards import by_ebtables
from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule
from netconsole.backend.plan.exposure import closing, exposed, needs_mending
from netconsole.backend.steps import SetLink

BOTH = ("tap0", "veth1")


def without(chain: str, words: str = "") -> Observed:
    """The whole host, but for those rules of a chain that contain some words."""
    key = ChainKey("ipv4", "filter", chain)
    left = tuple(rule for rule in WHOLE.chains[key] if words not in rule.spec)
    assert left != WHOLE.chains[key]
    return replace(WHOLE, chains={**WHOLE.chains, key: left})


@pytest.mark.parametrize(
    ("chain", "words", "ports"),
    [
        ("FORWARD", "nova-filter-top", BOTH),
        ("OUTPUT", "nova-filter-top", BOTH),
        ("nova-filter-top", "nova-network-local", BOTH),
        ("nova-network-local", "-j nova-network-inst-1", ("tap0",)),
        ("nova-network-inst-2", "sg-fallback", ("veth1",)),
        ("nova-network-sg-fallback", "DROP", BOTH),
    ],
)
def test_without_a_rule_those_are_exposed_that_it_held(
    chain: str, words: str, ports: tuple[str, ...]
) -> None:
    assert exposed(without(chain, words), WANTED) == ports


def test_without_an_object_of_the_guards_those_are_that_it_is_for() -> None:
    for lost in WANTED.guard_table:
        seen = replace(WHOLE, guard_table=WHOLE.guard_table - {lost})
        assert exposed(seen, WANTED) == ((lost.device,) if lost.device else BOTH)


def test_what_is_held_is_down_or_cannot_be_read_is_not() -> None:
    assert exposed(WHOLE, WANTED) == ()
    down = {name: replace(link, up=False) for name, link in WHOLE.links.items()}
    assert exposed(replace(without("FORWARD"), links=down), WANTED) == ()
    unread = {"rules": "no", "guards": "no"}
    assert exposed(Observed(links=WHOLE.links, unreadable=unread), WANTED) == ()


def test_a_port_in_no_bridge_passes_nothing() -> None:
    alone = {name: replace(link, master=None) for name, link in WHOLE.links.items()}
    assert exposed(replace(without("FORWARD"), links=alone), WANTED) == ()


def test_all_ports_of_an_instance_are_exposed_by_its_one_chain() -> None:
    own = ChainKey("ipv4", "filter", "nova-network-inst-1")
    local = own._replace(chain="nova-network-local")
    further = Rule(f"-d 10.0.1.9/32 -j {own.chain}", subject.port("veth1"))
    chains = {**WANTED.chains, local: (*WANTED.chains[local], further)}
    asked = replace(WANTED, chains=chains)
    seen = replace(WHOLE, chains={**chains, own: ()})
    assert exposed(seen, asked) == BOTH


def test_of_ebtables_a_guard_that_is_not_as_it_should_be_exposes_its_port() -> None:
    asked = by_ebtables(WANTED, "nft is not installed")
    seen = replace(WHOLE, chains=asked.chains, guard_table=frozenset())
    assert exposed(seen, asked) == ()
    own = ChainKey("bridge", "nat", "nova-network-tap0")
    taken = (Rule("-j ACCEPT"), *asked.chains[own])
    assert exposed(replace(seen, chains={**asked.chains, own: taken}), asked) == ("tap0",)


def test_of_a_port_that_goes_it_is_asked_what_was_wanted() -> None:
    links = {name: link for name, link in WANTED.links.items() if name != "tap0"}
    assert needs_mending(WHOLE, replace(WANTED, links=links))


def test_a_guard_that_is_taken_off_is_asked_for_until_it_is() -> None:
    """Nothing is exposed without it afterwards, but what is taken back would leave it in part."""
    assert not needs_mending(WHOLE, WANTED)
    without_guard = replace(
        WANTED,
        guards={name: guard for name, guard in WANTED.guards.items() if name != "tap0"},
        guard_table=frozenset(each for each in WANTED.guard_table if each.device != "tap0"),
    )
    assert not exposed(WHOLE, without_guard)
    assert needs_mending(WHOLE, without_guard)


def test_they_are_taken_down() -> None:
    (step,) = closing(("tap0",), WANTED).steps
    assert step == SetLink("tap0", "up", "0", "1")
    assert step.subjects == WANTED.links["tap0"].subjects
