"""Rules of legacy tables, which the kernel does not trace, are named by their counters."""

from typing import Any

import pytest
from running_lab import RunningLab
from traced import traced

pytestmark = pytest.mark.requires("root", "iptables", "tcpdump", "iptables-legacy")
WORLD, GATEWAY = "203.0.113.1", "10.0.0.1"
ENDS = {
    "forwarded": (
        "-I FORWARD -p icmp -j DROP",
        ("--from", "web1", "--to", WORLD),
        "rule 1 of FORWARD (iptables-legacy table filter) drops it: `-p icmp -j DROP`",
    ),
    "before it is routed": (
        "-t raw -I PREROUTING -s 10.0.0.2 -j DROP",
        ("--from", "web1", "--to", WORLD),
        "rule 1 of PREROUTING (iptables-legacy table raw) drops it: `-s 10.0.0.2/32 -j DROP`",
    ),
    "for this host, and rejected": (
        "-I INPUT -p tcp -j REJECT",
        ("--from", "web1", "--to", GATEWAY, "tcp", "9"),
        "rule 1 of INPUT (iptables-legacy table filter) drops it: `-p tcp -j REJECT",
    ),
    "an answer": (
        "-t mangle -I FORWARD -d 10.0.0.2 -j DROP",
        ("--from", "web1", "--to", WORLD),
        "rule 1 of FORWARD (iptables-legacy table mangle) drops the answer: `-d 10.0.0.2/32",
    ),
    "an answer of this host": (
        "-I OUTPUT -p icmp -j DROP",
        ("--from", "web1", "--to", GATEWAY),
        "rule 1 of OUTPUT (iptables-legacy table filter) drops the answer: `-p icmp -j DROP`",
    ),
    "by this host itself": (
        "-I OUTPUT -o eth0 -p icmp -j DROP",
        ("--from", "host", "--to", WORLD),
        "rule 1 of OUTPUT (iptables-legacy table filter) drops it: `-o eth0 -p icmp -j DROP`",
    ),
    "from port to port of a bridge": (
        "-I FORWARD -m physdev --physdev-is-bridged -p icmp -j DROP",
        ("--from", "web1", "--to", "web2"),
        "rule 1 of FORWARD (iptables-legacy table filter) drops it: `-p icmp -m physdev",
    ),
}


def under(lab: RunningLab, rule: str, *words: str) -> dict[str, Any]:
    """Trace while a rule is there."""
    lab.run("iptables-legacy", *rule.split())
    try:
        return traced(lab, *words)
    finally:
        undone = rule.replace("-I ", "-D ").replace("-A ", "-D ")
        lab.run("iptables-legacy", *undone.split())


@pytest.mark.parametrize("name", ENDS)
def test_the_rule_that_ended_it_is_named(lab: RunningLab, name: str) -> None:
    rule, words, said = ENDS[name]
    found = under(lab, rule, *words)
    assert found["because"].startswith(said)
    assert (found["end"], found["reached"]) == ("dropped", False)
    assert found["remedy"].startswith("`iptables-legacy --table ")


def test_what_only_its_counter_tells_of_is_said_to_be_probable(lab: RunningLab) -> None:
    """There is no tracefs here: nothing says that a rule did it at all."""
    rule = "-I FORWARD -m u32 --u32 0&0=0 -j DROP"
    found = under(lab, rule, "--from", "web1", "--to", WORLD)
    assert found["because"].startswith("it came to br100, and no further on its way out by eth0")
    suspect = "; probably by rule 1 of FORWARD (iptables-legacy table filter) `-m u32"
    assert suspect in found["because"]
    assert found["remedy"].endswith("--list FORWARD`")


def test_translations_by_it_are_told(lab: RunningLab) -> None:
    rule = f"-t nat -A PREROUTING -d 198.51.100.7 -j DNAT --to-destination {WORLD}"
    found = under(lab, rule, "--from", "web1", "--to", "198.51.100.7")
    assert found["reached"]
    (hop,) = (hop for hop in found["hops"] if hop["counted"])
    assert (hop["rule"]["table"], hop["rule"]["chain"], hop["rule"]["position"]) == (
        "nat",
        "PREROUTING",
        1,
    )
    assert (hop["rule"]["listed_by"], hop["rule"]["ours"]) == ("iptables-legacy", False)


def test_a_real_packet_that_it_drops_is_told_of(lab: RunningLab) -> None:
    lab.run("iptables-legacy", "-I", "FORWARD", "-p", "udp", "--dport", "99", "-j", "DROP")
    asked = ("--from", "web1", "--to", WORLD, "udp", "99")
    try:
        with lab.spawn("netconsole", "trace", "--wait", "--seconds", "100", *asked) as running:
            assert running.stderr is not None
            assert running.stderr.readline().startswith("waiting 100 s for udp 99 from web1")
            send = f"import socket; socket.socket(2, 2).sendto(b'x', ('{WORLD}', 99))"
            lab.inside("web1", "python3", "-c", send)
            told, _ = running.communicate(timeout=120)
    finally:
        lab.run("iptables-legacy", "-D", "FORWARD", "1")
    assert "ended: rule 1 of FORWARD (iptables-legacy table filter) drops it: " in told
