"""What a rule of ours is there for is said by what it was worded from."""

from dataclasses import replace

import pytest
from evidence_samples import HEALTHY

from netconsole.backend.model import subject
from netconsole.backend.model.group_rules import SecurityGroupRule
from netconsole.backend.survey.status import GroupRuleStatus, SecurityGroupStatus
from netconsole.diagnostics.parts.journey import Hop, RuleOwner, TracedRule
from netconsole.diagnostics.tracing.rule_owners import RuleOwners

GUEST = HEALTHY.allocations[0]
MEMBERS = SecurityGroupRule(1, 7, "tcp", 22, 22, group_id=8)
WEB = SecurityGroupStatus(
    *(7, "web", "demo"),
    (GroupRuleStatus(MEMBERS, "admins", "ops", "tcp 22 from group admins"),),
    (GUEST.instance,),
    lets_everything_in=False,
)
ADMINS = replace(WEB, id=8, name="admins", project="ops", rules=(), instances=())
OWNERS = RuleOwners.of(replace(HEALTHY, security_groups=(WEB, ADMINS)))


def owner(rule: TracedRule, interface: str = "", verdict: str = "accept") -> RuleOwner | None:
    hop = Hop("there", "rule", interface, "10.0.0.9", GUEST.address, rule, verdict)
    (named,) = OWNERS.named((hop,))
    assert named.rule
    return named.rule.owner


@pytest.mark.parametrize(
    ("chain", "text", "said"),
    [
        (
            "sg-7",
            "-p tcp -m tcp --dport 22 -j nova-network-src-8",
            "group web of demo: tcp 22 from group admins",
        ),
        ("sg-7", "-p tcp -j ACCEPT", "group web of demo"),
        ("src-8", "-s 10.0.0.9/32 -j ACCEPT", "members of group admins of ops"),
        ("s8-0a0", "-s 10.0.0.9/32 -j ACCEPT", "members of group admins of ops"),
        ("sg-fallback", "-j DROP", f"groups of {GUEST.instance}: no rule of them lets it in"),
    ],
)
def test_a_rule_of_groups_is_named_by_its_chain_and_words(chain: str, text: str, said: str) -> None:
    rule = TracedRule("ip", "filter", f"nova-network-{chain}", 4, 1, text, ours=True)
    assert str(owner(rule)) == said
    assert owner(replace(rule, ours=False)) is None, "others may have such a chain as well"


def test_guards_of_both_kinds_are_of_the_instance_at_the_port() -> None:
    native = TracedRule(
        "netdev", "netconsole", "guard", 4, 1, 'x counter name "spoofed_mac" drop', ours=True
    )
    bridge = TracedRule("bridge", "nat", "nova-network-spoofed_mac", 4, 1, "-j DROP", ours=True)
    expected = RuleOwner(
        *(subject.port(GUEST.device), "guard", GUEST.instance, ""),
        "a MAC address that is not its own",
    )
    for rule in (native, bridge):
        assert owner(rule, GUEST.device, "drop") == expected
        assert owner(rule, "eth0", "drop") is None
    policy = replace(native, chain=f"port-{GUEST.device}", handle=0, text="", ours=False)
    assert str(owner(policy, GUEST.device, "drop")).endswith(": whatever else it sends")
