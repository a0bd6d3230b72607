"""The status: every rule of the nat table, whose it is and whether it should be there."""

from dataclasses import replace

from core_samples import (
    FLOATING,
    NETWORKS_PATH,
    WANTED,
    WHOLE,
    chains,
    status,
    wanted,
    with_chains,
)

from netconsole.backend.model.hoststate import ChainKey, Observed, Rule
from netconsole.backend.model.records import Records

BASE = f"{NETWORKS_PATH}/nova-br100"
SERVER = WANTED.dnsmasq[0]
INCOMING = ChainKey("ipv4", "nat", "nova-network-PREROUTING")
POSTROUTING = ChainKey("ipv4", "nat", "POSTROUTING")


def test_on_a_healthy_host_every_nat_rule_is_ours_and_present() -> None:
    rules = status(WHOLE).nat

    assert {(rule.origin, rule.state) for rule in rules} == {("ours", "present")}
    assert len(rules) == 15
    owners = [rule.owner for rule in rules]
    assert owners.count(FLOATING) == 5
    assert owners.count("vmnet") == 3
    assert owners.count("metadata") == 1


def test_a_rule_shows_its_counters() -> None:
    counted = tuple(rule._replace(packets=7, bytes=420) for rule in WHOLE.chains[INCOMING])
    found = [rule for rule in status(with_chains({INCOMING: counted})).nat if rule.packets]

    assert [(rule.packets, rule.bytes) for rule in found] == [(7, 420), (7, 420)]


def test_what_is_flushed_is_missed() -> None:
    nat = status(with_chains({INCOMING: ()})).nat

    missing = [rule for rule in nat if rule.state == "missing"]
    assert [(rule.chain, rule.rule, rule.owner) for rule in missing] == [
        (INCOMING.chain, rule.spec, rule.subject.name if rule.subject else "")
        for rule in WANTED.chains[INCOMING]
    ]
    assert {(rule.origin, rule.packets) for rule in missing} == {("ours", 0)}


def test_rules_of_others_are_foreign_and_present() -> None:
    masquerade = Rule("-s 172.17.0.0/16 -j MASQUERADE", packets=3)
    held = {
        POSTROUTING: (*WHOLE.chains[POSTROUTING], masquerade),
        **chains("nat", {"DOCKER": ["-i docker0 -j RETURN"]}),
    }
    foreign = [rule for rule in status(with_chains(held)).nat if rule.origin == "foreign"]

    assert [(rule.chain, rule.rule, rule.state, rule.owner) for rule in foreign] == [
        ("POSTROUTING", masquerade.spec, "present", ""),
        ("DOCKER", "-i docker0 -j RETURN", "present", ""),
    ]


def test_in_our_chains_what_is_not_wanted_is_unexpected() -> None:
    stray = Rule("-d 203.0.113.99/32 -j DNAT --to-destination 10.0.0.99")
    held = {INCOMING: (*WHOLE.chains[INCOMING], stray, WHOLE.chains[INCOMING][0])}
    unexpected = [rule for rule in status(with_chains(held)).nat if rule.state == "unexpected"]

    assert [rule.rule for rule in unexpected] == [stray.spec, WHOLE.chains[INCOMING][0].spec]
    assert {rule.origin for rule in unexpected} == {"ours"}


def test_a_jump_that_nova_compute_needs_is_not_unexpected_when_we_are_gone() -> None:
    held = chains(
        "nat",
        {
            "POSTROUTING": ["-j nova-postrouting-bottom"],
            "nova-postrouting-bottom": ["-j nova-compute-snat"],
            "nova-compute-snat": [],
        },
    )
    nothing = wanted(Records())
    observed = Observed(chains=held, sysctls={"net.ipv4.ip_forward": "0"})

    told = status(observed, Records(), nothing)
    assert [(rule.origin, rule.state) for rule in told.nat] == [("foreign", "present")] * 2
    assert told.drift == ()


def test_rules_that_cannot_be_read_are_not_missed() -> None:
    blind = replace(WHOLE, chains={}, unreadable={"rules": "no privileges"})
    told = status(blind)

    assert told.nat == ()
    assert told.host.unreadable == {"rules": "no privileges"}
    assert [floating.state for floating in told.floating_ips] == ["unknown", "unknown"]
    assert [each.state for each in told.networks] == ["unknown"]


def test_the_legacy_tables_beside_ours_are_shown_as_such() -> None:
    """Both kinds filter, and iptables lists only one of them."""
    left = chains("nat", {"PREROUTING": ["-j nova-network-PREROUTING", "-j DOCKER"]})
    shown = [rule for rule in status(replace(WHOLE, other_chains=left)).nat if rule.legacy]

    assert [(rule.rule, rule.origin, rule.state) for rule in shown] == [
        ("-j nova-network-PREROUTING", "ours", "unexpected"),
        ("-j DOCKER", "foreign", "present"),
    ]
