"""Which rules of a table decide about a flow."""

from ipaddress import IPv4Network

import pytest

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.nft_matches import read_nft
from netconsole.backend.filtering.walk import Decision, decisions

FLOW = Flow(
    "", "br100", "br100", "eth0", IPv4Network("10.0.0.2"), IPv4Network("192.0.2.1"), protocol="sctp"
)
MASQUERADE = 'oifname "eth0" masquerade'


def decided(*rules: str, more: tuple[str, ...] = ()) -> tuple[Decision, ...]:
    chains = {"post": rules, "more": more}
    return decisions("post", lambda name, _: enumerate(chains.get(name, ())), read_nft, FLOW)


@pytest.mark.parametrize(
    ("rules", "became"),
    [
        ((MASQUERADE,), "MASQUERADE"),
        (("counter masquerade random",), "MASQUERADE"),
        (("snat ip to 203.0.113.9",), "SNAT"),
        (('iifname "br100" ip saddr 10.0.0.0/24 snat to 203.0.113.9',), "SNAT"),
        (("ip daddr != { 10.0.0.0/8, 172.16.0.0/12 } masquerade",), "MASQUERADE"),
        (("tcp dport 25 return", MASQUERADE), "MASQUERADE"),
        (("accept", MASQUERADE), "accept"),
        (("ip saddr 10.0.0.2 return", MASQUERADE), "return"),
        (("ip saddr 10.0.0.3 return", MASQUERADE), "MASQUERADE"),
        (("reject with icmp admin-prohibited", MASQUERADE), "drop"),
        (("reject with icmpx port-unreachable", MASQUERADE), "drop"),
        (("drop", MASQUERADE), "drop"),
    ],
)
def test_the_first_rule_that_fits_decides(rules: tuple[str, ...], became: str) -> None:
    (found,) = decided(*rules)
    assert (found.aim or found.outcome, found.is_certain) == (became, True)
    assert (found.outcome == "translate") is bool(found.aim)


@pytest.mark.parametrize(
    "rules",
    [
        ('oifname "eth1" masquerade',),
        ("ip saddr 10.0.0.3 masquerade",),
        ("ip daddr 224.0.0.0/4 masquerade",),
        ("tcp dport 25 masquerade",),
        ("tcp dport != 25 masquerade",),  # it asks for TCP all the same
        ("udp dport != { 25, 53 } masquerade",),
        ("tcp flags & (syn | ack) != syn masquerade",),
        ("tcp dport vmap { 25 : drop }",),
        ("reject with icmpv6 port-unreachable",),
        ("reject with tcp reset",),
        ("snat ip6 to fd00::9",),
        ("counter",),
        (),
    ],
)
def test_what_fits_nothing_of_it_decides_nothing(rules: tuple[str, ...]) -> None:
    assert decided(*rules) == ()


@pytest.mark.parametrize(
    ("rules", "is_whole", "is_spared"),
    [
        (("ip saddr @lan masquerade",), False, False),
        (("snat to ip saddr map { 10.0.0.2 : 203.0.113.9 }",), False, False),
        (("meta mark & 0x4000 != 0x4000 return", MASQUERADE), True, True),
        (("ip daddr @exempt accept", MASQUERADE), True, True),
        (("queue num 5 bypass", MASQUERADE), True, True),
        (("synproxy mss 1460 wscale 7",), False, False),
        (("jump more", MASQUERADE), True, True),
        (("meta protocol ip drop",), False, False),
        (("ct original protocol tcp drop",), False, False),
        (("ct original protocol != tcp ip saddr 10.0.0.2 drop",), False, False),
    ],
)
def test_what_is_not_understood_makes_nothing_certain(
    rules: tuple[str, ...], is_whole: bool, is_spared: bool
) -> None:
    found = decided(*rules, more=("queue",))[-1]
    assert (found.is_whole, found.is_spared, found.is_certain) == (is_whole, is_spared, False)


def test_a_jump_leads_to_what_decides_and_back_where_nothing_does() -> None:
    (found,) = decided("counter", "jump more", more=("tcp dport 1 drop", MASQUERADE))
    assert (found.chain, found.place, found.entry) == ("more", 1, 1)
    (found,) = decided("jump more", "snat to 203.0.113.9", more=("return", MASQUERADE))
    assert (found.aim, found.chain) == ("SNAT", "post")
    assert decided("goto more", MASQUERADE, more=("tcp dport 1 drop",)) == ()
    whole, rest = decided("jump more", MASQUERADE, more=("meta mark 1 return", "snat to 1.2.3.4"))
    assert (whole.aim, whole.is_whole) == ("SNAT", False)
    assert (rest.aim, rest.is_certain) == ("MASQUERADE", True)
    assert decided("jump post", MASQUERADE)[0].aim == "MASQUERADE"


def test_what_is_led_around_a_rule_meets_those_behind_it() -> None:
    """A condition that is not understood picks some: they go on, the rest is at its end."""
    for around in ("meta mark 1 return", "meta mark 1 goto nothing"):
        inner, outer = decided("jump more", "drop", more=(around, "accept"))
        assert (inner.outcome, inner.fits, inner.is_escaped) == ("accept", True, True)
        assert (outer.outcome, outer.fits, outer.is_escaped) == ("drop", True, False)
        assert outer.is_spared
    (left, rest) = decided("meta mark 1 return", "drop")
    assert (left.outcome, left.fits) == ("return", False)
    assert (rest.outcome, rest.is_spared, rest.is_escaped) == ("drop", True, False)


def test_a_decision_tells_the_way_to_it() -> None:
    (found,) = decided("counter", 'iifname "br100" jump more', more=("counter", "drop"))
    assert [(rule.chain, rule.place, rule.is_named) for rule in found.way] == [
        ("post", 1, True),
        ("more", 1, False),
    ]
    assert found.is_named
