"""What packets that are traced end at, how each comes and goes, and what is to be said of it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class TraceBreak:
    """Something that ends a packet."""

    broken: str
    """The commands that make it so, for a shell of the lab."""
    mended: str
    words: tuple[str, ...]
    """Of the trace that is to find it."""
    said: str
    """Begins what is said of it."""


@dataclass(frozen=True, slots=True)
class StandingBreak:
    """Something without a rule that takes packets from one port to another, {0} and {1}."""

    broken: str
    mended: str
    said: str


BREAKS: Final = {
    "a table that keeps this host from asking a guest": TraceBreak(
        "nft add table arp x; nft 'add chain arp x o {type filter hook output priority 0; "
        "policy drop;}'; ip neigh flush dev br100",
        # web1 may have asked for its gateway meanwhile, and asks again in a second.
        "nft delete table arp x; netconsole lab exec web1 -- ping -c 1 -w 10 10.0.0.1",
        ("--from", "outside", "--to", "203.0.113.129", "tcp", "22"),
        "it came to eth0, and was to leave by br100, where 10.0.0.2, which is next, does not ",
    ),
    "a match that nobody models": TraceBreak(
        "iptables -I FORWARD -m string --algo bm --string netconsole -j DROP",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1"),
        "rule 1 of FORWARD (table ip filter) drops it: `-m string --string",
    ),
    "a policy of another table": TraceBreak(
        "nft add table ip x; nft 'add chain ip x f {type filter hook forward priority 9; "
        "policy drop;}'",
        "nft delete table ip x",
        ("--from", "web1", "--to", "203.0.113.1"),
        "the policy of chain f in table ip x drops it",
    ),
    "a bridge's own chain": TraceBreak(
        "nft add table bridge x; nft 'add chain bridge x f {type filter hook forward priority 9;}'"
        "; nft add rule bridge x f ip protocol icmp drop",
        "nft delete table bridge x",
        ("--from", "web1", "--to", "web2"),
        "rule 1 of f (table bridge x) drops it: `ip protocol icmp drop`",
    ),
    "only the answer": TraceBreak(
        "iptables -I FORWARD -d 10.0.0.2 -m conntrack --ctstate ESTABLISHED -j DROP",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1"),
        "rule 1 of FORWARD (table ip filter) drops the answer: `-d 10.0.0.2/32 -m conntrack",
    ),
    "what this host itself is asked": TraceBreak(
        "iptables -I INPUT -i br100 -p icmp -j DROP",
        "iptables -D INPUT 1",
        ("--from", "web1", "--to", "10.0.0.1"),
        "rule 1 of INPUT (table ip filter) drops it",
    ),
    "a neighbour that is silent": TraceBreak(
        "true",
        "true",
        ("--from", "web1", "--to", "198.51.100.77"),
        "it came to br100, and was to leave by eth1, where 198.51.100.77, which is next, does not "
        "answer ARP",
    ),
    "a route that takes it": TraceBreak(
        "ip route add blackhole 192.0.2.0/24",
        "ip route del blackhole 192.0.2.0/24",
        ("--from", "web1", "--to", "192.0.2.1"),
        "it came to br100, and this host has no way for it: a route or rule of type blackhole "
        "takes it",
    ),
    "a rule of routing for its protocol alone": TraceBreak(
        "ip rule add pref 100 iif br100 ipproto icmp blackhole",
        "ip rule del pref 100",
        ("--from", "web1", "--to", "203.0.113.1"),
        "it came to br100, and this host has no way for it: a route or rule of type blackhole "
        "takes it (Invalid argument), asked with ipproto icmp, which a rule chooses it by",
    ),
    "a rule of routing for what programs here ask": TraceBreak(
        "ip rule add pref 100 ipproto udp dport 53 prohibit",
        "ip rule del pref 100",
        ("--from", "host", "--to", "203.0.113.1", "udp", "53"),
        "host cannot send it: a route or rule of type prohibit forbids it (Permission denied)",
    ),
    "a rule that says so": TraceBreak(
        "iptables -I FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1", "tcp", "22"),
        "rule 1 of FORWARD (table ip filter) drops it: `-p tcp -j REJECT --reject-with tcp-reset`; "
        "a reset in the name of 203.0.113.1 told web1 so",
    ),
    "a rule that says so by ICMP": TraceBreak(
        "iptables -I FORWARD -p icmp -j REJECT --reject-with icmp-admin-prohibited",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1"),
        "rule 1 of FORWARD (table ip filter) drops it: `-p icmp -j REJECT --reject-with "
        "icmp-admin-prohibited`; 10.0.0.1 told web1 so: administratively prohibited",
    ),
    "an answer that this host itself does not take": TraceBreak(
        "iptables -I INPUT -i br100 -p icmp -j DROP",
        "iptables -D INPUT 1",
        ("--from", "host", "--to", "10.0.0.3"),
        "rule 1 of INPUT (table ip filter) drops the answer",
    ),
    "a way that is refused": TraceBreak(
        "ip route add prohibit 192.0.2.0/24",
        "ip route del prohibit 192.0.2.0/24",
        ("--from", "web1", "--to", "192.0.2.1", "udp", "9"),
        "it came to br100, and this host has no way for it: a route or rule of type prohibit "
        "forbids it (Permission denied); 10.0.0.1 told web1 so: administratively prohibited",
    ),
    "a host that forwards no answers": TraceBreak(
        "sysctl -qw net.ipv4.conf.eth0.forwarding=0",
        "sysctl -qw net.ipv4.conf.eth0.forwarding=1",
        ("--from", "web1", "--to", "203.0.113.1"),
        "the answer of 203.0.113.1 came to eth0, and this host has no way for it: forwarding is "
        "off at eth0 (net.ipv4.conf.eth0.forwarding = 0)",
    ),
    "an answer that has no way": TraceBreak(
        "ip rule add to 10.0.0.2 priority 50 iif eth0 unreachable",
        "ip rule del priority 50",
        ("--from", "web1", "--to", "203.0.113.1"),
        "the answer of 203.0.113.1 came to eth0, and this host has no way for it: there is no "
        "route to it, or a rule of type unreachable (Network is unreachable); this host told 203.0",
    ),
    "a queue that no program takes from": TraceBreak(
        "iptables -I FORWARD -p icmp -j NFQUEUE --queue-num 40000",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1"),
        "rule 1 of FORWARD (table ip filter) hands it to queue 40000: `-p icmp -j NFQUEUE "
        "--queue-num 40000`; it did not come back: a program dropped it there, or none takes",
    ),
    "a guest that takes no answers": TraceBreak(
        "netconsole lab exec web1 -- iptables -I INPUT -p icmp -j DROP",
        "netconsole lab exec web1 -- iptables -D INPUT 1",
        ("--from", "web1", "--to", "web2"),
        "the answer of 10.0.0.3 was handed over at veth",
    ),
    "a guest that lets nothing out": TraceBreak(
        "netconsole lab exec web1 -- iptables -I OUTPUT -p icmp -j DROP",
        "netconsole lab exec web1 -- iptables -D OUTPUT 1",
        ("--from", "web1", "--to", "web2"),
        "web1 cannot send it: its own packet filter drops it (Operation not permitted)",
    ),
    "this host, which is silent": TraceBreak(
        "sysctl -qw net.ipv4.icmp_echo_ignore_all=1",
        "sysctl -qw net.ipv4.icmp_echo_ignore_all=0",
        ("--from", "web1", "--to", "10.0.0.1"),
        "it was handed to this host itself, where nobody answers",
    ),
    "a route that a mark chooses": TraceBreak(
        "iptables -t mangle -I PREROUTING -i br100 -j MARK --set-mark 7; "
        "ip rule add fwmark 7 lookup 77; ip route add blackhole default table 77",
        "iptables -t mangle -D PREROUTING 1; ip rule del fwmark 7; ip route flush table 77",
        ("--from", "web1", "--to", "203.0.113.1"),
        "it came to br100, and this host has no way for it: a route or rule of type blackhole "
        "takes it (Invalid argument), asked with mark 0x7",
    ),
    "a chain before those of everybody else": TraceBreak(
        "nft add table netdev x; nft 'add chain netdev x i {type filter hook ingress device eth0 "
        "priority -2000000000;}'; nft add rule netdev x i ip protocol icmp drop",
        "nft delete table netdev x",
        ("--from", "outside", "--to", "203.0.113.129"),
        "rule 1 of i (table netdev x) drops it: `ip protocol icmp drop`",
    ),
    "a datagram whose port is translated": TraceBreak(
        "iptables -t nat -I POSTROUTING -o eth0 -p udp -j MASQUERADE --random-fully",
        "iptables -t nat -D POSTROUTING 1",
        ("--from", "web2", "--to", "192.0.2.1", "udp", "9"),
        "it left by eth0 as 203.0.113.2 → 192.0.2.1, and nothing came back",
    ),
    "one of which a copy is sent elsewhere": TraceBreak(
        "iptables -t mangle -I PREROUTING -p icmp -j TEE --gateway 198.51.100.1",
        "iptables -t mangle -D PREROUTING 1",
        ("--from", "web1", "--to", "192.0.2.1"),
        "it left by eth0 as 203.0.113.129 → 192.0.2.1 and by eth1 as 10.0.0.2 → 192.0.2.1, and "
        "nothing came back",
    ),
    "an answer that takes another way": TraceBreak(
        "ip route add 203.0.113.1 via 198.51.100.1 dev eth1",
        "ip route del 203.0.113.1 via 198.51.100.1 dev eth1",
        ("--from", "outside", "--to", "203.0.113.129"),
        "the answer of 203.0.113.129 left by eth1, and was asked for at eth0: whether it gets",
    ),
    "nobody beyond": TraceBreak(
        "true",
        "true",
        ("--from", "web1", "--to", "192.0.2.1"),
        "it left by eth0 as 203.0.113.129 → 192.0.2.1, and nothing came back",
    ),
}

STANDING: Final = {
    "a port that forwards nothing": StandingBreak(
        "bridge link set dev {0} state 0",
        "bridge link set dev {0} state 3",
        "{0} is in state disabled in its bridge br100",
    ),
    "a queue that holds nothing": StandingBreak(
        "tc qdisc add dev {1} root pfifo limit 0",
        "tc qdisc del dev {1} root",
        "the queueing discipline (qdisc) of {1} is pfifo limit 0p",
    ),
    "ports kept from each other": StandingBreak(
        "bridge link set dev {0} isolated on; bridge link set dev {1} isolated on",
        "bridge link set dev {0} isolated off; bridge link set dev {1} isolated off",
        "{0} and {1} are isolated from each other",
    ),
}
