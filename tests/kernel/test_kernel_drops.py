"""Where no rule ended a packet, the kernel's own reason is told, by a tracing instance of ours."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from private_host import eventually
from running_lab import RunningLab

pytestmark = pytest.mark.requires("root", "iptables", "tcpdump", "tracefs")
INSTANCES = "/sys/kernel/tracing/instances"
OURS = "netconsole_trace_"


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """One at whose host tracefs is mounted, as systemd does, in its mount namespace alone."""
    with RunningLab() as running:
        enter = ("nsenter", f"--target={running.first}", "--mount")
        mount = ("mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing")
        subprocess.run((*enter, *mount), check=True, timeout=60)
        yield running


def traced(lab: RunningLab, *words: str) -> dict[str, Any]:
    done = lab.netconsole("trace", "--json", "--from", "web1", *words, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def instances(lab: RunningLab) -> frozenset[str]:
    """Those of this program; other tests have some as well."""
    found = lab.run("ls", INSTANCES).stdout.split()
    return frozenset(name for name in found if name.startswith(OURS))


REFUSALS = {
    "forwarding is off": (
        "sysctl -q net.ipv4.conf.br100.forwarding=0",
        "sysctl -q net.ipv4.conf.br100.forwarding=1",
        ("--to", "198.51.100.77", "tcp", "443"),
        "IP_INADDRERRORS (it is for another, and forwarding is off where it came in)",
    ),
    "one of two rules that are not traced": (
        "iptables-legacy -A INPUT -p udp -m statistic --mode nth --every 2 --packet 0 -j DROP; "
        "iptables-legacy -A INPUT -p udp -m length --length 0:65535 -j DROP",
        "iptables-legacy -F INPUT",
        ("--to", "10.0.0.1", "udp", "53"),
        "nf_hook_slow: NETFILTER_DROP (a rule of the packet filter, one that the kernel does not",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_the_kernels_reason_is_told(lab: RunningLab, name: str) -> None:
    breaks, mends, words, said = REFUSALS[name]
    lab.run("sh", "-c", breaks)
    try:
        found = traced(lab, *words)
    finally:
        lab.run("sh", "-c", mends)
    assert said in found["because"]
    drop = found["kernel_drop"]
    assert (drop["way"], drop["interface"]) == ("there", "br100")
    assert drop["reason"] == said.partition(" (")[0].rpartition(" ")[2]
    assert f"dropped it in {drop['function']}: " in found["because"]


def test_a_legacy_rule_is_named_where_the_kernel_says_that_one_did_it(lab: RunningLab) -> None:
    """Its words do not tell whether it takes the packet."""
    rule = ("-A", "INPUT", "-p", "udp", "-m", "length", "--length", "0:65535", "-j", "DROP")
    lab.run("iptables-legacy", *rule)
    try:
        found = traced(lab, "--to", "10.0.0.1", "udp", "53")
    finally:
        lab.run("iptables-legacy", "-D", "INPUT", "1")
    assert found["because"].startswith("rule 1 of INPUT (iptables-legacy table filter) drops it: `")
    assert (found["end"], found["unseen"]) == ("dropped", [])


def test_what_is_answered_was_not_dropped(lab: RunningLab) -> None:
    found = traced(lab, "--to", "203.0.113.1")
    assert (found["reached"], found["kernel_drop"], found["unseen"]) == (True, None, [])


def test_the_reason_is_told_of_real_packets_as_well(lab: RunningLab) -> None:
    breaks, mends, _, said = REFUSALS["forwarding is off"]
    asked = ("--json", "--from", "web1", "--to", "198.51.100.77", "udp", "99")
    lab.run("sh", "-c", breaks)
    try:
        with lab.spawn("netconsole", "trace", "--wait", "--seconds", "100", *asked) as running:
            assert running.stderr is not None
            assert running.stderr.readline().startswith("waiting 100 s for udp 99 from web1")
            send = "import socket; socket.socket(2, 2).sendto(b'x' * 99, ('198.51.100.77', 99))"
            lab.inside("web1", "python3", "-c", send)
            told, _ = running.communicate(timeout=120)
    finally:
        lab.run("sh", "-c", mends)
    (found,) = json.loads(told)
    assert said in found["because"]
    assert (found["kernel_drop"]["interface"], found["unseen"]) == ("br100", [])


def test_what_is_killed_leaves_nothing(lab: RunningLab) -> None:
    before = instances(lab)
    lab.run(
        *("sh", "-c"),
        "netconsole trace --wait --from web1 --to 198.51.100.77 2> /run/said & "
        "until grep -qs waiting /run/said; do sleep 0.1; done; kill -KILL $!",
    )
    assert eventually(lambda: not instances(lab) - before)
    assert eventually(lambda: OURS not in lab.run("nft", "list", "tables").stdout)


def test_an_instance_that_nobody_removed_is_removed_by_the_next(lab: RunningLab) -> None:
    before = instances(lab)
    lab.run(
        *("sh", "-c"),
        "netconsole trace --from web1 --to 198.51.100.77 > /dev/null & "
        f"until grep -qs 1 {INSTANCES}/{OURS}*/events/skb/kfree_skb/enable; do :; done; "
        "kill -KILL $(pgrep -P $! xargs) $!",
    )
    left = instances(lab) - before
    traced(lab, "--to", "203.0.113.1")
    assert left
    assert eventually(lambda: not left & instances(lab))


def test_a_host_that_is_traced_loses_no_packet(lab: RunningLab) -> None:
    ping = ("ping", "-q", "-i", "0.02", "-c", "150", "-W", "20", "203.0.113.1")
    with lab.spawn("netconsole", "lab", "exec", "web1", "--", *ping) as running:
        traced(lab, "--to", "203.0.113.1")
        traced(lab, "--to", "198.51.100.77", "tcp", "443")
        told, _ = running.communicate(timeout=120)
    assert "150 packets transmitted, 150 received, 0% packet loss" in told


def test_without_tracefs_that_is_said(lab: RunningLab) -> None:
    hidden = "mount -t tmpfs tmpfs /sys/kernel/tracing && netconsole trace --from web1 --to"
    told = lab.run("unshare", "--mount", "sh", "-c", f"{hidden} 198.51.100.77", check=False)
    said = "not seen: why the kernel gives packets up: tracefs is not at /sys/kernel/tracing"
    assert [line for line in told.stdout.splitlines() if line.startswith(said)]
