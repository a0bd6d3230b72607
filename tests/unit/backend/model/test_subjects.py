"""What rules and steps are about: values that are compared, never words that are looked for."""

from dataclasses import replace
from datetime import UTC, datetime

from core_samples import (
    FLOATING,
    WANTED,
    WHOLE,
    network,
    observed_as,
    records,
    status,
    wanted,
)

from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import ChainKey, Observed, Wanted
from netconsole.backend.model.records import Records
from netconsole.backend.plan import plan
from netconsole.backend.survey.status import Status
from netconsole.backend.transaction.journal_entry import JournalEntry, head, parse
from netconsole.screens.panes.floating import describe
from netconsole.screens.rows.marks import UNICODE

NAMESAKE = replace(network(1), label=FLOATING)
"""A network that is called like a floating address."""


def beside_a_namesake() -> tuple[Records, Wanted]:
    found = replace(records(), networks=(*records().networks, NAMESAKE))
    return found, wanted(found)


def states(told: Status) -> dict[str, str]:
    return {
        **{each.label: each.state for each in told.networks},
        **{f"floating {each.address}": each.state for each in told.floating_ips if each.carried},
    }


def test_every_step_on_an_empty_host_says_what_it_is_about() -> None:
    steps = plan(Observed(), WANTED).steps
    assert [step for step in steps if not step.subjects] == []
    about = {each for step in steps for each in step.subjects}
    assert {subject.HOST, subject.METADATA, subject.network("vmnet")} <= about
    assert subject.floating(FLOATING) in about


def test_the_way_back_is_about_the_same() -> None:
    for step in plan(Observed(), WANTED).steps:
        back = step.inverse
        assert back is None or back.subjects == step.subjects


def test_a_network_may_be_labelled_like_a_floating_address() -> None:
    found, goal = beside_a_namesake()
    whole = observed_as(goal)
    told = status(whole, found, goal)
    assert set(states(told).values()) == {"ok"}
    (carried,) = (each for each in told.floating_ips if each.carried)
    assert (carried.rules_present, carried.rules_expected) == (5, 5)


def test_drift_of_one_is_no_drift_of_its_namesake() -> None:
    found, goal = beside_a_namesake()
    whole = observed_as(goal)
    without_bridge = {name: each for name, each in whole.links.items() if name != NAMESAKE.bridge}
    told = status(replace(whole, links=without_bridge), found, goal)
    assert states(told) == {"vmnet": "ok", FLOATING: "drift", f"floating {FLOATING}": "ok"}
    texts = [entry.text for entry in describe(told, FLOATING, UNICODE)]
    assert "To bring the host back" not in texts

    key = ChainKey("ipv4", "nat", "nova-network-PREROUTING")
    flushed = replace(whole, chains={**whole.chains, key: ()})
    told = status(flushed, found, goal)
    assert states(told) == {"vmnet": "ok", FLOATING: "ok", f"floating {FLOATING}": "drift"}


def test_an_address_is_shown_its_own_commands_of_a_step_for_many() -> None:
    key = ChainKey("ipv4", "nat", "nova-network-PREROUTING")
    told = status(replace(WHOLE, chains={**WHOLE.chains, key: ()}))
    (step,) = (each for each in told.drift if each.step == "ChangeRules")
    assert len(step.commands) == 2
    shown = {entry.text for entry in describe(told, FLOATING, UNICODE) if entry.command}
    assert shown & {*step.commands} == {text for text in step.commands if FLOATING in text}


def test_the_journal_keeps_what_a_step_is_about() -> None:
    made = plan(Observed(), WANTED)
    entry = JournalEntry("1", datetime(2026, 1, 1, tzinfo=UTC), "apply", made)
    read = parse("1", head(entry), None)
    assert [step.subjects for step in read.plan.steps] == [step.subjects for step in made.steps]
    assert all(type(each) is subject.Subject for step in read.plan.steps for each in step.subjects)
