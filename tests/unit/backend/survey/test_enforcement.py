"""Two answers to one question: what the records say reaches an instance, and what the rules do."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from core_samples import fixed_ip, instance, network, options, port
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netconsole.backend.intent.groups import with_groups
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.eui64 import address_v6
from netconsole.backend.model.group_rules import Attempt, GroupProtocol, SecurityGroupRule, is_ipv6
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.meaning import Meaning
from netconsole.backend.model.records import Membership, Records, SecurityGroup
from netconsole.backend.survey.admission import Admittance, Judgement
from netconsole.backend.survey.enforcement import Answer, Verdict, enforced
from netconsole.backend.survey.senders import places_of
from netconsole.backend.wording.groups import LOCAL, IPFamily, group_chains, ways_to_guests

GUESTS = 4
GROUPS = (1, 2, 3)
V6 = "fd00::/64"
NETWORKS = (replace(network(0), cidr_v6=V6, gateway_v6="fd00::1"), network(1))
INSTANCES = tuple(replace(instance(number), id=number + 1) for number in range(GUESTS))
PORTS = tuple(port(number, network_id=1 + number % 2) for number in range(GUESTS))
ADDRESSES = tuple(f"10.0.{number % 2}.{number + 3}" for number in range(GUESTS))
FIXED = tuple(
    replace(fixed_ip(number), address=ADDRESSES[number], network_id=1 + number % 2)
    for number in range(GUESTS)
)
SOURCES = (
    *ADDRESSES,
    *(address_v6(PORTS[number].mac, V6) for number in (0, 2)),
    *("10.0.0.1", "10.0.1.1", "10.0.0.99", "198.51.100.7", "203.0.113.9"),
    *("fd00::1", "fd00::99", "fe80::99", "2001:db8::7"),
)
RANGES = ("0.0.0.0/0", "198.51.100.0/24", "10.0.1.0/24", "10.0.0.3/32", "::/0", "2001:db8::/32")
PORT_RANGES = st.sampled_from([(22, 22), (1, 65535), (20, 30), (68, 68), (80, 80)])
TYPES = st.sampled_from([(-1, -1), (8, -1), (8, 0), (128, -1), (3, 4), (-1, 3)])


@st.composite
def rules(draw: st.DrawFn) -> SecurityGroupRule:
    parent = draw(st.sampled_from(GROUPS))
    protocol: GroupProtocol | None = draw(st.sampled_from([None, "tcp", "udp", "icmp"]))
    numbers = {None: st.just((None, None)), "icmp": TYPES}.get(protocol, PORT_RANGES)
    first, last = draw(numbers)
    cidr = draw(st.one_of(st.none(), st.sampled_from(RANGES)))
    source = draw(st.sampled_from(GROUPS)) if cidr is None else None
    return SecurityGroupRule(0, parent, protocol, first, last, cidr, source)


ATTEMPTS = st.one_of(
    st.builds(
        Attempt, st.sampled_from(["tcp", "udp"]), st.sampled_from([22, 25, 68, 80, 443, 65535])
    ),
    st.builds(
        Attempt,
        st.just("icmp"),
        st.none(),
        st.sampled_from([None, 0, 3, 8, 128, 133, 135]),
        st.sampled_from([0, 3, 4]),
    ),
)
MEMBERS = st.frozensets(
    st.builds(
        Membership, st.sampled_from(GROUPS), st.sampled_from([each.uuid for each in INSTANCES])
    )
)


def chains(records: Records, same_network: bool) -> Mapping[ChainKey, tuple[Rule, ...]]:
    """The rules of our chains as the kernel has them."""
    settings = replace(options(), allow_same_net_traffic=same_network)
    said = with_groups(Meaning(), Presence(records, settings))
    families: tuple[IPFamily, ...] = ("ipv4", "ipv6")
    return {
        ChainKey(family, "filter", chain): tuple(worded)
        for family in families
        for chain, worded in (group_chains(said, family) | ways_to_guests()).items()
    }


@settings(max_examples=40, deadline=None)
@given(
    entries=st.lists(rules(), max_size=8),
    members=MEMBERS,
    attempts=st.lists(ATTEMPTS, min_size=1, max_size=4),
    same_network=st.booleans(),
)
@example([], frozenset(), [Attempt("tcp", 22)], True)
def test_records_and_rules_give_one_answer(
    entries: list[SecurityGroupRule],
    members: frozenset[Membership],
    attempts: list[Attempt],
    same_network: bool,
) -> None:
    records = Records(
        networks=NETWORKS,
        instances=INSTANCES,
        ports=PORTS,
        fixed_ips=FIXED,
        security_groups=tuple(SecurityGroup(n, f"g{n}", "", "demo") for n in GROUPS),
        security_group_rules=tuple(
            replace(each, id=number) for number, each in enumerate(entries, start=1)
        ),
        memberships=tuple(sorted(members, key=lambda each: each.instance_uuid)),
    )
    held = chains(records, same_network)
    settings = replace(options(), allow_same_net_traffic=same_network)
    for guest in INSTANCES:
        admittance = Admittance.of(records, settings, guest)
        places = [(address, net.bridge) for address, net in places_of(records, guest)]
        for source in SOURCES:
            if not any(is_ipv6(each) == is_ipv6(source) for each in admittance.addresses):
                continue
            for attempt in attempts:
                by_records = admittance.admission(source, None, attempt)
                allowed = by_records.allowed
                by_rules = enforced(held, source, places, attempt, allowed=allowed)
                wanted = "allowed" if allowed else "denied"
                assert by_rules == wanted, (guest.name, source, str(attempt), by_records.because)


ASKED = ("198.51.100.7", (("10.0.0.3", "br100"),), Attempt("tcp", 22))
OURS = Rule("-j nova-filter-top")


def verdict(*local: str, forward: tuple[Rule, ...] = (OURS,)) -> Verdict:
    held = {LOCAL: tuple(map(Rule, local)), **ways_to_guests(), "FORWARD": forward}
    chains = {ChainKey("ipv4", "filter", chain): tuple(rules) for chain, rules in held.items()}
    return enforced(chains, *ASKED, allowed=True)


def test_what_no_rule_leads_to_a_chain_is_unfiltered_and_the_unknown_is_said() -> None:
    assert enforced({}, *ASKED, allowed=True) == "unfiltered"
    assert verdict("-d 10.0.0.9/32 -j DROP") == "unfiltered"
    assert verdict("-m set --match-set x src -j ACCEPT") == "unknown"
    assert verdict("-d 10.0.0.3/32 -j DROP") == "denied"
    assert verdict("-d 10.0.0.3/32 -j ACCEPT") == "allowed"
    assert verdict("-d 10.0.0.3/32 -j DROP", forward=()) == "unfiltered", "the jump is gone"


@pytest.mark.parametrize(
    ("local", "allowed", "verdict"),
    [
        (("-d 10.0.0.3/32 -j DROP",), False, "unfiltered"),
        (("-d 10.0.0.3/32 -j DROP", "-d 10.0.0.4/32 -j ACCEPT"), False, "allowed"),
        (("-d 10.0.0.3/32 -j DROP", "-d 10.0.0.4/32 -j ACCEPT"), True, "denied"),
        (("-d 10.0.0.3/32 -j ACCEPT",), True, "unfiltered"),
    ],
)
def test_of_two_addresses_the_one_counts_that_is_not_as_the_records_say(
    local: tuple[str, ...], allowed: bool, verdict: Verdict
) -> None:
    held = {LOCAL: tuple(map(Rule, local)), **ways_to_guests(), "FORWARD": (OURS,)}
    chains = {ChainKey("ipv4", "filter", chain): tuple(rules) for chain, rules in held.items()}
    source, (first,), attempt = ASKED
    both = (first, ("10.0.0.4", "br100"))
    assert enforced(chains, source, both, attempt, allowed=allowed) == verdict


@pytest.mark.parametrize(
    ("above", "closed", "opened"),
    [
        ("-j ACCEPT", "unfiltered", "unfiltered"),
        ("-p tcp -m tcp --dport 22 -j ACCEPT", "unfiltered", "unfiltered"),
        ("-o br100 -j ACCEPT", "unfiltered", "unfiltered"),
        ("-p udp -j ACCEPT", "denied", "allowed"),
        ("-o docker0 -j ACCEPT", "denied", "allowed"),
        ("-m conntrack --ctstate ESTABLISHED -j ACCEPT", "denied", "allowed"),
        ("-i eth0 -j ACCEPT", "unknown", "allowed"),
        ("-i eth0 -o br100 -j ACCEPT", "unknown", "allowed"),
        ("-i eth0 -o docker0 -j ACCEPT", "denied", "allowed"),
        ("-m physdev --physdev-is-bridged -j ACCEPT", "unknown", "allowed"),
        ("-m set --match-set x src -j ACCEPT", "unknown", "allowed"),
        ('nft: iifname "wg0" accept # handle 9', "unknown", "allowed"),
        ('nft: oifname "br100" counter accept # handle 9', "unfiltered", "unfiltered"),
        ("-i eth0 -j DROP", "denied", "unknown"),
        ("-j DROP", "denied", "denied"),
        ("-j RETURN", "unknown", "unknown"),
    ],
)
def test_what_others_say_before_our_rules_counts(
    above: str, closed: Verdict, opened: Verdict
) -> None:
    forward = (Rule("-j LOG"), Rule(above), OURS, Rule("-j ACCEPT"))
    assert verdict("-d 10.0.0.3/32 -j DROP", forward=forward) == closed
    assert verdict("-d 10.0.0.3/32 -j ACCEPT", forward=forward) == opened


@pytest.mark.parametrize(
    ("allowed", "by_rules", "drift"),
    [
        (True, "allowed", False),
        (True, "unfiltered", False),
        (True, "denied", True),
        (False, "denied", False),
        (False, "allowed", True),
        (False, "unfiltered", True),
        (False, "unknown", False),
        (False, None, False),
    ],
)
def test_where_the_two_answers_differ_it_is_drift(
    allowed: bool, by_rules: Verdict | None, drift: bool
) -> None:
    said = Judgement("198.51.100.7", None, "web1", allowed, "rule" if allowed else "no rule")
    assert Answer(said, by_rules).drift is drift
