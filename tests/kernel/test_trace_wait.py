"""`netconsole trace --wait` in a lab: nothing is sent, and what others send is followed."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from agent import curl, start_agent
from private_host import eventually
from pseudo_terminal import Terminal
from running_lab import RunningLab

pytestmark = pytest.mark.requires("root", "iptables", "tcpdump")
TO_ROUTER = ("--from", "web1", "--to", "203.0.113.1")


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """One for all: each test puts back what it breaks."""
    with RunningLab() as running:
        yield running


def is_marking(lab: RunningLab) -> bool:
    return "netconsole_trace_" in lab.run("nft", "list", "tables").stdout


@contextmanager
def waiting(lab: RunningLab, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """One that has begun to wait."""
    with lab.spawn("netconsole", "trace", "--wait", "--seconds", "100", *words) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("waiting 100 s for ")
        yield running


def test_real_packets_are_followed_and_none_is_lost(lab: RunningLab) -> None:
    with waiting(lab, *TO_ROUTER, "--json") as running:
        ping = ("ping", "-q", "-i", "0.02", "-c", "100", "-W", "20", "203.0.113.1")
        pinged = lab.inside("web1", *ping)
        told, _ = running.communicate(timeout=120)
    assert "100 packets transmitted, 100 received, 0% packet loss" in pinged.stdout
    found = json.loads(told)
    assert 1 <= len(found) <= 3
    for journey in found:
        assert (journey["reached"], journey["because"]) == (True, "203.0.113.1 answers")
        assert journey["source"] == "10.0.0.2"
        ends = [(hop["kind"], hop["interface"]) for hop in journey["hops"]]
        assert ends.count(("left", "eth0")) == ends.count(("arrived", "eth0")) == 1
        owners = [hop["rule"]["owner"] for hop in journey["hops"] if hop["rule"]]
        assert "guard" in [each["part"] for each in owners if each]
    assert running.returncode == 0
    assert not is_marking(lab)


CONNECT = "import socket; s=socket.socket(); s.settimeout(5); s.connect_ex(('203.0.113.1', 443))"


def test_where_a_real_connection_ends_is_named(lab: RunningLab) -> None:
    rule = ("FORWARD", "-p", "tcp", "--dport", "443", "-j", "DROP")
    lab.run("iptables", "-I", *rule)
    try:
        with waiting(lab, *TO_ROUTER, "tcp", "443") as running:
            lab.inside("web1", "python3", "-c", CONNECT)
            told, _ = running.communicate(timeout=120)
    finally:
        lab.run("iptables", "-D", *rule)
    assert running.returncode == 1
    assert "\nended: rule 1 of FORWARD (table ip filter) drops it: `-p tcp" in told


FLOOD = """
import socket, sys
for port in range(10000, 60000):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind(("10.0.0.2", port))
        out.sendto(b"x" * 900, ("203.0.113.1", 99))
"""
"""Thousands of a kind in a second, each for itself."""


def test_beside_many_of_the_kind_those_are_followed_that_were_marked(lab: RunningLab) -> None:
    rule = ("FORWARD", "-p", "udp", "--dport", "99", "-j", "DROP")
    lab.run("iptables", "-I", *rule)
    flood = ("netconsole", "lab", "exec", "web1", "--", "python3", "-c", FLOOD)
    try:
        with lab.spawn(*flood) as flooding:
            with waiting(lab, *TO_ROUTER, "udp", "99", "--json") as running:
                told, _ = running.communicate(timeout=120)
            flooding.kill()
    finally:
        lab.run("iptables", "-D", *rule)
    found = json.loads(told)
    assert 1 <= len(found) <= 3
    for journey in found:
        assert "rule 1 of FORWARD (table ip filter) drops it: `-p udp" in journey["because"]
    assert not is_marking(lab)


def test_from_outside_to_a_floating_address(lab: RunningLab) -> None:
    asked = ("--from", "outside", "--to", "203.0.113.129", "tcp", "22", "--json")
    with waiting(lab, *asked) as running:
        lab.inside("outside", "python3", "-c", CONNECT.replace("1', 443", "129', 22"))
        told, _ = running.communicate(timeout=120)
    (journey,) = json.loads(told)
    assert (journey["reply"], journey["answered_by"]) == ("refusal", "203.0.113.129")
    assert journey["source"] == "203.0.113.1"


def test_where_none_comes_that_is_said(lab: RunningLab) -> None:
    asked = (*TO_ROUTER, "udp", "99", "--wait", "--seconds", "1", "--json")
    done = lab.netconsole("trace", *asked, check=False)
    assert (done.returncode, json.loads(done.stdout)) == (1, [])
    assert done.stderr.splitlines()[1:] == [
        "none came in 1 s: udp 99 from web1 to 203.0.113.1",
        "next: `netconsole trace --from web1 --to 203.0.113.1 udp 99` sends one",
    ]


def test_what_is_interrupted_leaves_nothing(lab: RunningLab) -> None:
    before = lab.run("nft", "-s", "list", "ruleset").stdout
    with waiting(lab, *TO_ROUTER) as running:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=120)
    assert running.returncode == 130
    assert eventually(lambda: lab.run("nft", "-s", "list", "ruleset").stdout == before)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((*TO_ROUTER, "arp", "--wait"), 2, "packet 'arp': is none of icmp, tcp PORT, udp PORT"),
        ((*TO_ROUTER, "--seconds", "9"), 2, "--seconds goes with --wait"),
        (
            (*TO_ROUTER, "--wait", "--seconds", "601"),
            2,
            "seconds '601': is no number from 1 to 600",
        ),
        (("--from", "nosuch", "--to", "web1", "--wait"), 2, "sender 'nosuch': is no IPv4 address"),
    ],
)
def test_what_cannot_be_waited_for_is_refused(
    lab: RunningLab, words: tuple[str, ...], status: int, said: str
) -> None:
    done = lab.netconsole("trace", *words, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def test_who_only_looks_marks_nothing(lab: RunningLab) -> None:
    done = lab.netconsole("--read-only", "trace", *TO_ROUTER, "--wait", check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith(
        "trace --wait: refused, this is read-only (asked for with --read-only)\n"
    )


PING = ("ping", "-q", "-i", "0.2", "-c", "9", "-W", "20", "203.0.113.1")


@pytest.fixture
def agent(lab: RunningLab) -> Iterator[RunningLab]:
    """The lab with an agent that waits for who asks."""
    running = start_agent(lab)
    yield lab
    running.kill()
    running.wait(timeout=60)


def test_the_agent_waits_for_who_asks(agent: RunningLab) -> None:
    asked = {"sender": "web1", "destination": "203.0.113.1"}
    refused = curl(agent, "/v1/wait", {"trace": asked, "seconds": 601})
    assert (refused[0], refused[1]["error"]["kind"]) == (400, "InvalidValue")
    with waiting(agent, *TO_ROUTER, "--json") as running:
        assert is_marking(agent)
        agent.inside("web1", *PING)
        told, _ = running.communicate(timeout=120)
    found = json.loads(told)
    assert [each["because"] for each in found] == ["203.0.113.1 answers"] * len(found) != []
    assert not is_marking(agent)


def test_ctrl_c_ends_the_agents_wait_as_well(agent: RunningLab) -> None:
    words = ("netconsole", "trace", "--wait", "--seconds", "600", *TO_ROUTER)
    with Terminal(agent.entered(*words)) as terminal:
        terminal.wait_for("waiting 600 s for icmp from web1 to 203.0.113.1; Ctrl-C ends it")
        assert is_marking(agent)
        terminal.press("ctrl+c")
        assert terminal.exit_status() == 130
        assert "Traceback" not in terminal.text
    assert eventually(lambda: not is_marking(agent))


def test_an_agent_that_is_killed_marks_no_more(lab: RunningLab) -> None:
    running = start_agent(lab)
    with waiting(lab, *TO_ROUTER) as asking:
        running.kill()
        _, said = asking.communicate(timeout=120)
    assert asking.returncode == 3
    assert said.startswith("netconsole: the agent ")
    assert said.count("\n") == 1
    assert eventually(lambda: not is_marking(lab))
