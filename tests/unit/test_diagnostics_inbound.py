"""What rules do to a packet on its way into the host."""

import pytest

from netconsole.diagnostics.evidence.packet_filter import parse
from netconsole.diagnostics.inbound import Packet, stopped
from netconsole.diagnostics.parts.packet_filter import PacketFilter

DISCOVER = Packet("br100", "0.0.0.0", "255.255.255.255", 67)  # noqa: S104  a source


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
    return PacketFilter("nft", tuple(parse(text, "nft", "ipv4")))


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
    assert stopped(packet_filter(rules), DISCOVER) is None


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
    stop = stopped(packet_filter(rules), DISCOVER)
    assert stop is not None
    assert (stop.chain, stop.entry, stop.packets) == (chain, "INPUT", 3)


def test_a_policy_drops_what_no_rule_takes() -> None:
    stop = stopped(packet_filter("-A INPUT -i eth0 -j ACCEPT", policy="DROP"), DISCOVER)
    assert stop is not None
    assert (stop.text, stop.packets) == ("-t filter -P INPUT DROP", 7)


def test_a_table_before_drops_what_filter_would_accept() -> None:
    raw = packet_filter("-A PREROUTING -i br100 -j DROP", table="raw")
    both = PacketFilter("nft", (*packet_filter("-A INPUT -j ACCEPT").chains, *raw.chains))
    stop = stopped(both, DISCOVER)
    assert stop is not None
    assert (stop.table, stop.entry) == ("raw", "PREROUTING")
