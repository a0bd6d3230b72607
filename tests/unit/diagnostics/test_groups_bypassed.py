"""Rules of others that are asked before the groups: what is said, and how our jump moves."""

from dataclasses import replace

from evidence_samples import HEALTHY, snapshot

from netconsole.backend.filtering.native_tables import NftChain, NftRule, NftTable
from netconsole.backend.filtering.saved_tables import FilterChain, FilterRule
from netconsole.backend.steps import ChangeRules, Plan
from netconsole.backend.survey.status import Bypass
from netconsole.diagnostics.checks.filters import groups_bypassed
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions
from netconsole.diagnostics.parts.packet_filter import PacketFilter

JUMP = "-j nova-filter-top"
ALL_V6 = Bypass(
    "ipv6", "FORWARD", JUMP, 2, "rule 2 of FORWARD (ip6tables table filter)", "-j ACCEPT", True
)
SOME = replace(
    ALL_V6, family="ipv4", entry=1, place="rule 1 of FORWARD (iptables table filter)",
    rule="-i wg0 -j ACCEPT", whole=False,
)  # fmt: skip
FORWARD_V6 = tuple(map(FilterRule, ("-j LOG", "-j ACCEPT", JUMP, "-s fd00::/8 -j DROP")))
SEEN = PacketFilter("nft", (FilterChain("nft", "ipv6", "filter", "FORWARD", "ACCEPT", FORWARD_V6),))
FLOWTABLE = NftTable(
    "inet", "fast", (NftChain("f", (NftRule("ip protocol { tcp, udp } flow add @f"),)),)
)


def judged(
    *bypassed: Bypass, seen: PacketFilter = SEEN, unreadable: dict[str, str] | None = None
) -> Finding:
    host = replace(HEALTHY.host, bypassed=bypassed, unreadable=unreadable or {})
    status = replace(HEALTHY, host=host)
    return groups_bypassed.CHECK.examine(snapshot().with_parts(Backend(status, Plan()), seen))


def test_what_lets_in_some_packets_is_a_warning_with_the_commands_to_type() -> None:
    found = judged(SOME)
    assert (found.verdict, found.confidence, found.fix) == ("warn", "possible", None)
    assert "Rule 1 of FORWARD (iptables table filter) lets in some of what is sent" in found.because
    move = f"iptables -w -D FORWARD {JUMP} && iptables -w -I FORWARD 1 {JUMP}"
    assert f"`{move}`" in found.remedy


def test_of_ipv6_our_jump_moves_before_the_rule_and_the_rest_stays() -> None:
    found = judged(ALL_V6, SOME)
    assert found.verdict == "fail"
    assert found.because.endswith("1 rule more: the rows have them.")
    assert found.fix is not None
    (step,) = found.fix.steps
    assert isinstance(step, ChangeRules)
    assert (step.family, step.table, step.lines) == (
        ("ipv6", "filter", (f"-D FORWARD {JUMP}", f"-I FORWARD 2 {JUMP}"))
    )


def test_a_flowtable_of_others_is_told_of_though_it_opens_nothing() -> None:
    assert judged().verdict == "ok"
    found = judged(seen=replace(SEEN, foreign_tables=(FLOWTABLE,)))
    assert (found.verdict, found.fix) == ("warn", None)
    assert [row.label for row in found.evidence] == ["nft inet fast f"]
    assert judged(ALL_V6, seen=replace(SEEN, foreign_tables=(FLOWTABLE,))).verdict == "fail"


def test_of_both_families_each_jump_moves() -> None:
    forward = tuple(map(FilterRule, ("-j ACCEPT", JUMP)))
    chains = tuple(
        FilterChain("nft", family, "filter", "FORWARD", "ACCEPT", forward)
        for family in ("ipv4", "ipv6")
    )
    both = (replace(ALL_V6, family="ipv4", entry=1), replace(ALL_V6, entry=1))
    found = judged(*both, seen=PacketFilter("nft", chains))
    assert found.fix is not None
    steps = [step for step in found.fix.steps if isinstance(step, ChangeRules)]
    assert [step.family for step in steps] == ["ipv4", "ipv6"]
    assert all(step.lines[-1] == f"-I FORWARD 1 {JUMP}" for step in steps)


def test_rules_that_cannot_be_read_are_not_called_well() -> None:
    found = judged(unreadable={"rules": "iptables-save: no such program"})
    assert found.verdict == "unknown"
    assert "no such program" in found.because


def test_where_the_groups_are_switched_off_nothing_is_bypassed() -> None:
    noop = ConfiguredOptions("nova.virt.firewall.NoopFirewallDriver", None, 8775)
    off = groups_bypassed.CHECK.examine(snapshot().with_parts(noop))
    assert off.verdict == "not-applicable"
