"""Where the ACCEPT of a cure goes, and what it asks for: nothing of others' rules is overruled."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from evidence_samples import HEALTHY, packet_filter, snapshot

from netconsole.backend.filtering.matches import Aspect, Flow
from netconsole.backend.filtering.native_tables import parse_table
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.acceptance import let_pass
from netconsole.diagnostics.reasoning.filter_walk import drops, rulesets

GUESTS = IPv4Network("10.0.0.0/24")
SENT = Flow("what guests send out", "br100", "br100", "eth0", source=GUESTS)
REPLIES = Flow(
    *("the replies", "br100", "eth0", "br100"),
    destination=GUESTS,
    states=frozenset({"ESTABLISHED"}),
)
FLOATING = replace(REPLIES, words="new ones", states=frozenset({"NEW", "DNAT"}))
WITHIN = Flow("frames", "br100", "br100", "br100", GUESTS, GUESTS, bridged=True)
DISCOVER = Flow(
    *("DHCP requests", "br100", "br100", ""),
    *(IPv4Network("0.0.0.0"), IPv4Network("255.255.255.255")),  # noqa: S104  a source
    protocol="udp",
    port=67,
)
ANY_ADDRESS: frozenset[Aspect] = frozenset({"source", "destination"})
OUT = "-s 10.0.0.0/24 -i br100"
BACK = "-d 10.0.0.0/24 -o br100"


def filtered(*rules: str, policy: str = "ACCEPT") -> PacketFilter:
    """A table of iptables in which FORWARD has these rules, or the chains that they name."""
    lines = [rule if rule.startswith("-A") else f"-A FORWARD {rule}" for rule in rules]
    others = {line.split()[1] for line in lines} - {"FORWARD", "INPUT"}
    declared = [f":FORWARD {policy} [0:0]", ":INPUT ACCEPT [0:0]"]
    declared += [f":{name} - [0:0]" for name in sorted(others)]
    return packet_filter("\n".join(("*filter", *declared, *lines, "COMMIT", "")))


def walled(*rules: str, family: str = "inet", policy: str = "drop", more: str = "") -> PacketFilter:
    """A table of nftables whose rules have the handles 11, 12 and so on."""
    lines = "".join(f"\t\t{rule} # handle {n}\n" for n, rule in enumerate(rules, start=11))
    told = (
        f"table {family} wall {{ # handle 1\n\tchain forward {{ # handle 1\n"
        f"\t\ttype filter hook forward priority 0; policy {policy};\n{lines}\t}}\n{more}}}\n"
    )
    return PacketFilter("nft", (), (parse_table(family, "wall", told),))


def cure(seen: PacketFilter, *flows: Flow) -> tuple[str, ...]:
    """What lets these flows pass, as commands without their beginning."""
    tables = [table for table in rulesets(seen) if drops(table, flows)]
    found = [each for table in tables for each in drops(table, flows) if each.certain]
    plan = let_pass(found, "nft")
    assert plan
    return tuple(
        command.removeprefix("iptables -t filter ").replace("'", "") for command in plan.commands
    )


@pytest.mark.parametrize(
    ("rules", "policy", "place"),
    [
        (("-j DROP",), "ACCEPT", "-I FORWARD 1"),
        (("-s 10.0.0.5/32 -j DROP", "-j DROP"), "ACCEPT", "-I FORWARD 2"),
        (("-d 192.0.2.0/24 -j DROP", "-j LOG", "-j REJECT"), "ACCEPT", "-I FORWARD 3"),
        (("-s 10.0.0.5/32 -j DROP",), "DROP", "-A FORWARD"),
        (("-j mine", "-A mine -s 10.0.0.5/32 -j DROP", "-A mine -j DROP"), "ACCEPT", "-I mine 2"),
    ],
)  # fmt: skip
def test_it_stands_right_before_what_drops(rules: tuple[str, ...], policy: str, place: str) -> None:
    assert cure(filtered(*rules, policy=policy), SENT) == (f"{place} {OUT} -j ACCEPT",)


def test_of_several_places_in_a_chain_the_last_comes_first() -> None:
    seen = filtered("-o br100 -j DROP", "-s 10.0.0.5/32 -j DROP", "-i br100 -j DROP")
    assert cure(seen, REPLIES, FLOATING, SENT) == (
        f"-I FORWARD 3 {OUT} -j ACCEPT",
        f"-I FORWARD 1 {BACK} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        f"-I FORWARD 2 {BACK} -m conntrack --ctstate DNAT -j ACCEPT",
    )


@pytest.mark.parametrize(
    ("rule", "flow", "accept"),
    [
        ("-o eth0 -j DROP", SENT, f"{OUT} -o eth0"),
        ("! -o eth9 -j DROP", SENT, f"{OUT} -o eth0"),
        ("-m conntrack --ctstate NEW -j DROP", SENT, f"{OUT} -m conntrack --ctstate NEW"),
        (
            "-m conntrack ! --ctstate INVALID -j DROP",
            SENT,
            f"{OUT} -m conntrack --ctstate NEW,RELATED,ESTABLISHED",
        ),
        (
            "-m physdev ! --physdev-is-bridged -j DROP",
            SENT,
            f"{OUT} -m physdev ! --physdev-is-bridged",
        ),
        (
            "-i eth0 -j DROP",
            REPLIES,
            "-d 10.0.0.0/24 -i eth0 -o br100 -m conntrack --ctstate RELATED,ESTABLISHED",
        ),
        (
            "-m conntrack --ctstate ESTABLISHED -j DROP",
            REPLIES,
            f"{BACK} -m conntrack --ctstate ESTABLISHED",
        ),
        (
            "-m conntrack --ctstate NEW -j DROP",
            FLOATING,
            f"{BACK} -m conntrack --ctstate NEW -m conntrack --ctstate DNAT",
        ),
    ],
)  # fmt: skip
def test_it_lets_nothing_through_that_the_rule_would_not_have_dropped(
    rule: str, flow: Flow, accept: str
) -> None:
    """A rule further on, for another interface or state, is not overruled either."""
    assert cure(filtered(rule), flow) == (f"-I FORWARD 1 {accept} -j ACCEPT",)


LOGGED = ("-A refused -j LOG", "-A refused -j DROP")


def test_a_chain_that_drops_for_several_rules_stays_as_it_is_for_the_others() -> None:
    """One that logs and drops is what rules lead to that are meant for other packets too."""
    seen = filtered("-s 10.0.0.5/32 -j refused", "-o eth0 -j refused", *LOGGED)
    assert cure(seen, SENT) == (f"-I FORWARD 2 {OUT} -o eth0 -j ACCEPT",)
    nested = ("-A refused -j LOG", "-A refused -j gone", "-A gone -j DROP")
    seen = filtered("-s 10.0.0.5/32 -j refused", "-g refused", *nested)
    assert cure(seen, SENT) == (f"-I FORWARD 2 {OUT} -j ACCEPT",)


def test_a_chain_that_decides_for_several_rules_lets_through_from_end_to_end_alone() -> None:
    mine = ("-A mine -s 10.0.0.5/32 -j DROP", "-A mine -j DROP")
    seen = filtered("-A INPUT -j mine", "-j mine", *mine)
    assert cure(seen, SENT) == ("-I mine 2 -s 10.0.0.0/24 -i br100 -o eth0 -j ACCEPT",)


def test_what_asks_this_host_is_not_let_through_to_others_by_a_chain_of_both() -> None:
    mine = ("-A mine -p tcp -j ACCEPT", "-A mine -j DROP")
    seen = filtered("-j mine", "-A INPUT -j mine", *mine)
    (table,) = rulesets(seen, "input")
    plan = let_pass(drops(table, (DISCOVER,)), "nft", ANY_ADDRESS)
    assert plan
    accept = "-d 255.255.255.255/32 -i br100 -p udp -m udp --dport 67 -j ACCEPT"
    assert plan.commands == (f"iptables -t filter -I mine 2 {accept}",)


@pytest.mark.parametrize(
    ("rule", "policy", "place"),
    [
        ("nft: ip length 9-99 drop # handle 7", "DROP", "add rule ip filter FORWARD"),
        ("nft: drop # handle 27", "ACCEPT", "insert rule ip filter FORWARD handle 27"),
    ],
)
def test_among_rules_that_iptables_cannot_show_it_is_put_by_nft(
    rule: str, policy: str, place: str
) -> None:
    """There iptables could not show it either, and no cure could be verified or taken back."""
    (command,) = cure(filtered(rule, policy=policy), SENT)
    assert command.startswith(f'nft {place} iifname "br100" ip saddr 10.0.0.0/24 accept comment')


def test_nftables_are_told_before_which_rule_or_to_add_it() -> None:
    seen = walled("ip saddr 10.0.0.5 drop", "counter drop")
    assert cure(seen, SENT) == (
        'nft insert rule inet wall forward handle 12 iifname "br100" ip saddr 10.0.0.0/24 accept '
        'comment "netconsole: from 10.0.0.0/24 on br100, before 12"',
    )
    seen = walled("ip saddr 10.0.0.5 drop", family="ip")
    assert cure(seen, REPLIES) == (
        'nft add rule ip wall forward oifname "br100" ip daddr 10.0.0.0/24 '
        "ct state related,established accept "
        'comment "netconsole: replies to 10.0.0.0/24 on br100"',
    )


def test_a_chain_of_nftables_that_drops_for_several_rules_stays_as_it_is() -> None:
    rules = 'log prefix "no "', "drop"
    lines = "".join(f"\t\t{rule} # handle {n}\n" for n, rule in enumerate(rules, start=21))
    more = f"\tchain refused {{ # handle 2\n{lines}\t}}\n"
    seen = walled(
        "ip saddr vmap { 10.0.0.5 : jump refused }",
        'oifname "eth0" goto refused',
        policy="accept",
        more=more,
    )
    assert 'handle 12 iifname "br100" oifname "eth0" ip saddr' in cure(seen, SENT)[0]
    seen = walled("ip saddr vmap { 10.0.0.5 : jump refused }", "goto refused", more=more.replace(
        'log prefix "no "', "ct state vmap { established : accept }"
    ))  # fmt: skip
    assert 'handle 22 iifname "br100" oifname "eth0" ip saddr' in cure(seen, SENT)[0]


def test_frames_within_a_bridge_are_let_through_at_the_same_place_and_only_of_ipv4() -> None:
    seen = walled("ip saddr 10.0.0.5 drop", 'iifname "br100" oifname "br100" drop')
    (table,) = rulesets(seen)
    found = [each for each in drops(table, (WITHIN,)) if each.certain]
    plan = let_pass(found, "nft", ANY_ADDRESS)
    assert plan
    (command,) = plan.commands
    accept = 'meta nfproto ipv4 iifname "br100" oifname "br100" accept'
    assert f"nft insert rule inet wall forward handle 12 '{accept}'" in command


USER = ("-j DOCKER-USER", "-A DOCKER-USER -j RETURN")


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        (USER, "-I DOCKER-USER 1"),
        (("-j DOCKER-USER", "-A DOCKER-USER -p tcp -j LOG"), "-A DOCKER-USER"),
        (
            ("-j DOCKER-USER", "-A DOCKER-USER -s 10.0.0.5/32 -j DROP", USER[1]),
            "-I DOCKER-USER 2",
        ),
        ((*USER, "-s 10.0.0.5/32 -j DROP"), "-A FORWARD"),
        (
            ("-j DOCKER-USER", "-A DOCKER-USER -s 10.0.0.5/32 -j DROP", "-A DOCKER-USER -j DROP"),
            "-I DOCKER-USER 2",
        ),
        (("-j DROP", *USER), "-I FORWARD 1"),
    ],
)
def test_in_the_admins_chain_of_docker_it_stands_behind_what_the_admin_drops(
    rules: tuple[str, ...], place: str
) -> None:
    saved = filtered(*rules, policy="DROP")
    found = CHECKS["forward_filter"].examine(snapshot(HEALTHY).with_parts(saved))
    assert found.fix
    assert found.fix.commands[0] == f"iptables -t filter {place} {OUT} -j ACCEPT"


@pytest.mark.parametrize("narrow", ["-s 10.0.0.5/32 -j DROP", "-d 192.0.2.0/24 -j DROP"])
def test_what_is_cured_is_found_no_more_and_the_narrower_rule_still_is(narrow: str) -> None:
    """So that a second `--apply` has nothing to do."""
    before = filtered(narrow, "-j DROP")
    fix = CHECKS["forward_filter"].examine(snapshot(HEALTHY).with_parts(before)).fix
    assert fix
    accepts = [command.partition("-I FORWARD ")[2].split(" ", 1)[1] for command in fix.commands]
    after = filtered(narrow, *accepts, "-j DROP")
    assert CHECKS["forward_filter"].examine(snapshot(HEALTHY).with_parts(after)).verdict == "ok"
    (table,) = rulesets(after)
    assert [each.text for each in drops(table, (SENT,))] == [narrow]
