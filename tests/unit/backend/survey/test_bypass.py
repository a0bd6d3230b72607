"""Rules of others above our jumps: which of them let in what security groups would keep out."""

from dataclasses import replace

import pytest
from core_samples import network

from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.table_names import Family
from netconsole.backend.survey.bypass import bypasses
from netconsole.backend.survey.status import Bypass
from netconsole.backend.wording.groups import LOCAL

NETWORK = replace(network(), cidr_v6="fd00::/64")
HEALTHY = {
    "FORWARD": ("-j nova-filter-top", "-j nova-network-FORWARD"),
    "OUTPUT": ("-j nova-filter-top", "-j nova-network-OUTPUT"),
    "nova-filter-top": (f"-j {LOCAL}",),
    LOCAL: ("-d 10.0.0.3/32 -j nova-network-inst-1",),
}


def found(family: Family = "ipv4", **above: tuple[str, ...]) -> tuple[Bypass, ...]:
    """What bypasses where these rules stand above ours, or in chains of their own."""
    names = {each.replace("-", "_"): each for each in HEALTHY}
    held = dict(HEALTHY)
    for name, specs in above.items():
        chain = names.get(name, name)
        held[chain] = (*specs, *held.get(chain, ()))
    chains = {
        ChainKey(family, "filter", chain): tuple(map(Rule, specs)) for chain, specs in held.items()
    }
    return bypasses(chains, (NETWORK,))


@pytest.mark.parametrize(
    ("rule", "whole"),
    [
        ("-j ACCEPT", True),
        ("-o br100 -j ACCEPT", True),
        ("-d 10.0.0.0/8 -j ACCEPT", True),
        ("-m conntrack --ctstate NEW -j ACCEPT", True),
        ("-d 10.0.0.3/32 -j ACCEPT", False),
        ("-i eth0 -j ACCEPT", False),
        ("-i br+ -j ACCEPT", False),
        ("! -i eth0 -j ACCEPT", False),
        ("-i br100 -o br100 -j ACCEPT", False),
        ("-p tcp -m tcp --dport 22 -j ACCEPT", False),
        ("-m physdev --physdev-is-bridged -j ACCEPT", False),
        ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", False),
        ("-d 10.0.0.3/32 -j RETURN", False),
        ('nft: oifname "br100" counter accept # handle 9', True),
        ('nft: iifname "wg0" accept # handle 9', False),
    ],
)
def test_what_accepts_above_our_jump_is_told(rule: str, whole: bool) -> None:
    (only,) = found(FORWARD=("-j LOG", rule))
    assert (only.chain, only.entry, only.whole) == ("FORWARD", 2, whole)
    assert only.place == "rule 2 of FORWARD (iptables table filter)"


@pytest.mark.parametrize(
    "rule",
    [
        "-o docker0 -j ACCEPT",
        "-i docker0 -o eth0 -j ACCEPT",
        "-d 192.168.122.0/24 -j ACCEPT",
        "-i virbr0 -o virbr0 -j ACCEPT",
        "-j DROP",
        "-j LOG",
        "-j empty",
        "-m conntrack --ctstate INVALID -j ACCEPT",
        'nft: oifname "docker0" accept # handle 9',
    ],
)
def test_what_concerns_no_instance_is_passed_over(rule: str) -> None:
    assert found(FORWARD=(rule,)) == ()


def test_behind_our_jump_nothing_is_asked_first() -> None:
    assert found() == ()
    behind = (*HEALTHY["FORWARD"], "-j ACCEPT")
    chains = {
        ChainKey("ipv4", "filter", name): tuple(map(Rule, specs))
        for name, specs in {**HEALTHY, "FORWARD": ("-j LOG", *behind)}.items()
    }
    assert bypasses(chains, (NETWORK,)) == ()


def test_what_a_chain_of_others_accepts_is_told_by_the_rule_and_by_what_leads_there() -> None:
    (only,) = found(FORWARD=("-j LOG", "-j admin"), admin=("-s 192.0.2.1/32 -j DROP", "-j ACCEPT"))
    assert (only.chain, only.entry, only.whole) == ("FORWARD", 2, True)
    assert only.place == "rule 2 of admin (iptables table filter)"


def test_a_chain_of_others_that_leads_to_our_chains_first_bypasses_nothing() -> None:
    assert found(FORWARD=("-j admin",), admin=("-j nova-filter-top", "-j ACCEPT")) == ()


def test_what_the_host_sends_and_the_other_family_are_asked_after_too() -> None:
    (only,) = found(OUTPUT=("-j ACCEPT",))
    assert (only.family, only.chain) == ("ipv4", "OUTPUT")
    (only,) = found("ipv6", FORWARD=("-d fd00::/16 -j ACCEPT",))
    assert (only.family, only.whole) == ("ipv6", True)
    assert only.place == "rule 1 of FORWARD (ip6tables table filter)"
    assert found("ipv6", FORWARD=("-d fd01::/16 -j ACCEPT",)) == ()


def test_one_in_the_chain_that_others_share_is_told_once() -> None:
    (only,) = found(nova_filter_top=("-j nova-compute-local", "-j ACCEPT"))
    assert (only.chain, only.jump, only.entry) == ("nova-filter-top", f"-j {LOCAL}", 2)


def test_where_groups_are_not_kept_nothing_is_bypassed() -> None:
    chains = {ChainKey("ipv4", "filter", "FORWARD"): (Rule("-j ACCEPT"),)}
    assert bypasses(chains, (NETWORK,)) == ()


def test_our_own_jump_above_the_other_is_drift_and_no_rule_of_others() -> None:
    accepting = ("-o br100 -j ACCEPT",)
    above = {"FORWARD": ("-j nova-network-FORWARD",), "nova-network-FORWARD": accepting}
    assert found("ipv4", **above) == ()


def test_of_one_chain_the_rule_that_takes_all_is_told_first() -> None:
    rules = ("-p tcp -m tcp --dport 22 -j ACCEPT", "-j ACCEPT")
    some, *_ = found("ipv4", FORWARD=("-j theirs",), theirs=rules)
    assert (some.rule, some.whole) == ("-j ACCEPT", True)
