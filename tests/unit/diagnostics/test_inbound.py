"""What rules do to a packet on its way into the host."""

from ipaddress import IPv4Network

import pytest

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.native_tables import parse_table
from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.filter_walk import Drop
from netconsole.diagnostics.reasoning.inbound import drops_inbound, is_total

DISCOVER = Flow(
    *("DHCP requests", "br100", "br100", ""),
    *(IPv4Network("0.0.0.0"), IPv4Network("255.255.255.255")),  # noqa: S104  a source
    protocol="udp",
    port=67,
)


def stopped(seen: PacketFilter, flow: Flow = DISCOVER) -> Drop | None:
    return next((drop for drop in drops_inbound(seen, flow) if is_total(drop)), None)


def wall(*rules: str, policy: str = "drop", hook: str = "input") -> PacketFilter:
    """A table of nftables, with a chain more that a rule can lead to."""
    lines = "\n".join(f"\t\t{rule} # handle {n}" for n, rule in enumerate(rules, start=3))
    told = (
        "table inet wall { # handle 1\n\tchain in { # handle 1\n"
        f"\t\ttype filter hook {hook} priority 10; policy {policy};\n{lines}\n\t}}\n"
        "\tchain rest { # handle 2\n"
        "\t\tudp dport { 53, 67 } counter packets 2 bytes 9 drop # handle 2\n\t}\n}\n"
    )
    return PacketFilter("nft", (), (parse_table("inet", "wall", told),))


def packet_filter(rules: str, *, policy: str = "ACCEPT", table: str = "filter") -> PacketFilter:
    chain = "INPUT" if table == "filter" else "PREROUTING"
    chains = {line.split()[1] for line in rules.splitlines() if line.startswith("-A")} - {chain}
    text = "\n".join(
        (
            f"*{table}",
            f":{chain} {policy} [7:700]",
            *(f":{name} - [0:0]" for name in sorted(chains)),
            *(f"[3:90] {line}" for line in rules.splitlines()),
            "COMMIT",
        )
    )
    return PacketFilter("nft", tuple(parse_saved(text, "nft", "ipv4")))


@pytest.mark.parametrize(
    "rules",
    [
        "",
        "-A INPUT -i eth0 -j DROP",
        "-A INPUT -p tcp -j DROP",
        "-A INPUT -p udp -m udp --dport 68 -j DROP",
        "-A INPUT -s 10.0.0.0/24 -j DROP",
        "-A INPUT -m conntrack --ctstate INVALID -j DROP",
        "-A INPUT ! -i br+ -j DROP",
        "-A INPUT -p udp -m multiport --dports 53,67 -j ACCEPT\n-A INPUT -j DROP",
        "-A INPUT -j mine\n-A INPUT -j DROP\n-A mine -i br100 -j ACCEPT",
        "-A INPUT -m physdev --physdev-in veth1 -j ACCEPT\n-A INPUT -j DROP",
        "-A INPUT -m set --match-set bad src -j DROP",
        "-A INPUT -m pkttype --pkt-type broadcast -j mine\n-A INPUT -j DROP\n-A mine -j ACCEPT",
        "-A INPUT -p udp -m udp --dport 60: -j ACCEPT\n-A INPUT -j DROP",
    ],
)
def test_what_lets_it_in_or_may(rules: str) -> None:
    assert stopped(packet_filter(rules)) is None


@pytest.mark.parametrize(
    ("rules", "chain"),
    [
        ("-A INPUT -j DROP", "INPUT"),
        ('-A INPUT -i br100 -m comment --comment "no -j ACCEPT here" -j REJECT', "INPUT"),
        ("-A INPUT -i br+ -p udp -m udp --dport 60:70 -j DROP", "INPUT"),
        ("-A INPUT ! -i eth0 -j DROP", "INPUT"),
        (
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -j DROP",
            "INPUT",
        ),
        (
            "-A INPUT -j theirs\n-A INPUT -j ACCEPT\n-A theirs -d 255.255.255.255/32 -j DROP",
            "theirs",
        ),
        ("-A INPUT -j theirs\n-A INPUT -j DROP\n-A theirs -i br100 -j RETURN", "INPUT"),
        ("-A INPUT -m set --match-set bad src -j DROP\n-A INPUT -j DROP", "INPUT"),
        ("-A INPUT -p udp -j MARK --set-xmark 0x1/0x1\n-A INPUT -j DROP", "INPUT"),
    ],
)
def test_what_drops_it_for_certain(rules: str, chain: str) -> None:
    stop = stopped(packet_filter(rules))
    assert stop is not None
    assert (stop.chain, stop.ruleset.entry, stop.packets) == (chain, "INPUT", 3)


def test_a_policy_drops_what_no_rule_takes() -> None:
    stop = stopped(packet_filter("-A INPUT -i eth0 -j ACCEPT", policy="DROP"))
    assert stop is not None
    assert stop.place == "the policy of INPUT (iptables-nft table filter)"
    assert stop.packets == 7


def test_a_table_before_drops_what_filter_would_accept() -> None:
    raw = packet_filter("-A PREROUTING -i br100 -j DROP", table="raw")
    both = PacketFilter("nft", (*packet_filter("-A INPUT -j ACCEPT").chains, *raw.chains))
    stop = stopped(both)
    assert stop is not None
    assert (stop.ruleset.table, stop.ruleset.entry) == ("raw", "PREROUTING")


@pytest.mark.parametrize(
    "seen",
    [
        wall(policy="accept"),
        wall(hook="forward"),
        wall("udp dport 67 accept"),
        wall("udp dport { 53, 60-70 } accept"),
        wall('iifname { "lo", "br100" } accept'),
        wall('iifname vmap { "lo" : accept, "br100" : accept }'),
        wall("iifname vmap @known"),
        wall("iifname @known accept"),
        wall('iifname . udp dport { "br100" . 67 } accept'),
        wall("udp dport @open accept"),
        wall("meta l4proto { tcp, udp } accept"),
        wall("udp dport vmap { 53 : jump rest, 67 : accept }"),
        wall("tcp dport 67 jump rest", policy="accept"),
        wall("ip saddr 10.0.0.0/24 jump rest", policy="accept"),
        wall("ip6 saddr fd00::/8 jump rest", policy="accept"),
        wall("meta nfproto ipv6 jump rest", policy="accept"),
        wall("meta pkttype broadcast jump rest", policy="accept"),
        wall("fib saddr . iif oif missing drop", policy="accept"),
    ],
)
def test_what_of_nftables_lets_it_in_or_may(seen: PacketFilter) -> None:
    assert stopped(seen) is None


@pytest.mark.parametrize(
    ("seen", "chain", "text"),
    [
        (wall(), "in", "policy DROP"),
        (wall(hook="prerouting"), "in", "policy DROP"),
        (wall("ct state vmap { established : accept, related : accept }"), "in", "policy DROP"),
        (wall('iifname vmap { "lo" : accept, "br*" : drop }'), "in", 'iifname vmap { "lo" : '),
        (wall("tcp dport 22 accept"), "in", "policy DROP"),
        (wall("udp dport != 67 accept"), "in", "policy DROP"),
        (wall("ip protocol tcp accept"), "in", "policy DROP"),
        (wall("jump rest", policy="accept"), "rest", "udp dport { 53, 67 } counter drop"),
        (wall("udp dport vmap { 67 : goto rest }"), "rest", "udp dport { 53, 67 } counter drop"),
        (wall('log prefix "no: " level info flags all drop'), "in", "log prefix"),
        (wall("th dport 67 reject"), "in", "th dport 67 reject"),
    ],
)
def test_what_of_nftables_drops_it_for_certain(seen: PacketFilter, chain: str, text: str) -> None:
    stop = stopped(seen)
    assert stop is not None
    assert stop.chain == chain
    assert stop.text.startswith(text)
