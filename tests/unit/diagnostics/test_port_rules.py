"""What the check on rules that ask for a port of a bridge concludes."""

from dataclasses import replace

import pytest
from bridge_samples import link
from evidence_samples import HEALTHY, OUR_FILTER, packet_filter, snapshot

from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import InterfaceAddress, Routing

LINKS = Links(
    (
        link(2, "eth0", "", "52:54:00:00:00:01", master="br100"),
        link(3, "br100", "bridge", "52:54:00:00:00:01"),
        link(4, "veth1", "veth", "fe:16:3e:00:00:02", master="br100"),
        link(5, "tap7", "tun", "fe:16:3e:00:00:07", master="br100"),
        link(6, "eth7", "", "52:54:00:00:00:07", master="br7"),
    )
)
EMPTY = Routing()
DENIES = "-p tcp -m tcp --dport 25 -j DROP"


def with_rule(*rules: str) -> PacketFilter:
    lines = "".join(f"-A INPUT {rule}\n" for rule in rules)
    return packet_filter(OUR_FILTER.replace("COMMIT\n", f"{lines}COMMIT\n"))


def judged(seen: PacketFilter, links: Links = LINKS, routing: Routing = EMPTY) -> Finding:
    return CHECKS["port_rules"].examine(snapshot().with_parts(seen, links, routing))


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        ((), "ok"),
        ((f"-i eth0 {DENIES}",), "warn"),
        ((f"! -i eth0 {DENIES}",), "warn"),
        ((f"-i eth0 {DENIES}", f"-i br100 {DENIES}"), "ok"),
        ((f"-i eth+ {DENIES}",), "info"),
        ((f"-i br100 {DENIES}",), "ok"),
        ((f"-i veth1 {DENIES}",), "ok"),
        ((f"-i tap7 {DENIES}",), "ok"),
        ((f"-i eth7 {DENIES}",), "ok"),
    ],
)
def test_a_rule_that_asks_for_a_networks_port_never_matches(
    rules: tuple[str, ...], verdict: str
) -> None:
    """Ports of guests, and those of other bridges, are no matter of this."""
    assert judged(with_rule(*rules)).verdict == verdict


def test_each_rule_is_shown_with_the_command_that_words_it() -> None:
    found = judged(with_rule(f"-i eth0 {DENIES}", f"! -i eth0 {DENIES}", f"-i et+ {DENIES}"))
    assert found.because.startswith(
        "Rule 1 of INPUT (iptables-nft table filter) asks for eth0, and"
    )
    assert "1 rule more" in found.because
    assert [(row.label, row.note) for row in found.evidence] == [
        ("rule 1 of INPUT (iptables-nft table filter)", f"iptables -R INPUT 1 -i br100 {DENIES}"),
        ("rule 2 of INPUT (iptables-nft table filter)", f"iptables -R INPUT 2 ! -i br100 {DENIES}"),
        ("rule 3 of INPUT (iptables-nft table filter)", f"iptables -I INPUT 4 -i br100 {DENIES}"),
    ]
    assert found.fix is None
    assert f"`iptables -R INPUT 1 -i br100 {DENIES}` words it with the bridge" in found.remedy


def test_what_is_sent_by_the_port_past_the_bridge_may_match() -> None:
    rule = with_rule("-o eth0 -p udp -j DROP")
    assert judged(rule).verdict == "warn"
    address = InterfaceAddress("eth0", "203.0.113.2", 24, "global")
    assert judged(rule, routing=Routing((address,))).verdict == "ok"
    link_local = InterfaceAddress("eth0", "fe80::1", 64, "link")
    assert judged(rule, routing=Routing((link_local,))).verdict == "warn"


def test_a_rule_that_counts_does_match() -> None:
    seen = with_rule(f"-i eth0 {DENIES}")
    chains = tuple(
        replace(each, rules=tuple(replace(rule, rise=1) for rule in each.rules))
        for each in seen.chains
    )
    assert judged(replace(seen, chains=chains)).verdict == "ok"


def test_without_a_port_or_a_list_of_all_tables_nothing_is_claimed() -> None:
    assert judged(with_rule(), Links(())).verdict == "not-applicable"
    unread = replace(with_rule(), foreign_unread="nft is not installed")
    assert judged(unread).verdict == "unknown"
    asks = replace(with_rule(f"-i eth0 {DENIES}"), foreign_unread="nft is not installed")
    assert judged(asks).verdict == "warn"


def test_who_keeps_the_rule_is_told_in_their_own_words() -> None:
    table = (
        "table inet firewalld {\n\tchain zones {\n\t\ttype filter hook input priority 10;\n"
        '\t\tiifname "eth0" goto inner\n\t\tgoto outer\n\t}\n}\n'
    )
    found = judged(packet_filter(nft=table))
    assert found.verdict == "warn"
    assert "firewall-cmd --permanent --zone=ZONE --change-interface=br100" in found.remedy
    ufw = OUR_FILTER.replace(
        "COMMIT\n", f":ufw-user-input - [0:0]\n-A ufw-user-input -i eth0 {DENIES}\nCOMMIT\n"
    )
    assert "Say so also where ufw keeps its rules" in judged(packet_filter(ufw)).remedy


def test_a_host_without_networks_has_nothing_to_look_at() -> None:
    seen = snapshot(replace(HEALTHY, networks=())).with_parts(with_rule(), LINKS)
    assert CHECKS["port_rules"].examine(seen).verdict == "not-applicable"
