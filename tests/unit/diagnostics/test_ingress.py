"""What takes the packets that are sent to a floating address, before our rules are asked."""

from dataclasses import replace

import pytest
from evidence_samples import FLOATING
from routing_samples import STATUS, seen

from netconsole.backend.filtering.nat_order import Turn
from netconsole.backend.filtering.native_tables import NftChain, NftRule, NftTable
from netconsole.backend.filtering.saved_tables import FilterChain, parse_saved
from netconsole.backend.model.table_names import Kind
from netconsole.backend.steps import ChangeRules, InsertNftRule, Plan
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Confidence, Finding, Verdict
from netconsole.diagnostics.parts.packet_filter import PacketFilter

JUMP = "-A PREROUTING -j nova-network-PREROUTING\n"
TO_HOST = f"-A PREROUTING -d {FLOATING}/32 -j DNAT --to-destination 203.0.113.2\n"


def chains(kind: Kind, *lines: str) -> tuple[FilterChain, ...]:
    text = f"*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n{''.join(lines)}COMMIT\n"
    return tuple(parse_saved(text, kind, "ipv4"))


def judged(*lines: str, tables: tuple[NftTable, ...] = (), legacy: str = "") -> Finding:
    held = (*chains("nft", *lines), *(chains("legacy", legacy) if legacy else ()))
    return CHECKS["ingress_destination"].examine(seen(PacketFilter("nft", held, tables)))


def native(turn: Turn, *rules: str, hook: str = "prerouting") -> tuple[NftTable, ...]:
    """A chain of nftables that is asked in this turn."""
    held = tuple(NftRule(each, handle=handle) for handle, each in enumerate(rules, start=4))
    return (NftTable("ip", "theirs", (NftChain("pre", held, "nat", hook, "-100", turn=turn),)),)


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ((JUMP,), "ok"),
        ((JUMP, TO_HOST), "ok"),
        ((TO_HOST, JUMP), "fail"),
        (("-A PREROUTING -i eth0 -j REDIRECT\n", JUMP), "fail"),
        ((f"-A PREROUTING -d {FLOATING}/32 -j ACCEPT\n", JUMP), "fail"),
        (("-A PREROUTING -i eth1 -j REDIRECT\n", JUMP), "ok"),
        (("-A PREROUTING -d 203.0.113.2/32 -j DNAT --to-destination 10.9.9.9\n", JUMP), "ok"),
        (("-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j REDIRECT\n", JUMP), "ok"),
        (
            (
                *("-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n", JUMP),
                "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 81 -j DNAT --to 172.17.0.2:80\n",
            ),
            "ok",
        ),
        ((), "info"),
    ],
)
def test_only_a_rule_before_ours_that_takes_the_packets_is_named(
    lines: tuple[str, ...], verdict: Verdict
) -> None:
    assert judged(*lines).verdict == verdict


def test_our_jump_moves_before_what_takes_the_packets() -> None:
    found = judged("-A PREROUTING -s 192.0.2.0/24 -j ACCEPT\n", TO_HOST, JUMP)
    assert f"takes what is sent to {FLOATING}" in found.because
    assert found.fix is not None
    (step,) = found.fix.steps
    assert isinstance(step, ChangeRules)
    assert any("nova-network-PREROUTING" in line for line in step.lines)
    assert not any("DNAT" in line for line in step.lines)


@pytest.mark.parametrize(
    ("turn", "rule", "graded"),
    [
        ("before", f"ip daddr {FLOATING} dnat to 203.0.113.2", ("fail", "certain")),
        ("likely before", 'iifname "eth0" redirect', ("warn", "likely")),
        ("unknown", 'iifname "eth0" redirect', ("warn", "possible")),
        ("likely after", 'iifname "eth0" redirect', ("info", "likely")),
        ("after", 'iifname "eth0" redirect', ("ok", "certain")),
        ("before", "accept", ("ok", "certain")),
        ("before", 'iifname "eth1" redirect', ("ok", "certain")),
        ("before", "tcp dport 8080 dnat to 172.17.0.2:80", ("info", "possible")),
        ("before", f"ip daddr {FLOATING} tcp dport 80 dnat to 10.9.9.9", ("warn", "possible")),
    ],
)
def test_a_chain_of_nftables_counts_as_it_is_asked(
    turn: Turn, rule: str, graded: tuple[Verdict, Confidence]
) -> None:
    found = judged(JUMP, tables=native(turn, rule))
    assert (found.verdict, found.confidence) == graded
    if found.found:
        exception = f'ip daddr {FLOATING} iifname "eth0" accept'
        words = f"netconsole: {FLOATING} comes in by eth0"
        assert found.fix == Plan((InsertNftRule("ip", "theirs", "pre", exception, words, 4),))
        assert judged(JUMP, tables=native(turn, exception, rule)).verdict == "ok"


def test_what_leaves_is_the_matter_of_another_check() -> None:
    assert judged(JUMP, tables=native("before", "masquerade", hook="postrouting")).verdict == "ok"


def test_of_the_legacy_table_only_a_translation_counts() -> None:
    assert judged(JUMP, legacy="-A PREROUTING -j ACCEPT\n").verdict == "ok"
    found = judged(JUMP, legacy=TO_HOST)
    assert (found.verdict, found.confidence) == ("warn", "possible")
    add = f"iptables-legacy -w -t nat -I PREROUTING 1 -d {FLOATING} -i eth0 -j ACCEPT"
    assert found.fix is not None
    assert found.fix.commands == (add,)


def test_without_a_floating_address_nothing_comes_in() -> None:
    free = tuple(replace(each, fixed_address=None) for each in STATUS.floating_ips)
    evidence = seen(PacketFilter("nft"), status=replace(STATUS, floating_ips=free))
    assert CHECKS["ingress_destination"].examine(evidence).verdict == "not-applicable"
