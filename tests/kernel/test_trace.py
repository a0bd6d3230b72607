"""`netconsole trace` in a lab: a packet is sent for real, and what it met is told."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from private_host import eventually
from running_lab import RunningLab
from traced import deciding, interfaces, port_of, traced

pytestmark = pytest.mark.requires("root", "iptables", "tcpdump")


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
        (("--from", "nosuch", "--to", "192.0.2.1"), "sender 'nosuch': is no IPv4 address"),
        (("--from", "web1", "--to", "nosuch"), "destination 'nosuch': is no IPv4 address"),
        (("--from", "web1", "--to", "::1"), "destination '::1': is an address of IPv6"),
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
    assert done.returncode == 2
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


PROGRAM = (Path(__file__).parents[1] / "support" / "programs_of_command.py").read_text()


def test_the_host_is_read_once(lab: RunningLab) -> None:
    asked = ("trace", "--from", "web1", "--to", "203.0.113.1")
    done = json.loads(lab.run("python3", "-c", PROGRAM, *asked).stdout.splitlines()[-1])
    read = {each: count for each, count in done["programs"].items() if each.startswith("ip ")}
    assert sum("link show" in each for each in read) == 1, read
    assert sum("address show" in each for each in read) == 1, read
    assert set(read.values()) == {1}, read
