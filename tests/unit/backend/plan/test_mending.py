"""What a change puts right that guests were held by before it."""

from dataclasses import replace

import pytest
from core_samples import WANTED, WHOLE

from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule
from netconsole.backend.plan import plan
from netconsole.backend.plan.exposure import exposed
from netconsole.backend.plan.mending import mended, mends

TAP = subject.port("tap0")
OWN_CHAIN = ChainKey("ipv4", "filter", "nova-network-inst-1")


def flushed(*chains: str) -> Observed:
    kept = {
        key: () if key.table == "filter" and (not chains or key.chain in chains) else rules
        for key, rules in WHOLE.chains.items()
    }
    assert kept != WHOLE.chains
    return replace(WHOLE, chains=kept)


def test_what_held_guests_before_comes_first_and_stays() -> None:
    seen = replace(flushed(), guard_table=frozenset())
    assert exposed(seen, WANTED)
    first, then = mended(seen, WANTED)
    assert all(step.stays for step in first.steps)
    assert exposed(then, WANTED) == ()
    assert not plan(then, WANTED)


def test_a_port_that_is_not_there_is_not_guarded_yet() -> None:
    links = {name: link for name, link in WHOLE.links.items() if name != "tap0"}
    first, then = mended(replace(WHOLE, links=links, guard_table=frozenset()), WANTED)
    assert first
    assert not any("tap0" in command for command in first.commands)
    assert {each.device for each in then.guard_table} == {"", "veth1"}


@pytest.mark.parametrize(
    ("own", "others"),
    [((), True), ((TAP,), False)],
    ids=["of another", "of one that it changes"],
)
def test_a_change_mends_what_somebody_flushed(
    own: tuple[subject.Subject, ...], others: bool
) -> None:
    steps = plan(flushed("nova-network-inst-1"), WANTED)
    assert mends(steps, WANTED, own) == others


def test_what_comes_to_be_let_in_mends_nothing() -> None:
    more = (Rule("-j nova-network-sg-9", TAP), *WANTED.chains[OWN_CHAIN])
    wanted = replace(WANTED, chains={**WANTED.chains, OWN_CHAIN: more})
    assert not mends(plan(WHOLE, wanted), wanted, ())
