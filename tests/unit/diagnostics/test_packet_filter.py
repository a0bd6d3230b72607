"""What the checks on the packet filter conclude, and how its listings are read."""

from dataclasses import replace

import pytest
from evidence_samples import HEALTHY, NETWORK, OUR_FILTER, packet_filter, snapshot

from netconsole.backend.filtering.native_tables import NftRule, parse_table
from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.backend.steps import ChangeRules, InsertNftRule, Plan
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.evidence.packet_filter import with_rises
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.backend import Convergence
from netconsole.diagnostics.parts.owners import Owner, Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter

OUT = "-s 10.0.0.0/24 -i br100 -j ACCEPT"
IN = tuple(
    f"-d 10.0.0.0/24 -o br100 -m conntrack --ctstate {states} -j ACCEPT"
    for states in ("RELATED,ESTABLISHED", "DNAT")
)
"""What the cure lets through: what guests send out, replies, and what comes in for floating
addresses."""
REJECT = "-j REJECT --reject-with icmp-host-prohibited"
DOCKER = """*filter
:FORWARD DROP [7:420]
:DOCKER-USER - [0:0]
:DOCKER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
"""
RETURN_ELSE_DROP = "-j RETURN\n-A DOCKER-USER -j DROP"
PICKING = DOCKER.replace("-j RETURN", f"-p icmp {RETURN_ELSE_DROP}").replace("D DROP", "D ACCEPT")
"""Ping is led back to a policy that accepts it."""
LEFT = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:old - [0:0]
-A FORWARD -j old
-A old -p tcp -m tcp --dport 25 -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""
WALL = """table inet wall { # handle 1
	comment "keeps others out"
	flags dormant
	set known { # handle 2
		type ipv4_addr
		elements = { 192.0.2.1,
			192.0.2.2 }
	}

	chain forward { # handle 1
		comment "of forwarding"
		type filter hook forward priority 10; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop } # handle 4
		iifname { "lo",
				"eth9" } counter packets 3 bytes 180 accept comment "two # handle 9" # handle 6
		RULE
	}

	chain rest { # handle 2
		counter packets 5 bytes 300 reject with icmpx admin-prohibited # handle 7
	}
}
"""


def with_rule(*rules: str) -> str:
    """Our filter with rules before our own in FORWARD."""
    lines = "".join(f"-A FORWARD {rule}\n" for rule in rules)
    return OUR_FILTER.replace(
        "-A FORWARD -j nova-filter-top\n", f"{lines}-A FORWARD -j nova-filter-top\n"
    )


def wall(rule: str) -> str:
    handled = f"{rule} # handle 8" if rule else ""
    return WALL.replace("\tflags dormant\n", "").replace("RULE", handled)


def judged(check: str, seen: PacketFilter, *owners: Owner) -> Finding:
    return CHECKS[check].examine(snapshot().with_parts(seen, Owners(owners)))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (packet_filter(), "ok"),
        (packet_filter(with_rule(REJECT)), "fail"),
        (packet_filter(with_rule("-i br100 -j DROP")), "fail"),
        (packet_filter(with_rule("-d 10.0.0.0/8 -j DROP")), "fail"),
        (packet_filter(with_rule("-i br+ -o eth0 -j DROP")), "fail"),
        (packet_filter(with_rule("! -i docker0 -o br100 -j DROP")), "fail"),
        (packet_filter(with_rule("-s 10.0.0.128/25 -j DROP")), "ok"),
        (packet_filter(with_rule("-i docker0 -j DROP")), "ok"),
        (packet_filter(with_rule("! -i br100 -o br100 -j DROP")), "fail"),
        (packet_filter(with_rule('-m comment --comment "to -i eth7" -j DROP')), "fail"),
        (packet_filter(with_rule("! -o br100 -i docker0 -j DROP")), "ok"),
        (packet_filter(with_rule("-p tcp -m tcp --dport 25 -j DROP")), "ok"),
        (packet_filter(with_rule("-m conntrack --ctstate INVALID -j DROP")), "ok"),
        (packet_filter(with_rule("-m physdev --physdev-is-bridged -j DROP")), "ok"),
        (packet_filter(with_rule("-m set --match-set known src -j ACCEPT", REJECT)), "info"),
        (packet_filter(with_rule("-m comment --comment \"-j DROP\" -j LOG")), "ok"),
        (packet_filter(OUR_FILTER.replace(":FORWARD ACCEPT", ":FORWARD DROP")), "ok"),
        (packet_filter(OUR_FILTER.replace("br100 -j ACCEPT", "br100 -j DROP")), "ok"),
        (packet_filter(DOCKER.replace("DOCKER", "MINE")), "fail"),
        (packet_filter(DOCKER.replace("-j RETURN", f"-p icmp {RETURN_ELSE_DROP}")), "fail"),
        (packet_filter(PICKING), "warn"),
        (packet_filter(OUR_FILTER, DOCKER), "fail"),
        (packet_filter(OUR_FILTER, nft=wall("")), "fail"),
        (packet_filter(OUR_FILTER, nft=wall('iifname "br100" accept')), "fail"),
        (packet_filter(OUR_FILTER, nft=wall("accept")), "ok"),
        (packet_filter(OUR_FILTER, nft=wall('iifname != "eth7" accept')), "ok"),
        (packet_filter(OUR_FILTER, nft=wall("ct status dnat accept")), "fail"),
        (packet_filter(OUR_FILTER, nft=wall("ip saddr @known accept")), "info"),
        (packet_filter(nft=wall("ip saddr @known accept").replace("wall", "firewalld")), "warn"),
        (packet_filter(OUR_FILTER, nft=WALL.replace("RULE", "")), "ok"),
    ],
)  # fmt: skip
def test_what_drops_all_that_is_forwarded_is_told_from_what_picks_some(
    seen: PacketFilter, verdict: str
) -> None:
    assert judged("forward_filter", seen).verdict == verdict


def test_of_many_networks_just_the_one_that_is_hit_is_named() -> None:
    numbers = range(100, 200)
    many = tuple(
        replace(NETWORK, label=f"net{n}", bridge=f"br{n}", cidr=f"10.0.{n}.0/24") for n in numbers
    )
    ours = "".join(
        f"-A nova-network-FORWARD -{way} br{number} -j ACCEPT\n"
        for number in numbers
        for way in "io"
    )
    lines = OUR_FILTER.partition("-A nova-network-FORWARD")[0] + ours + "COMMIT\n"
    saved = lines.replace(
        "-A FORWARD -j nova-f", "-A FORWARD -i br150 -j DROP\n-A FORWARD -j nova-f"
    )
    seen = snapshot(replace(HEALTHY, networks=many)).with_parts(packet_filter(saved))
    found = CHECKS["forward_filter"].examine(seen)
    assert found.fix
    assert found.fix.commands == (
        "iptables -t filter -I FORWARD 1 -s 10.0.150.0/24 -i br150 -j ACCEPT",
    )


def test_a_subchain_decides_for_the_chain_that_calls_it() -> None:
    saved = with_rule("-i br100 -j guard").replace(
        "-A nova-network-FORWARD -i",
        "-A guard -s 10.0.0.0/24 -j RETURN\n-A guard -j DROP\n-A nova-network-FORWARD -i",
    )
    declared = saved.replace(":nova-filter-top", ":guard - [0:0]\n:nova-filter-top")
    assert judged("forward_filter", packet_filter(declared)).verdict == "ok"
    other = declared.replace("-s 10.0.0.0/24 -j RETURN", "-s 192.0.2.0/24 -j RETURN")
    found = judged("forward_filter", packet_filter(other))
    assert (found.verdict, "rule 2 of guard" in found.because) == ("fail", True)


def test_the_cure_is_no_wider_than_what_is_dropped() -> None:
    found = judged("forward_filter", packet_filter(with_rule("-o br100 -j DROP")))
    lines = tuple(f"-I FORWARD {place} {rule}" for place, rule in enumerate(IN, start=1))
    back = tuple(f"-D FORWARD {rule}" for rule in reversed(IN))
    assert found.fix == Plan((ChangeRules("ipv4", "filter", lines, back),))
    assert found.persist is None


def test_docker_leaves_a_chain_to_the_admin_which_the_cure_uses() -> None:
    found = judged("forward_filter", packet_filter(OUR_FILTER, DOCKER), Owner("docker", "x"))
    assert found.fix
    assert found.fix.commands[0] == f"iptables-legacy -t filter -I DOCKER-USER 1 {OUT}"
    assert "docker (running)" in found.because
    assert "7 packets" in found.because


def test_the_chain_of_the_admin_is_not_used_where_it_comes_too_late() -> None:
    late = DOCKER.replace(
        "-A FORWARD -j DOCKER-USER", f"-A FORWARD {REJECT}\n-A FORWARD -j DOCKER-USER"
    )
    found = judged("forward_filter", packet_filter(OUR_FILTER, late))
    assert found.fix
    assert f" -I FORWARD 1 {OUT}" in found.fix.commands[0]


def test_a_table_of_nftables_is_cured_in_its_own_words() -> None:
    found = judged("forward_filter", packet_filter(OUR_FILTER, nft=wall("")))
    place = ("inet", "wall", "forward")
    back = 'oifname "br100" ip daddr 10.0.0.0/24'
    rules = (
        ('iifname "br100" ip saddr 10.0.0.0/24 accept', "from 10.0.0.0/24 on br100"),
        (f"{back} ct status dnat accept", "new connections to 10.0.0.0/24 on br100"),
    )
    assert found.fix == Plan(
        tuple(InsertNftRule(*place, rule, f"netconsole: {words}") for rule, words in rules)
    )


def test_a_rule_of_nftables_is_preceded_by_its_handle() -> None:
    found = judged("forward_filter", packet_filter(OUR_FILTER, nft=wall("counter reject")))
    assert found.fix
    (out, _) = found.fix.steps
    assert isinstance(out, InsertNftRule)
    assert (out.before, out.mark) == (
        8,
        'comment "netconsole: from 10.0.0.0/24 on br100, before 8"',
    )


def test_a_locked_table_has_no_cure_but_a_remedy() -> None:
    locked = WALL.replace("flags dormant", "flags owner").replace("RULE", "")
    found = judged("forward_filter", packet_filter(OUR_FILTER, nft=locked))
    assert (found.verdict, found.fix) == ("fail", None)
    assert "firewall-cmd" in found.remedy


def rising(rule: str) -> PacketFilter:
    """Our filter with a rule before our own that has just dropped 4 packets."""
    before = with_rule(rule)
    after = before.replace(f"-A FORWARD {rule}", f"[4:336] -A FORWARD {rule}")
    readings = (tuple(parse_saved(text, "nft", "ipv4")) for text in (before, after))
    return replace(packet_filter(), chains=with_rises(*readings))


def test_a_rule_that_picks_packets_of_guests_is_named_while_it_counts() -> None:
    picks = "-i br100 -p icmp -j DROP"
    assert judged("forward_filter", packet_filter(with_rule(picks))).verdict == "ok"
    assert judged("forward_filter", rising("-p icmp -j DROP")).verdict == "ok"
    found = judged("forward_filter", rising(picks))
    assert (found.verdict, found.fix) == ("warn", None)
    assert "4 packets" in found.because


def test_a_network_that_is_closed_off_is_not_forwarded_for() -> None:
    closed = replace(HEALTHY, networks=(replace(NETWORK, gateway=None),))
    seen = snapshot(closed).with_parts(packet_filter(with_rule(REJECT)))
    assert CHECKS["forward_filter"].examine(seen).verdict == "not-applicable"


def test_what_could_not_be_listed_is_not_called_clean() -> None:
    unread = replace(packet_filter(), foreign_unread="nft is not installed")
    assert judged("forward_filter", unread).verdict == "unknown"


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        ("", "not-applicable"),
        ("*filter\n:FORWARD ACCEPT [0:0]\n:x - [0:0]\n-A FORWARD -j x\nCOMMIT\n", "ok"),
        ("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j LOG\nCOMMIT\n", "ok"),
        ("*filter\n:INPUT DROP [0:0]\nCOMMIT\n", "info"),
        ("*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n", "info"),
        ("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j NOTRACK\nCOMMIT\n", "info"),
        ("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -o virbr0 -j REJECT\nCOMMIT\n", "info"),
        ("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -i br100 -j REJECT\nCOMMIT\n", "fail"),
        (DOCKER, "info"),
    ],
)
def test_rules_that_act_unseen_are_told_from_tables_that_do_nothing(
    other: str, verdict: str
) -> None:
    assert judged("legacy_filter", packet_filter(OUR_FILTER, other)).verdict == verdict


def test_only_what_drops_the_guests_flows_is_taken_away_and_comes_back() -> None:
    left = """\
*filter
:FORWARD DROP [0:0]
:virtual - [0:0]
-A FORWARD -j virtual
-A FORWARD -o br100 -j DROP
-A FORWARD -i br100 -j DROP
-A virtual -o virbr0 -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""
    found = judged("legacy_filter", packet_filter(OUR_FILTER, left))
    assert found.fix
    (step,) = found.fix.steps
    assert isinstance(step, ChangeRules)
    assert step.kind == "legacy"
    assert step.lines == ("-D FORWARD 3", "-D FORWARD 2")
    assert step.inverse_lines == ("-I FORWARD 2 -o br100 -j DROP", "-I FORWARD 3 -i br100 -j DROP")


def test_before_a_policy_that_drops_them_only_the_guests_are_let_through() -> None:
    found = judged("legacy_filter", packet_filter(OUR_FILTER, LEFT))
    assert found.fix
    (step,) = found.fix.steps
    assert isinstance(step, ChangeRules)
    assert step.lines == tuple(f"-A FORWARD {rule}" for rule in (OUT, *IN))
    silent = judged("forward_filter", packet_filter(OUR_FILTER, LEFT))
    assert silent.verdict == "ok", "one check names it"


def test_ours_of_the_other_kind_are_moved_by_the_plan_and_by_nothing_else() -> None:
    left = ChangeRules("ipv4", "nat", ("-X nova-network-snat",), (), "legacy")
    new = ChangeRules("ipv4", "nat", (":nova-network-snat - [0:0]",), ())
    seen = snapshot(HEALTHY, new, left).with_parts(packet_filter(OUR_FILTER, LEFT))
    found = CHECKS["legacy_filter"].examine(seen)
    assert found.verdict == "fail"
    assert found.fix == Convergence((new, left))


def test_what_ours_alone_let_pass_there_is_accepted_before_they_go() -> None:
    old = """\
*filter
:FORWARD DROP [0:0]
:nova-network-FORWARD - [0:0]
-A FORWARD -j nova-network-FORWARD
-A nova-network-FORWARD -i br100 -j ACCEPT
-A nova-network-FORWARD -o br100 -j ACCEPT
COMMIT
"""
    left = ChangeRules("ipv4", "filter", ("-X nova-network-FORWARD",), (), "legacy")
    seen = snapshot(HEALTHY, left).with_parts(packet_filter(OUR_FILTER, old))
    found = CHECKS["legacy_filter"].examine(seen)
    assert found.fix
    first, then = found.fix.steps
    assert isinstance(first, ChangeRules)
    assert (first.kind, then) == ("legacy", left)
    assert first.lines == tuple(f"-A FORWARD {rule}" for rule in (OUT, *IN))
    assert "the policy of FORWARD" in found.because


def test_on_a_legacy_host_it_is_the_nft_kind_that_nobody_sees() -> None:
    found = judged("legacy_filter", packet_filter(OUR_FILTER, LEFT, command="legacy"))
    assert found.fix
    assert found.fix.commands[0].startswith("iptables-nft -t filter ")


@pytest.mark.parametrize(
    ("owners", "seen", "verdict"),
    [
        ((), packet_filter(), "ok"),
        (("NetworkManager",), packet_filter(), "ok"),
        (("docker",), packet_filter(OUR_FILTER, DOCKER), "info"),
        ((), packet_filter(OUR_FILTER, DOCKER), "info"),
        (("firewalld",), packet_filter(nft=wall("").replace("wall", "firewalld")), "info"),
        (("firewalld",), packet_filter(), "warn"),
        (("firewalld", "ufw"), packet_filter(nft=wall("").replace("wall", "firewalld")), "warn"),
    ],
)
def test_who_keeps_rules_is_said_and_only_a_conflict_is_a_finding(
    owners: tuple[str, ...], seen: PacketFilter, verdict: str
) -> None:
    found = judged("other_firewalls", seen, *(Owner(name, "a process") for name in owners))
    assert (found.verdict, found.fix) == (verdict, None)


def test_rules_of_nobody_known_are_said_to_be_there() -> None:
    found = judged("other_firewalls", packet_filter(nft=wall("")))
    assert found.verdict == "info"
    assert "nftables inet wall" in found.because
    shared = packet_filter(nft=wall("").replace("wall", "nm-shared-eth0"))
    assert "NetworkManager keep rules" in judged("other_firewalls", shared).because


def test_rules_of_ours_that_are_gone_are_brought_together_with_who_reloads() -> None:
    seen = snapshot(HEALTHY, ChangeRules("ipv4", "filter", ("-A x",), ()))
    docker = seen.with_parts(packet_filter(OUR_FILTER, DOCKER))
    assert "Rules of ours are missing" in CHECKS["other_firewalls"].examine(docker).because


def test_the_listing_of_a_table_is_read_without_its_counters() -> None:
    table = parse_table("inet", "wall", WALL.replace("RULE", ""))
    assert table.flags == ("dormant",)
    forward, rest = table.chains
    assert (forward.hook, forward.type, forward.priority, forward.policy) == (
        *("forward", "filter", "10"),
        "drop",
    )
    assert [rule.handle for rule in forward.rules] == [4, 6]
    assert forward.rules[1] == NftRule(
        'iifname { "lo", "eth9" } counter accept comment "two # handle 9"', 3, handle=6
    )
    assert rest.rules == (NftRule("counter reject with icmpx admin-prohibited", 5, handle=7),)


def test_a_rule_with_a_chain_of_its_own_is_one_rule() -> None:
    told = WALL.replace(
        "RULE", "tcp dport 22 jump {\n\t\t\tip saddr 10.0.0.5 drop\n\t\t} # handle 8"
    )
    forward = parse_table("inet", "wall", told).chains[0]
    assert forward.rules[2:] == (NftRule("tcp dport 22 jump { ip saddr 10.0.0.5 drop }", handle=8),)


def test_a_rule_that_has_moved_meanwhile_has_not_risen() -> None:
    before = tuple(parse_saved(OUR_FILTER, "nft", "ipv4"))
    moved = OUR_FILTER.replace(
        "-A FORWARD -j nova-filter-top\n",
        "-A FORWARD -j ACCEPT\n[9:900] -A FORWARD -j nova-filter-top\n",
    ).replace(":FORWARD ACCEPT [0:0]", ":FORWARD ACCEPT [2:200]")
    forward = with_rises(before, tuple(parse_saved(moved, "nft", "ipv4")))[1]
    assert [rule.rise for rule in forward.rules] == [0, 0, 0]
    assert forward.rise == 2
