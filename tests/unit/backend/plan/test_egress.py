"""What an association says of rules of others that take what its address sends."""

from ipaddress import IPv4Network

import pytest

from netconsole.backend.filtering.nat_order import Turn
from netconsole.backend.filtering.native_tables import NftChain, NftRule, NftTable
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule
from netconsole.backend.plan.egress import Others, leaving, note_of_association
from netconsole.backend.plan.nat_ways import OUT

FLOATING = "203.0.113.129"
FLOW = leaving("10.0.0.2", {IPv4Network("10.0.0.0/24"): "br100"}, "eth0")
POSTROUTING = ChainKey("ipv4", "nat", OUT.chain)


def told(others: Others, *before: str) -> tuple[str, ...]:
    rules = tuple(Rule(spec) for spec in (*before, OUT.jumps[-1]))
    return note_of_association(FLOATING, FLOW, Observed(chains={POSTROUTING: rules}), others)


def native(turn: Turn, rule: str) -> Others:
    chain = NftChain("post", (NftRule(rule),), "nat", "postrouting", "99", turn=turn)
    return Others((NftTable("ip", "theirs", (chain,)),))


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        ("before", ("does not leave", "is asked")),
        ("likely before", ("probably does not leave", "is probably asked")),
        ("unknown", ("may not leave", "may be asked")),
    ],
)
def test_it_says_how_sure_it_is(turn: Turn, words: tuple[str, str]) -> None:
    leaves, asked = words
    assert told(native(turn, "masquerade")) == (
        f"what is sent from 10.0.0.2 {leaves} as {FLOATING}: the rule `masquerade` in chain post "
        f"of the nft table ip theirs (priority 99) {asked} before ours; `netconsole playbook run "
        "egress_source` has the cure",
    )


@pytest.mark.parametrize(
    "others",
    [
        Others(),
        native("after", "masquerade"),
        native("likely after", "masquerade"),
        native("before", "accept"),
        native("before", 'iifname "br7" masquerade'),
        native("before", "ip saddr @lan masquerade"),
        Others(chains={POSTROUTING: (Rule("-j ACCEPT"),)}),
    ],
)
def test_what_takes_nothing_for_certain_is_left_to_the_check(others: Others) -> None:
    assert told(others) == ()


def test_our_own_chain_comes_first_and_what_was_not_read_last() -> None:
    (said,) = told(native("before", "masquerade"), "-o eth0 -j MASQUERADE")
    assert "in nat POSTROUTING the rule `-o eth0 -j MASQUERADE` comes before ours" in said
    (said,) = told(Others(chains={POSTROUTING: (Rule("-o eth0 -j MASQUERADE"),)}))
    assert "in POSTROUTING of the iptables-legacy table nat may be asked before ours" in said
    (said,) = told(Others(unread="nft is not installed"))
    assert (
        said == f"whether what is sent from 10.0.0.2 leaves as {FLOATING} is not known: nft is "
        "not installed"
    )
