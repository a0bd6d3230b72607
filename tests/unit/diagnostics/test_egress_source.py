"""Which rules of others take what floating addresses send, and what leaves that to ours."""

from dataclasses import replace

import pytest
from evidence_samples import ASSOCIATED, FLOATING
from packet_filter import Table
from routing_samples import (
    BOTTOM,
    JUMP,
    STATUS,
    postrouting,
    seen,
)

from netconsole.backend.filtering.nat_order import Turn
from netconsole.backend.filtering.native_tables import NftChain, NftRule, NftTable
from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.backend.steps import ChangeRules, InsertNftRule, Plan
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Confidence, Verdict
from netconsole.diagnostics.parts.packet_filter import PacketFilter

AHEAD = "-A POSTROUTING -o eth0 -j MASQUERADE\n"


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ((AHEAD, JUMP, BOTTOM), "fail"),
        ((JUMP, AHEAD, BOTTOM), "fail"),
        ((JUMP, BOTTOM, AHEAD), "ok"),
        ((JUMP, "-A POSTROUTING -s 10.0.0.0/24 ! -d 10.0.0.0/24 -j MASQUERADE\n", BOTTOM), "fail"),
        ((JUMP, "-A POSTROUTING -s 10.0.0.2/32 -j ACCEPT\n", BOTTOM), "fail"),
        ((JUMP, "-A POSTROUTING -s 10.0.0.9/32 -j ACCEPT\n", BOTTOM), "ok"),
        ((JUMP, "-A POSTROUTING ! -s 10.0.0.0/24 -j MASQUERADE\n", BOTTOM), "ok"),
        ((JUMP, "-A POSTROUTING ! -o docker0 -j MASQUERADE\n", BOTTOM), "fail"),
        ((JUMP, "-A POSTROUTING -o eth+ -j MASQUERADE\n", BOTTOM), "fail"),
        ((JUMP, "-A POSTROUTING -o eth1 -j MASQUERADE\n", BOTTOM), "ok"),
        ((JUMP, "-A POSTROUTING -o eth0 -p tcp -j MASQUERADE\n", BOTTOM), "ok"),
        ((JUMP, "-A POSTROUTING -d 224.0.0.0/24 -j ACCEPT\n", BOTTOM), "ok"),
        ((JUMP, "-A POSTROUTING -o eth0 -j LOG\n", BOTTOM), "ok"),
        (
            (JUMP, '-A POSTROUTING -o eth0 -m comment --comment "a -d b" -j SNAT\n', BOTTOM),
            "fail",
        ),
        (
            (JUMP, "-A POSTROUTING -j DOCKER\n", BOTTOM, "-A DOCKER -o eth0 -j MASQUERADE\n"),
            "fail",
        ),
        (
            (
                *(JUMP, "-A POSTROUTING -j DOCKER\n", BOTTOM),
                *("-A DOCKER -s 10.0.0.0/24 -j RETURN\n", "-A DOCKER -o eth0 -j MASQUERADE\n"),
            ),
            "ok",
        ),
        ((JUMP, "-A POSTROUTING -s 10.0.0.0/24 -j RETURN\n", BOTTOM), "fail"),
        (
            (
                *(JUMP, "-A POSTROUTING -j KUBE-POSTROUTING\n", BOTTOM),
                "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n",
                "-A KUBE-POSTROUTING -j MASQUERADE\n",
            ),
            "ok",
        ),
        ((JUMP,), "info"),
    ],
)
def test_only_a_rule_before_ours_that_takes_the_packets_is_named(
    lines: tuple[str, ...], verdict: Verdict
) -> None:
    assert CHECKS["egress_source"].examine(seen(postrouting(*lines))).verdict == verdict


def test_our_jumps_move_before_what_takes_the_packets_and_back() -> None:
    accepted = "-A POSTROUTING -s 10.0.0.2/32 -j ACCEPT\n"
    harmless = "-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE\n"
    lines = (harmless, JUMP, AHEAD, accepted, BOTTOM)
    found = CHECKS["egress_source"].examine(seen(postrouting(*lines)))
    assert found.fix is not None
    (step,) = found.fix.steps
    assert isinstance(step, ChangeRules)
    now = {"POSTROUTING": [line.split(" ", 2)[2].strip() for line in lines]}
    jumps = ["-j nova-network-POSTROUTING", "-j nova-postrouting-bottom"]
    now |= {jump.removeprefix("-j "): [] for jump in jumps}
    table = Table(now)
    table.restore(step.lines)
    others = [spec for spec in now["POSTROUTING"] if spec not in jumps]
    assert table.specs()["POSTROUTING"] == [others[0], *jumps, *others[1:]]
    assert not any(spec in line for line in step.lines for spec in others)
    table.restore(step.inverse_lines)
    assert table.specs() == now


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (AHEAD, "warn"),
        ("-A POSTROUTING -j ACCEPT\n", "ok"),
        (f"-A POSTROUTING -j ACCEPT\n{AHEAD}", "ok"),
        (f"-A POSTROUTING -m policy --dir out --pol ipsec -j ACCEPT\n{AHEAD}", "warn"),
        ("-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE\n", "ok"),
    ],
)
def test_of_the_legacy_table_only_a_translation_counts(line: str, verdict: Verdict) -> None:
    legacy = parse_saved(f"*nat\n:POSTROUTING ACCEPT [0:0]\n{line}COMMIT\n", "legacy", "ipv4")
    both = postrouting(JUMP, BOTTOM)
    both = replace(both, chains=(*both.chains, *legacy))
    found = CHECKS["egress_source"].examine(seen(both))
    assert found.verdict == verdict
    if verdict == "warn":
        assert found.confidence == "possible"
        assert "when that was cannot be read" in found.because
        place = line.count("\n")
        add = f"iptables-legacy -w -t nat -I POSTROUTING {place} -s 10.0.0.2 -o eth0 -j ACCEPT"
        assert found.fix is not None
        assert found.fix.commands == (add,)
        back = add.replace(f"-I POSTROUTING {place}", "-D POSTROUTING")
        assert found.fix.inverse.commands == (back,)


def native(turn: Turn, *rules: str, flags: tuple[str, ...] = ()) -> PacketFilter:
    """Ours, and a chain of nftables that is asked in this turn."""
    held = tuple(NftRule(each, handle=handle) for handle, each in enumerate(rules, start=4))
    chain = NftChain("post", held, "nat", "postrouting", "100", turn=turn)
    tables = (NftTable("inet", "theirs", (chain,), flags),)
    return replace(postrouting(JUMP, BOTTOM), foreign_tables=tables)


MASQUERADE = 'oifname "eth0" masquerade'


@pytest.mark.parametrize(
    ("turn", "rule", "graded"),
    [
        ("before", MASQUERADE, ("fail", "certain")),
        ("likely before", MASQUERADE, ("warn", "likely")),
        ("unknown", MASQUERADE, ("warn", "possible")),
        ("likely after", MASQUERADE, ("info", "likely")),
        ("after", MASQUERADE, ("ok", "certain")),
        ("before", "ip saddr @lan masquerade", ("info", "possible")),
        ("before", 'oifname "eth0" ip saddr @lan masquerade', ("warn", "possible")),
        ("likely after", 'oifname "eth0" ip saddr @lan masquerade', ("info", "possible")),
        ("before", 'oifname "eth1" masquerade', ("ok", "certain")),
        ("before", 'iifname "br100" masquerade', ("fail", "certain")),
        ("before", 'iifname "virbr0" masquerade', ("ok", "certain")),
    ],
)
def test_a_chain_of_nftables_counts_as_it_is_asked(
    turn: Turn, rule: str, graded: tuple[Verdict, Confidence]
) -> None:
    found = CHECKS["egress_source"].examine(seen(native(turn, rule)))
    assert (found.verdict, found.confidence) == graded
    if found.found:
        assert f"`{rule}` in chain post of the nft table inet theirs" in found.because
        exception = 'ip saddr 10.0.0.2 oifname "eth0" accept'
        assert found.fix == Plan(
            (
                InsertNftRule(
                    *("inet", "theirs", "post", exception),
                    *("netconsole: 10.0.0.2 leaves by eth0", 4),
                ),
            )
        )
        assert "`nft -a list chain inet theirs post` (handle 4) shows it" in found.remedy
        again = CHECKS["egress_source"].examine(seen(native(turn, exception, rule)))
        assert again.verdict == "ok"
    else:
        assert found.fix is None


def test_the_exception_stands_right_before_the_rule_that_takes_the_packets() -> None:
    """Where an admin gives some packets another source, that still comes first."""
    narrow = "udp sport 7777 snat to 203.0.113.77"
    found = CHECKS["egress_source"].examine(seen(native("before", narrow, MASQUERADE)))
    assert found.fix is not None
    (step,) = found.fix.steps
    assert isinstance(step, InsertNftRule)
    assert (step.chain, step.before) == ("post", 5)
    within = NftChain("more", (NftRule(narrow, handle=8), NftRule("masquerade", handle=9)))
    seen_there = native("before", "jump more")
    (table,) = seen_there.foreign_tables
    table = replace(table, chains=(*table.chains, within))
    found = CHECKS["egress_source"].examine(seen(replace(seen_there, foreign_tables=(table,))))
    assert found.fix is not None
    (step,) = found.fix.steps
    assert isinstance(step, InsertNftRule)
    assert (step.chain, step.before) == ("more", 9)


def test_of_several_places_in_a_chain_of_iptables_the_last_comes_first() -> None:
    lines = "".join(
        f"-A POSTROUTING -s 10.0.0.{each}/32 -o eth0 -j MASQUERADE\n" for each in (2, 9, 3)
    )
    legacy = parse_saved(f"*nat\n:POSTROUTING ACCEPT [0:0]\n{lines}COMMIT\n", "legacy", "ipv4")
    other = replace(ASSOCIATED, address="203.0.113.131", fixed_address="10.0.0.3")
    both = postrouting(JUMP, BOTTOM)
    status = replace(STATUS, floating_ips=(ASSOCIATED, other))
    found = CHECKS["egress_source"].examine(
        seen(replace(both, chains=(*both.chains, *legacy)), status=status)
    )
    assert found.fix is not None
    assert [command.split(" -o")[0] for command in found.fix.commands] == [
        "iptables-legacy -w -t nat -I POSTROUTING 3 -s 10.0.0.3",
        "iptables-legacy -w -t nat -I POSTROUTING 1 -s 10.0.0.2",
    ]


def test_a_table_that_is_switched_off_or_locked_is_not_cured() -> None:
    found = CHECKS["egress_source"].examine(seen(native("before", MASQUERADE, flags=("dormant",))))
    assert (found.verdict, found.evidence[-1].note) == ("ok", "switched off (dormant)")
    found = CHECKS["egress_source"].examine(seen(native("before", MASQUERADE, flags=("owner",))))
    assert (found.verdict, found.fix) == ("fail", None)
    assert "which alone can change it" in found.remedy


def test_the_cure_leaves_many_out_by_one_rule() -> None:
    others = tuple(
        replace(ASSOCIATED, address=f"203.0.113.{130 + each}", fixed_address=f"10.0.0.{3 + each}")
        for each in range(2)
    )
    status = replace(STATUS, floating_ips=(ASSOCIATED, *others))
    found = CHECKS["egress_source"].examine(seen(native("before", MASQUERADE), status=status))
    rule = 'ip saddr { 10.0.0.2, 10.0.0.3, 10.0.0.4 } oifname "eth0" accept'
    words = "netconsole: 10.0.0.2 and 2 more leave by eth0"
    assert found.fix == Plan((InsertNftRule("inet", "theirs", "post", rule, words, 4),))
    again = seen(native("before", rule, MASQUERADE), status=status)
    assert CHECKS["egress_source"].examine(again).verdict == "ok"


def test_the_cure_takes_what_is_in_our_chain_and_in_others_at_once() -> None:
    both = replace(
        postrouting(AHEAD, JUMP, BOTTOM), foreign_tables=native("before", MASQUERADE).foreign_tables
    )
    found = CHECKS["egress_source"].examine(seen(both))
    assert found.fix is not None
    assert [type(step) for step in found.fix.steps] == [ChangeRules, InsertNftRule]
    assert "Our jumps move" in found.remedy
    assert "inet theirs post" in found.remedy


def test_what_of_nftables_was_not_read_may_take_the_packets() -> None:
    reason = "nft is not installed"
    elsewhere = replace(
        postrouting(JUMP, BOTTOM),
        foreign_unread=reason,
        unread_nat=frozenset({"prerouting"}),
    )
    assert CHECKS["egress_source"].examine(seen(elsewhere)).verdict == "ok"
    unread = replace(elsewhere, unread_nat=frozenset({"postrouting"}))
    found = CHECKS["egress_source"].examine(seen(unread))
    assert (found.verdict, "nft is not installed" in found.because) == ("unknown", True)
    taken = replace(unread, chains=postrouting(AHEAD, JUMP, BOTTOM).chains)
    assert CHECKS["egress_source"].examine(seen(taken)).verdict == "fail"


def test_without_a_floating_address_there_is_no_source_to_keep() -> None:
    free = replace(STATUS, floating_ips=(replace(ASSOCIATED, fixed_address=None),))
    found = CHECKS["egress_source"].examine(seen(postrouting(AHEAD, JUMP, BOTTOM), status=free))
    assert found.verdict == "not-applicable"


def test_the_floating_address_is_named_where_it_is_lost() -> None:
    found = CHECKS["egress_source"].examine(seen(postrouting(AHEAD, JUMP, BOTTOM)))
    assert FLOATING in found.because
    assert "gets the address of eth0" in found.because
