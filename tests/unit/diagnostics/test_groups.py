"""What is said of security groups: who keeps nobody out, and whom nobody can ping."""

import re
from dataclasses import replace

import pytest
from evidence_samples import HEALTHY, snapshot

from netconsole.backend.model.group_rules import SecurityGroupRule, told
from netconsole.backend.steps import Plan
from netconsole.backend.survey.status import GroupRuleStatus, SecurityGroupStatus
from netconsole.backend.survey.trouble import Reach, troubles
from netconsole.diagnostics.checks.filters import group_admits, open_groups
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions

PING = SecurityGroupRule(1, 1, "icmp", -1, -1, "0.0.0.0/0")
SSH = SecurityGroupRule(2, 1, "tcp", 22, 22, "192.0.2.0/24")
EVERYTHING = SecurityGroupRule(3, 1, cidr="0.0.0.0/0")
EVERYTHING_V6 = SecurityGroupRule(4, 1, cidr="::/0")


def group(*rules: SecurityGroupRule, name: str = "default") -> SecurityGroupStatus:
    shown = tuple(
        GroupRuleStatus(rule, source, source and "demo", told(rule, source))
        for rule in rules
        for source in (None if rule.cidr else "db",)
    )
    is_open = bool({EVERYTHING, EVERYTHING_V6} & set(rules))
    return SecurityGroupStatus(1, name, "demo", shown, ("web1",), is_open)


def asked(*groups: SecurityGroupStatus, target: str = "web1") -> Finding:
    backend = Backend(replace(HEALTHY, security_groups=groups), Plan())
    seen = snapshot().with_parts(backend)
    aimed = Target(target, instance=target) if target else None
    return group_admits.CHECK.examine(replace(seen, target=aimed))


def test_what_lets_everything_in_is_told_of_and_is_no_fault() -> None:
    status = replace(HEALTHY, security_groups=(group(PING, EVERYTHING, EVERYTHING_V6),))
    (told_of,) = (each for each in troubles(status) if "security group" in each.sentence)
    assert told_of.sentence == "security group default of demo lets everything in"
    assert (told_of.reach, told_of.certain) == (Reach.NOBODY, False)
    found = open_groups.CHECK.examine(snapshot().with_parts(Backend(status, Plan())))
    assert found.verdict == "warn"
    assert [row.value for row in found.evidence] == [
        "everything from 0.0.0.0/0",
        "everything from ::/0",
    ]
    assert re.findall("`netconsole (.*?)`", found.remedy)[1:] == [
        "secgroup revoke default --project demo --cidr 0.0.0.0/0",
        "secgroup revoke default --project demo --cidr ::/0",
    ]


@pytest.mark.parametrize(
    "rule",
    [PING, replace(EVERYTHING, cidr="10.0.0.0/8"), replace(EVERYTHING, cidr=None, group_id=1)],
)
def test_a_group_that_keeps_somebody_out_is_not_open(rule: SecurityGroupRule) -> None:
    status = replace(HEALTHY, security_groups=(group(rule),))
    assert not [each for each in troubles(status) if "security group" in each.sentence]
    found = open_groups.CHECK.examine(snapshot().with_parts(Backend(status, Plan())))
    assert found.verdict == "ok"


def test_a_guest_that_nobody_can_ping_is_the_first_thing_to_know() -> None:
    found = asked(group())
    assert (found.verdict, found.confidence) == ("warn", "likely")
    assert "No rule lets in ping or SSH to web1" in found.because
    assert re.findall("`netconsole (.*?)`", found.remedy) == [
        "secgroup allow default --project demo --protocol icmp --icmp -1",
        "secgroup allow default --project demo --protocol tcp --port 22",
    ]
    assert asked(group(PING, SSH)).verdict == "ok"
    assert asked(group(EVERYTHING)).verdict == "ok"


def test_what_is_missing_alone_is_named() -> None:
    assert "No rule lets in SSH to web1" in asked(group(PING)).because
    assert "No rule lets in ping to web1" in asked(group(SSH)).because
    from_a_group = replace(EVERYTHING, cidr=None, group_id=1)
    assert "ping or SSH" in asked(group(from_a_group)).because, "that lets in nobody outside"
    assert "ping or SSH" in asked(group(EVERYTHING_V6)).because


def test_a_guest_in_no_group_is_put_into_one_first() -> None:
    remedy = asked(replace(group(PING, SSH), instances=())).remedy
    assert "`netconsole instance secgroup add web1 default`" in remedy


def test_of_a_whole_host_it_is_only_said() -> None:
    found = asked(group(PING), target="")
    assert found.verdict == "info"
    assert "web1" in found.because


def test_with_the_firewall_off_groups_are_no_explanation() -> None:
    off = ConfiguredOptions("nova.virt.firewall.NoopFirewallDriver", None, 8775)
    seen = snapshot().with_parts(off)
    assert group_admits.CHECK.examine(seen).verdict == "not-applicable"
