"""Where the metadata rule leads, who listens there, and a firewall that was switched off."""

from dataclasses import replace

import pytest
from evidence_samples import HEALTHY, nat, snapshot

from netconsole.backend.model.option_source import OptionSource
from netconsole.backend.model.subject import METADATA
from netconsole.backend.steps import AddAddress
from netconsole.backend.survey.status import Bypass, NatRule, SecurityGroupStatus
from netconsole.diagnostics.checks.filters import firewall_off
from netconsole.diagnostics.checks.path import metadata
from netconsole.diagnostics.model.finding import Verdict
from netconsole.diagnostics.parts.backend import ConfiguredOptions
from netconsole.diagnostics.parts.listeners import Listener, Listeners
from netconsole.diagnostics.parts.routing import InterfaceAddress, Routing
from netconsole.diagnostics.reasoning.claims import claimant

MATCH = "-d 169.254.169.254/32 -p tcp -m tcp --dport 80"
TRANSLATED = f"{MATCH} -j DNAT --to-destination 203.0.113.2:8775"
REDIRECTED = f"{MATCH} -j REDIRECT --to-ports 8775"
OWN = Routing((InterfaceAddress("eth0", "203.0.113.2", 24, "global"),))
CHAIN = "nova-network-PREROUTING"


def verdict(rule: str, *listeners: Listener, routing: Routing = OWN) -> Verdict:
    held = NatRule("nat", CHAIN, rule, 0, 0, "ours", "present", "metadata", subject=METADATA)
    seen = snapshot(replace(HEALTHY, nat=(held,))).with_parts(Listeners(listeners), routing)
    return metadata.CHECK.examine(seen).verdict


@pytest.mark.parametrize(
    ("rule", "address", "wanted"),
    [
        (TRANSLATED, "203.0.113.2", "ok"),
        (TRANSLATED, "0.0.0.0", "ok"),  # noqa: S104  it binds nothing
        (TRANSLATED, "10.0.0.1", "fail"),
        (REDIRECTED, "127.0.0.1", "ok"),
    ],
)
def test_somebody_has_to_listen_where_the_rule_leads(
    rule: str, address: str, wanted: Verdict
) -> None:
    assert verdict(rule, Listener("tcp", address, 8775)) == wanted
    assert verdict(rule, Listener("udp", address, 8775)) == "fail"
    assert verdict(rule) == "fail"


@pytest.mark.parametrize(
    ("services", "wanted"), [(frozenset({8775}), "ok"), (frozenset(), "warn"), (None, "ok")]
)
def test_who_listens_has_to_be_a_service(services: frozenset[int] | None, wanted: Verdict) -> None:
    held = NatRule("nat", CHAIN, TRANSLATED, 0, 0, "ours", "present", "metadata", subject=METADATA)
    listeners = Listeners((Listener("tcp", "203.0.113.2", 8775),), services)
    seen = snapshot(replace(HEALTHY, nat=(held,))).with_parts(listeners, OWN)
    found = metadata.CHECK.examine(seen)
    assert found.verdict == wanted
    assert ("another program listens" in found.because) == (wanted == "warn")


def test_where_no_guest_is_nobody_misses_a_service() -> None:
    held = NatRule("nat", CHAIN, TRANSLATED, 0, 0, "ours", "present", "metadata", subject=METADATA)
    alone = replace(HEALTHY, nat=(held,), allocations=())
    seen = snapshot(alone).with_parts(Listeners(()), OWN)
    assert metadata.CHECK.examine(seen).verdict == "info"


def test_another_machine_is_not_looked_into() -> None:
    assert verdict(TRANSLATED, routing=Routing()) == "info"


def test_a_missing_rule_is_named_once() -> None:
    step = nat(f"-A {CHAIN} {TRANSLATED}")
    assert claimant(step) == "metadata"
    assert metadata.CHECK.examine(snapshot(HEALTHY, step)).verdict == "fail"
    floating = f"-A {CHAIN} -d 203.0.113.129/32 -j DNAT --to-destination 10.0.0.3"
    with_others = nat(f"-A {CHAIN} {TRANSLATED}", floating)
    assert claimant(with_others) == "floating_nat"


def test_a_missing_address_is_named_with_whom_it_concerns() -> None:
    step = AddAddress("lo", "169.254.169.254/32", "", "link", subjects=(METADATA,))
    assert claimant(step) == claimant(step.inverse) == "metadata"
    found = metadata.CHECK.examine(snapshot(HEALTHY, step))
    assert found.verdict == "fail"
    assert "a guest with a route of its own to 169.254.0.0/16" in found.because
    left = metadata.CHECK.examine(snapshot(HEALTHY, step.inverse))
    assert left.verdict == "fail"
    assert left.because.startswith("This host has 169.254.169.254 though it leads nobody")


def test_a_firewall_that_was_switched_off_is_not_forgotten() -> None:
    off = ConfiguredOptions("nova.virt.firewall.NoopFirewallDriver", None, 8775)
    assert firewall_off.CHECK.examine(snapshot()).verdict == "ok"
    found = firewall_off.CHECK.examine(snapshot().with_parts(off))
    assert (found.verdict, found.fix) == ("warn", None)
    source = OptionSource("/etc/nova/nova.conf", 1_000_000_000)
    found = firewall_off.CHECK.examine(snapshot().with_parts(replace(off, firewall_source=source)))
    since = "since the change of /etc/nova/nova.conf at 2001-09-09 01:46 UTC"
    assert since in found.because
    assert "take the line firewall_driver out of /etc/nova/nova.conf and run" in found.remedy


@pytest.mark.parametrize(
    ("opened", "whole", "verdict", "words"),
    [
        (False, False, "ok", "does not switch it off."),
        (True, False, "info", "It filters nothing"),
        (False, True, "info", "groups_bypassed names it"),
    ],
)
def test_a_firewall_that_filters_nothing_is_not_said_to_be_on(
    opened: bool, whole: bool, verdict: str, words: str
) -> None:
    group = SecurityGroupStatus(1, "default", "demo", (), ("web1",), lets_everything_in=opened)
    taken = Bypass("ipv4", "FORWARD", "-j nova", 1, "FORWARD", "-j ACCEPT", whole=whole)
    host = replace(HEALTHY.host, bypassed=(taken,))
    found = firewall_off.CHECK.examine(
        snapshot(replace(HEALTHY, host=host, security_groups=(group,)))
    )
    assert found.verdict == verdict
    assert words in found.because
    nobody = firewall_off.CHECK.examine(snapshot())
    assert "No instance is here that it filters for" in nobody.because
