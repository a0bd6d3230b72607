"""`netconsole trace` in a lab: a packet is sent for real, and where it ended is named."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from private_host import eventually
from running_lab import RunningLab

pytestmark = pytest.mark.requires("root", "iptables", "tcpdump")


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """One for all: each test puts back what it breaks."""
    with RunningLab() as running:
        yield running


def traced(lab: RunningLab, *words: str) -> dict[str, Any]:
    done = lab.netconsole("trace", "--json", *words, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["reached"] == (done.returncode == 0)
    return found


def deciding(found: dict[str, Any], way: str = "there") -> list[str]:
    """The chains of the rules that decided something."""
    return [
        hop["rule"]["chain"]
        for hop in found["hops"]
        if hop["way"] == way and hop["rule"] and hop["verdict"] in ("accept", "drop")
    ]


def interfaces(found: dict[str, Any], way: str) -> list[str]:
    return [
        hop["interface"]
        for hop in found["hops"]
        if hop["way"] == way and hop["kind"] in ("arrived", "left")
    ]


def test_the_way_of_an_answered_packet_there_and_back(lab: RunningLab) -> None:
    found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    assert (found["reply"], found["because"]) == ("answer", "203.0.113.1 answers")
    port = interfaces(found, "there")[0]
    assert interfaces(found, "there") == [port, "br100", "eth0"]
    assert interfaces(found, "back") == ["eth0", "br100", port]
    assert "nova-network-FORWARD" in deciding(found)
    assert "nova-network-floating-snat" in deciding(found)
    left = next(hop for hop in found["hops"] if hop["interface"] == "eth0")
    assert left["source"] == "203.0.113.129", "as it was translated"
    assert found["unseen"] == []
    tracked = lab.run("conntrack", "-L", "--src", "10.0.0.2", "-p", "icmp", check=False).stdout
    assert tracked == "", "what was tracked of it is forgotten"


def test_from_outside_a_floating_address_is_followed_to_its_instance(lab: RunningLab) -> None:
    found = traced(lab, "--from", "outside", "--to", "203.0.113.129", "tcp", "22")
    assert found["reply"] == "refusal"
    assert found["because"].endswith("nothing listens there on tcp port 22")
    assert "nova-network-PREROUTING" in deciding(found)
    assert interfaces(found, "there")[0] == interfaces(found, "back")[-1] == "eth0"
    assert "nct" not in lab.run("ip", "link").stdout


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        (("--to", "10.0.0.1", "arp"), "10.0.0.1 answers"),
        (("--to", "web2", "arp"), "10.0.0.3 answers"),
        (("--to", "10.0.0.1", "dns", "web2.novalocal"), "10.0.0.1 answers"),
        (("dhcp",), "10.0.0.1 answers, for 255.255.255.255"),
    ],
)
def test_what_an_instance_asks_on_its_own_network_is_answered(
    lab: RunningLab, words: tuple[str, ...], answers: str
) -> None:
    leases = "cat /run/netconsole-lab/state/networks/*.leases"
    before = lab.run("sh", "-c", leases).stdout
    found = traced(lab, "--from", "web1", *words)
    assert (found["reply"], found["because"]) == ("answer", answers)
    assert interfaces(found, "there")[0] == interfaces(found, "back")[-1] == port_of(lab, "web1")
    assert lab.run("sh", "-c", leases).stdout == before


def test_arp_that_a_bridge_drops_is_traced_as_well(lab: RunningLab) -> None:
    lab.run("ebtables", "-I", "INPUT", "-p", "ARP", "-j", "DROP")
    try:
        found = traced(lab, "--from", "web1", "--to", "10.0.0.1", "arp")
    finally:
        lab.run("ebtables", "-D", "INPUT", "-p", "ARP", "-j", "DROP")
    assert "rule 1 of INPUT (table bridge filter) drops it" in found["because"]


BREAKS = {
    "a match that nobody models": (
        "iptables -I FORWARD -m string --algo bm --string netconsole -j DROP",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1"),
        "rule 1 of FORWARD (table ip filter) drops it: `-m string --string",
    ),
    "a policy of another table": (
        "nft add table ip x; nft 'add chain ip x f {type filter hook forward priority 9; "
        "policy drop;}'",
        "nft delete table ip x",
        ("--from", "web1", "--to", "203.0.113.1"),
        "the policy of chain f in table ip x drops it",
    ),
    "a bridge's own chain": (
        "nft add table bridge x; nft 'add chain bridge x f {type filter hook forward priority 9;}'"
        "; nft add rule bridge x f ip protocol icmp drop",
        "nft delete table bridge x",
        ("--from", "web1", "--to", "web2"),
        "rule 1 of f (table bridge x) drops it: `ip protocol icmp drop`",
    ),
    "only the answer": (
        "iptables -I FORWARD -d 10.0.0.2 -m conntrack --ctstate ESTABLISHED -j DROP",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1"),
        "rule 1 of FORWARD (table ip filter) drops the answer: `-d 10.0.0.2/32 -m conntrack",
    ),
    "what this host itself is asked": (
        "iptables -I INPUT -i br100 -p icmp -j DROP",
        "iptables -D INPUT 1",
        ("--from", "web1", "--to", "10.0.0.1"),
        "rule 1 of INPUT (table ip filter) drops it",
    ),
    "a neighbour that is silent": (
        "true",
        "true",
        ("--from", "web1", "--to", "198.51.100.77"),
        "it came to br100, and was to leave by eth1, where 198.51.100.77, which is next, does not "
        "answer ARP",
    ),
    "a route that takes it": (
        "ip route add blackhole 192.0.2.0/24",
        "ip route del blackhole 192.0.2.0/24",
        ("--from", "web1", "--to", "192.0.2.1"),
        "it came to br100, and this host has no way for it: ",
    ),
    "a rule that says so": (
        "iptables -I FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1", "tcp", "22"),
        "rule 1 of FORWARD (table ip filter) drops it: `-p tcp -j REJECT --reject-with tcp-reset`; "
        "a reset in the name of 203.0.113.1 told web1 so",
    ),
    "a rule that says so by ICMP": (
        "iptables -I FORWARD -p icmp -j REJECT --reject-with icmp-admin-prohibited",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1"),
        "rule 1 of FORWARD (table ip filter) drops it: `-p icmp -j REJECT --reject-with "
        "icmp-admin-prohibited`; 10.0.0.1 told web1 so: administratively prohibited",
    ),
    "an answer that this host itself does not take": (
        "iptables -I INPUT -i br100 -p icmp -j DROP",
        "iptables -D INPUT 1",
        ("--from", "host", "--to", "10.0.0.3"),
        "rule 1 of INPUT (table ip filter) drops the answer",
    ),
    "a queue that no program takes from": (
        "iptables -I FORWARD -p icmp -j NFQUEUE --queue-num 40000",
        "iptables -D FORWARD 1",
        ("--from", "web1", "--to", "203.0.113.1"),
        "rule 1 of FORWARD (table ip filter) hands it to queue 40000: `-p icmp -j NFQUEUE "
        "--queue-num 40000`; it did not come back: a program dropped it there, or none takes",
    ),
    "a guest that takes no answers": (
        "netconsole lab exec web1 -- iptables -I INPUT -p icmp -j DROP",
        "netconsole lab exec web1 -- iptables -D INPUT 1",
        ("--from", "web1", "--to", "web2"),
        "the answer of 10.0.0.3 was handed over at veth",
    ),
    "a guest that lets nothing out": (
        "netconsole lab exec web1 -- iptables -I OUTPUT -p icmp -j DROP",
        "netconsole lab exec web1 -- iptables -D OUTPUT 1",
        ("--from", "web1", "--to", "web2"),
        "web1 cannot send it: its own packet filter drops it (Operation not permitted)",
    ),
    "this host, which is silent": (
        "sysctl -qw net.ipv4.icmp_echo_ignore_all=1",
        "sysctl -qw net.ipv4.icmp_echo_ignore_all=0",
        ("--from", "web1", "--to", "10.0.0.1"),
        "it was handed to this host itself, where nobody answers",
    ),
    "a route that a mark chooses": (
        "iptables -t mangle -I PREROUTING -i br100 -j MARK --set-mark 7; "
        "ip rule add fwmark 7 lookup 77; ip route add blackhole default table 77",
        "iptables -t mangle -D PREROUTING 1; ip rule del fwmark 7; ip route flush table 77",
        ("--from", "web1", "--to", "203.0.113.1"),
        "it came to br100, and this host has no way for it: a route of type blackhole takes it, or "
        "its source is none that can be (Invalid argument), asked with mark 0x7",
    ),
    "a chain before those of everybody else": (
        "nft add table netdev x; nft 'add chain netdev x i {type filter hook ingress device eth0 "
        "priority -2000000000;}'; nft add rule netdev x i ip protocol icmp drop",
        "nft delete table netdev x",
        ("--from", "outside", "--to", "203.0.113.129"),
        "rule 1 of i (table netdev x) drops it: `ip protocol icmp drop`",
    ),
    "a datagram whose port is translated": (
        "iptables -t nat -I POSTROUTING -o eth0 -p udp -j MASQUERADE --random-fully",
        "iptables -t nat -D POSTROUTING 1",
        ("--from", "web2", "--to", "192.0.2.1", "udp", "9"),
        "it left by eth0 as 203.0.113.2 → 192.0.2.1, and nothing came back",
    ),
    "one of which a copy is sent elsewhere": (
        "iptables -t mangle -I PREROUTING -p icmp -j TEE --gateway 198.51.100.1",
        "iptables -t mangle -D PREROUTING 1",
        ("--from", "web1", "--to", "192.0.2.1"),
        "it left by eth0 as 203.0.113.129 → 192.0.2.1 and by eth1 as 10.0.0.2 → 192.0.2.1, and "
        "nothing came back",
    ),
    "nobody beyond": (
        "true",
        "true",
        ("--from", "web1", "--to", "192.0.2.1"),
        "it left by eth0 as 203.0.113.129 → 192.0.2.1, and nothing came back",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_where_it_ended_is_named(lab: RunningLab, name: str) -> None:
    broken, mended, words, said = BREAKS[name]
    lab.run("sh", "-c", broken)
    try:
        found = traced(lab, *words)
    finally:
        lab.run("sh", "-c", mended)
    assert found["because"].startswith(said)
    assert not found["reached"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "host", "--to", "10.0.0.1"), "10.0.0.1 answers"),
        (("--from", "host", "--to", "127.0.0.1", "tcp", "9"), "127.0.0.1 refuses it: nothing list"),
        (("--from", "web1", "--to", "web1"), "10.0.0.2 answers: inside web1, as it never came to "),
    ],
)
def test_who_asks_itself_is_answered(lab: RunningLab, words: tuple[str, ...], said: str) -> None:
    found = traced(lab, *words)
    assert found["because"].startswith(said)
    assert found["reached"]


@pytest.mark.requires("iptables-legacy")
@pytest.mark.parametrize(
    ("chain", "destination", "said"),
    [
        ("INPUT", "10.0.0.1", "it came to br100, and was not handed to this host itself, for "),
        ("FORWARD", "203.0.113.1", "it came to br100, and no further: no rule of the packet "),
    ],
)
def test_a_table_that_the_kernel_does_not_trace_is_told_of(
    lab: RunningLab, chain: str, destination: str, said: str
) -> None:
    lab.run("iptables-legacy", "-I", chain, "-p", "icmp", "-j", "DROP")
    try:
        found = traced(lab, "--from", "web1", "--to", destination)
    finally:
        lab.run("iptables-legacy", "-D", chain, "1")
    assert found["because"].startswith(said)
    legacy = "tables of iptables-legacy, which the kernel does not trace, have rules: filter"
    assert found["because"].endswith(f"; {legacy}")
    assert legacy in found["unseen"]
    assert traced(lab, "--from", "web1", "--to", destination)["reached"]


def test_one_that_was_dropped_does_not_hide_the_answer_to_the_next(lab: RunningLab) -> None:
    rule = "-p icmp -m statistic --mode nth --every 3 --packet 0 -j DROP"
    lab.run("iptables", "-I", "FORWARD", *rule.split())
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("iptables", "-D", "FORWARD", "1")
    assert (found["reply"], found["reached"]) == ("answer", True)
    assert found["because"].startswith(
        "203.0.113.1 answers, though not each time: rule 1 of FORWARD (table ip filter) drops it: "
    )


def test_it_is_asked_for_where_it_was_translated_to(lab: RunningLab) -> None:
    """A neighbour on its own bridge, where nothing sees it any more after the translation."""
    rule = ("PREROUTING", "-d", "203.0.113.1", "-j", "DNAT", "--to", "10.0.0.77")
    lab.run("iptables", "-t", "nat", "-I", *rule)
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("iptables", "-t", "nat", "-D", *rule)
    silent = "was to leave by br100, where 10.0.0.77, which is next, does not answer ARP (FAILED)"
    assert silent.replace("FAILED", "INCOMPLETE") in found["because"] or silent in found["because"]


def test_a_refusal_of_this_host_itself_is_told_from_that_of_a_rule(lab: RunningLab) -> None:
    rule = "-p tcp --dport 99 -m statistic --mode nth --every 2 --packet 0 -j DROP"
    lab.run("iptables", "-I", "INPUT", *rule.split())
    try:
        found = traced(lab, "--from", "web1", "--to", "10.0.0.1", "tcp", "99")
    finally:
        lab.run("iptables", "-D", "INPUT", "1")
    said = "10.0.0.1 refuses it: nothing listens there on tcp port 99, though not each time: "
    assert found["because"].startswith(f"{said}rule 1 of INPUT (table ip filter) drops it")
    assert found["reached"]


def port_of(lab: RunningLab, guest: str) -> str:
    told = json.loads(lab.netconsole("instance", "show", guest, "--json").stdout)
    return str(told["ports"][0]["port"]["device"])


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (("--from", "host", "--to", "10.0.0.3"), "it left by br100 as 10.0.0.1 → 10.0.0.3, and "),
        (("--from", "web2", "--to", "203.0.113.1"), "the answer of 203.0.113.1 left by br100, and"),
    ],
)
def test_what_the_bridge_sends_to_another_port_is_told_of(
    lab: RunningLab, words: tuple[str, ...], begins: str
) -> None:
    port, other = port_of(lab, "web2"), port_of(lab, "web1")
    mac = lab.inside("web2", "cat", "/sys/class/net/eth0/address").stdout.strip()
    own = lab.run("cat", "/sys/class/net/br100/address").stdout.strip()
    gateway = ("10.0.0.1", "dev", "eth0")
    lab.inside("web2", *("ip", "neighbour", "replace", *gateway, "lladdr", own, "nud", "permanent"))
    lab.run("bridge", "fdb", "replace", mac, "dev", other, "master", "static", "sticky")
    try:
        found = traced(lab, *words)
    finally:
        lab.run("bridge", "fdb", "del", mac, "dev", other, "master")
        lab.inside("web2", "ip", "neighbour", "delete", *gateway)
    assert found["because"].startswith(begins)
    assert f"did not come out at {port}: `bridge fdb show br br100` says" in found["because"]


HOLDS = """
import fcntl, struct, sys
tap = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))
print("held", flush=True)
sys.stdin.read()
"""
"""Has a tap (TUNSETIFF; IFF_TAP, IFF_NO_PI) as a guest that says nothing."""


def test_among_many_interfaces_those_on_the_way_are_watched(lab: RunningLab) -> None:
    """The instance's port is the last that was made; at first nobody is behind it."""
    add = "for at in $(seq 40); do ip link add many$at type bridge; ip link set many$at up; done"
    words = ("--from", "late", "--to", "203.0.113.1")
    lab.run("sh", "-c", add)
    try:
        lab.netconsole("instance", "create", "late", "--project", "demo")
        port = port_of(lab, "late")
        alone = traced(lab, *words)
        with lab.spawn("python3", "-c", HOLDS, port) as guest:
            assert guest.stdout is not None
            assert guest.stdout.readline() == "held\n"
            found = traced(lab, *words)
            guest.communicate()
    finally:
        lab.netconsole("instance", "delete", "late", check=False)
        lab.run("sh", "-c", "for at in $(seq 40); do ip link delete many$at; done")
    nobody = f"late cannot send it: {port} has no carrier: nobody is at its other end"
    assert alone["because"] == nobody
    assert interfaces(found, "there") == [port, "br100", "eth0"]
    assert "interfaces were not watched" in found["unseen"][0]


def test_a_table_that_takes_arp_is_told_of(lab: RunningLab) -> None:
    lab.inside("web1", "ip", "neighbour", "flush", "dev", "eth0", "nud", "all")
    drops = "type filter hook input priority 0; policy drop;"
    lab.run("nft", f"add table arp x; add chain arp x i {{ {drops} }}")
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("nft", "delete", "table", "arp", "x")
    assert "who has 10.0.0.1 (ARP), and nobody answers; " in found["because"]
    assert "ARP is not traced, and these tables may drop it: arp x, netdev" in found["because"]


def test_what_could_not_be_read_is_said(lab: RunningLab) -> None:
    hidden = "mount --bind /dev/null $(readlink -f $(command -v tc))"
    told = lab.run(
        *("unshare", "--mount", "sh", "-c"),
        f"{hidden}; netconsole trace --from web1 --to 192.0.2.1",
        check=False,
    )
    assert "; what is attached to eth0 could not be read (tc: not installed" in told.stdout


@pytest.mark.parametrize(
    ("broken", "mended", "said"),
    [
        ("ip link set {0} nomaster", "ip link set {0} master br100", "{0} is a port of no bridge"),
        (
            "ip link set br100 down",
            "ip link set br100 up",
            "{0} is in state disabled in its bridge br100",
        ),
    ],
)
def test_of_what_was_not_routed_no_route_is_blamed(
    lab: RunningLab, broken: str, mended: str, said: str
) -> None:
    port, mac = port_of(lab, "web1"), lab.run("cat", "/sys/class/net/br100/address").stdout.strip()
    gateway = ("10.0.0.1", "dev", "eth0")
    lab.inside("web1", *("ip", "neighbour", "replace", *gateway, "lladdr", mac, "nud", "permanent"))
    strict = "net.ipv4.conf.all.rp_filter"
    former = lab.run("sysctl", "-n", strict).stdout.strip()
    lab.run("sh", "-c", f"sysctl -qw {strict}=1; {broken.format(port)}")
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("sh", "-c", f"sysctl -qw {strict}={former}; {mended.format(port)}")
        lab.inside("web1", "ip", "neighbour", "delete", *gateway)
    assert found["because"].startswith(f"it came to {port}, and no further: no rule ")
    assert said.format(port) in found["because"]
    eventually(lambda: traced(lab, "--from", "web1", "--to", "web2")["reached"])


def test_a_redirect_is_no_end(lab: RunningLab) -> None:
    """Who sends by a longer way than it could is told so, and the packet goes on."""
    found = traced(lab, "--from", "outside", "--to", "203.0.113.77")
    assert (found["reply"], found["answered_by"]) == ("", "")
    assert "by eth0, where 203.0.113.77, which is next, does not answer ARP" in found["because"]


STANDING = {
    "a port that forwards nothing": (
        "bridge link set dev {0} state 0",
        "bridge link set dev {0} state 3",
        "{0} is in state disabled in its bridge br100",
    ),
    "a queue that holds nothing": (
        "tc qdisc add dev {1} root pfifo limit 0",
        "tc qdisc del dev {1} root",
        "the queueing discipline (qdisc) of {1} is pfifo limit 0p",
    ),
    "ports kept from each other": (
        "bridge link set dev {0} isolated on; bridge link set dev {1} isolated on",
        "bridge link set dev {0} isolated off; bridge link set dev {1} isolated off",
        "{0} and {1} are isolated from each other",
    ),
}


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("name", STANDING)
def test_what_takes_packets_without_a_rule_is_named(lab: RunningLab, name: str, asks: bool) -> None:
    """Also where the guest's question for its neighbour is lost before the packet is sent."""
    mac = lab.inside("web2", "cat", "/sys/class/net/eth0/address").stdout.strip()
    ports = [
        json.loads(told.stdout)["ports"][0]["port"]["device"]
        for guest in ("web1", "web2")
        for told in (lab.netconsole("instance", "show", guest, "--json"),)
    ]
    broken, mended, said = (each.format(*ports) for each in STANDING[name])
    neighbour = ("ip", "neighbour")
    for guest in ("web1", "web2"):
        lab.inside(guest, *neighbour, "flush", "dev", "eth0", "nud", "all")
    if not asks:
        peer = ("10.0.0.3", "dev", "eth0", "lladdr", mac, "nud", "permanent")
        lab.inside("web1", *neighbour, "replace", *peer)
    lab.run("sh", "-c", broken)
    try:
        found = traced(lab, "--from", "web1", "--to", "web2")
    finally:
        lab.run("sh", "-c", mended)
        lab.inside("web1", *neighbour, "flush", "dev", "eth0", "nud", "all")
    assert said in found["because"]
    assert ("who has 10.0.0.3 (ARP), and nobody answers" in found["because"]) == asks
    assert traced(lab, "--from", "web1", "--to", "web2")["reply"] == "answer"


def test_whose_a_rule_is_and_where_it_stands_is_said(lab: RunningLab) -> None:
    lab.run("iptables", "-I", "FORWARD", "2", "-p", "icmp", "-j", "DROP")
    try:
        told = lab.netconsole("trace", "--from", "web1", "--to", "203.0.113.1", check=False)
    finally:
        lab.run("iptables", "-D", "FORWARD", "2")
    ended = [line for line in told.stdout.splitlines() if "← here it ended" in line]
    assert len(ended) == 1
    assert "chain FORWARD, rule 2 (of others), drop: -p icmp -j DROP" in ended[0]


def owners(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What rules of ours are there for, as is told of them."""
    rules = [hop["rule"]["owner"] for hop in found["hops"] if hop["rule"]]
    return [(each["part"], each["name"], each["says"]) for each in rules if each]


@pytest.mark.parametrize(
    ("words", "owner", "said"),
    [
        (
            ("--from", "outside", "--to", "203.0.113.129", "tcp", "22"),
            ("group", "default", "tcp 22 from 0.0.0.0/0"),
            "group default of demo: tcp 22 from 0.0.0.0/0; chain nova-network-sg-1, rule 2 (ours)",
        ),
        (
            ("--from", "outside", "--to", "203.0.113.129", "udp", "99"),
            ("groups", "web1", "no rule of them lets it in"),
            "drops it: `-j DROP` (groups of web1: no rule of them lets it in)",
        ),
        (
            ("--from", "web1", "--to", "203.0.113.1"),
            ("guard", "web1", "what it sends as itself"),
            "guard of web1: what it sends as itself; chain own_ipv4",
        ),
        (
            ("--from", "web1", "--to", "203.0.113.1"),
            ("groups", "web1", "answers to what it began"),
            "groups of web1: answers to what it began; chain nova-network-inst-1",
        ),
    ],
)
def test_a_rule_of_ours_says_what_it_is_there_for(
    lab: RunningLab, words: tuple[str, ...], owner: tuple[str, str, str], said: str
) -> None:
    assert owner in owners(traced(lab, *words))
    assert said in lab.netconsole("trace", *words, check=False).stdout


def test_a_rule_for_members_names_both_groups(lab: RunningLab) -> None:
    """One jumps to the other's members, so that both are told of."""
    source = ("--source-group", "default", "--source-project", "other")
    rule = ("default", "--project", "demo", "--protocol", "udp", "--port", "7", *source)
    from_network = ("nova-network-inst-1", "-s", "10.0.0.0/24", "-j", "ACCEPT")
    lab.netconsole("secgroup", "allow", *rule)
    try:
        lab.run("iptables", "-D", *from_network)
        told = lab.netconsole("trace", "--from", "db1", "--to", "web1", "udp", "7", check=False)
    finally:
        lab.netconsole("apply")
        lab.netconsole("secgroup", "revoke", *rule)
    assert "members of group default of other; chain nova-network-src-2" in told.stdout
    assert "group default of demo: udp 7 from group default" in told.stdout


def test_what_a_guard_drops_is_said_in_words(lab: RunningLab) -> None:
    port = port_of(lab, "web1")
    listed = lab.run("nft", "list", "set", "netdev", "netconsole", "ipv4").stdout
    element = re.search(f'"{port}" . [0-9a-f:]+ . 10.0.0.2', listed)
    assert element
    lab.run("nft", f"delete element netdev netconsole ipv4 {{ {element[0]} }}")
    lab.run("nft", "insert rule netdev netconsole from_arp accept")
    try:
        found = traced(lab, "--from", "web1", "--to", "web2")
    finally:
        lab.netconsole("apply")
    assert found["because"].endswith("(guard of web1: an IPv4 address that is not its own)")


def held(lab: RunningLab) -> tuple[str, ...]:
    asked = (("nft", "list", "ruleset"), ("ip", "link"), ("tc", "qdisc"), ("ip", "netns"))
    counted = [lab.run(*command).stdout for command in asked]
    return tuple(
        "\n".join(line.split(" packets ")[0] for line in each.split("\n")) for each in counted
    )


@pytest.mark.parametrize(
    ("sender", "made"),
    [
        ("web1", "nft list tables | grep -q netconsole_trace"),
        ("outside", "ip link show type veth | grep -q nct"),
    ],
)
def test_nothing_is_left_of_a_trace_that_was_killed(
    lab: RunningLab, sender: str, made: str
) -> None:
    before = held(lab)
    lab.run(
        *("sh", "-c"),
        f"netconsole trace --from {sender} --to 203.0.113.99 > /dev/null & "
        f"until {made}; do :; done; kill -KILL $!",
    )
    eventually(lambda: held(lab) == before)


def test_who_only_looks_sends_nothing(lab: RunningLab) -> None:
    done = lab.netconsole(
        "--read-only", "trace", "--from", "web1", "--to", "192.0.2.1", check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    said = "trace: refused, this is read-only (asked for with --read-only)"
    assert done.stderr == f"netconsole: {said}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "nosuch", "--to", "192.0.2.1"), "instance 'nosuch' does not exist here"),
        (("--from", "web1", "--to", "nosuch"), "destination 'nosuch': is no IPv4 address"),
        (("--from", "web1", "--to", "::1"), "destination '::1': is no IPv4 address"),
        (("--from", "web1", "--to", "255.255.255.255"), "is no address of one host"),
        (("--from", "web1", "--to", "10.0.0.255"), "is no address of one host"),
        (("--from", "outside", "--to", "224.0.0.1"), "is no address of one host"),
        (("--from", "host", "--to", "239.0.0.0"), "is no address of one host"),
        (("--from", "web1", "--to", "192.0.2.1", "tcp", "0"), "port '0': is no number"),
        (("--from", "web1", "--to", "192.0.2.1", "tcp", "65536"), "port '65536': is no"),
        (("--from", "web1", "--to", "192.0.2.1", "tcp"), "packet 'tcp': is none of icmp"),
        (("--from", "web1", "--to", "192.0.2.1", "sctp", "1"), "packet 'sctp 1': is none"),
        (("--from", "web1", "--to", "10.0.0.1", "dns", "a..b"), "name 'a..b': is no name"),
        (("--from", "host", "dhcp"), "sender 'host': is no instance"),
        (("--from", "outside", "--to", "10.0.0.1", "arp"), "sender 'outside': is no instance"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    lab: RunningLab, words: tuple[str, ...], said: str
) -> None:
    done = lab.netconsole("trace", *words, check=False)
    assert done.returncode in (1, 2)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert said in done.stderr


def test_what_a_group_is_asked_about_is_sent_as_well(lab: RunningLab) -> None:
    """By the floating address of the instance where it comes from outside."""
    asked = ("secgroup", "test", "--trace", "--from", "203.0.113.1", "--to", "web1", "--protocol")
    let_in = lab.netconsole(*asked, "tcp", "--port", "80", "--json")
    ((answer, journey),) = ((each, each["journey"]) for each in json.loads(let_in.stdout))
    assert (answer["verdict"], journey["reached"]) == ("allowed", True)
    assert journey["destination"] == "203.0.113.129"

    shut_out = lab.netconsole(*asked, "udp", "--port", "999", check=False)
    assert shut_out.returncode == 1
    assert re.search("denied.*\n\nfrom 203.0.113.1\n(.*\n)+ended: rule 1 of", shut_out.stdout)

    for more in (("icmp", "--icmp-type", "13"), ("tcp", "--port", "80", "--from", "::1")):
        refused = lab.netconsole(*asked, *more, check=False)
        assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)
