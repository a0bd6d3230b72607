"""The console's path page on a lab: a real packet, hop by hop, and where it ended."""

import re
from collections.abc import Iterator

import pytest
from agent import agent_pid, start_agent
from lab_console import console
from pseudo_terminal import Terminal
from running_lab import RunningLab

from netconsole.screens.rows.marks import UNICODE

pytestmark = pytest.mark.requires("root", "namespaces", "ip", "iptables", "dnsmasq", "busybox")

ROUTER = "203.0.113.1"
TITLE = f" {UNICODE.into} ".join(("all", "allocations", "web1", "path"))
DROP = ("FORWARD", "-s", "10.0.0.2", "-p", "icmp", "-m", "comment", "--comment", "by hand")


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """One for all, with an agent: each test puts back what it breaks."""
    with RunningLab() as running:
        start_agent(running)
        yield running


def opened(terminal: Terminal) -> None:
    """From the first page to the path of web1."""
    terminal.wait_for("drift 0 ✓")
    terminal.press("2")
    terminal.wait_for("[2 allocations]", "x path")
    terminal.press("x")
    terminal.wait_for(TITLE, f"from web1 10.0.0.2  to outside ({ROUTER})  packet icmp")


@pytest.mark.parametrize(("options", "columns"), [((), 80), (("--no-agent",), 120)])
def test_an_answered_packet_is_shown_there_and_back(
    lab: RunningLab, options: tuple[str, ...], columns: int
) -> None:
    with console(lab, options=options, columns=columns) as terminal:
        opened(terminal)
        terminal.wait_for(
            f"✓ reached: {ROUTER} answers",
            re.compile(r"▌ there web1 +sent +10\.0\.0\.2 → 203\.0\.113\.1\n"),
            re.compile(r"  there eth0 +left +203\.0\.113\.129 → 203\.0\.113\.1\n"),
            re.compile(r"  back  ip filter +accept +groups of web1: answers to what it began\n"),
            re.compile(r"  back  veth\w+ +left +an answer, 203\.0\.113\.1 → 10\.0\.0\.2\n"),
        )
        assert b"Sending icmp from web1 10.0.0.2 to outside, three times" in terminal.output
        terminal.press("escape")
        terminal.wait_for("[2 allocations]")


def test_where_it_ended_is_begun_at_and_runs_again_when_mended(lab: RunningLab) -> None:
    with console(lab) as terminal:
        lab.run("iptables", "-I", *DROP, "-j", "DROP")
        try:
            opened(terminal)
            terminal.wait_for(
                re.compile(r"▌ there ip filter +drop ✗ +rule 1 of FORWARD, of others: -s 10\.0"),
                "✗ ended: rule 1 of FORWARD (table ip filter) drops it",
            )
            terminal.press("d")
            terminal.wait_for(
                "here it ended   rule 1 of FORWARD",
                "another program's",
                'comment --comment "by hand" -j DROP',
                "nft --handle list chain ip filter FORWARD",
            )
            terminal.press("escape")
            terminal.wait_for(TITLE)
        finally:
            lab.run("iptables", "-D", *DROP, "-j", "DROP")
        terminal.press("r")
        terminal.wait_for("✓ reached:", re.compile(r"▌ there web1 +sent"))


def test_the_other_end_and_the_packet_are_chosen(lab: RunningLab) -> None:
    with console(lab) as terminal:
        opened(terminal)
        terminal.wait_for("✓ reached:")
        terminal.press("o")
        terminal.wait_for("Where it goes", "gateway of vmnet", re.compile(r"web2 +10\.0\.0\.3"))
        terminal.press("down", "enter")
        terminal.wait_for("to 10.0.0.1  packet icmp", "✓ reached: 10.0.0.1 answers")
        terminal.press("p")
        terminal.wait_for("packet:   icmp, tcp PORT, udp PORT, dns NAME, arp or dhcp")
        terminal.press("tcp 70000", "enter")
        terminal.wait_for("port '70000': is no number from 1 to 65535", "packet icmp")
        terminal.press("p", "tcp 53", "enter")
        terminal.wait_for("to 10.0.0.1  packet tcp 53", "✓ reached: 10.0.0.1 answers")
        terminal.press("o", "end", "enter")
        terminal.wait_for("address: ")
        terminal.press("198.51.100.77", "enter")
        terminal.wait_for("to 198.51.100.77  packet tcp 53", "does not answer ARP")
        terminal.press("o", "end", "enter", "nowhere", "enter")
        terminal.wait_for("destination 'nowhere': is no IPv4 address", "No packet was followed.")


def test_a_path_turns_round_and_one_under_way_is_ended(lab: RunningLab) -> None:
    agent = str(agent_pid(lab))
    with console(lab) as terminal:
        opened(terminal)
        terminal.wait_for(f"✓ reached: {ROUTER} answers", "t turn round  p packet")
        terminal.press("t")
        terminal.wait_for(f"from outside ({ROUTER})  to web1 10.0.0.2", "✓ reached: 10.0.0.2 ans")
        terminal.press("t")
        terminal.wait_for(f"✓ reached: {ROUTER} answers")
        lab.run("kill", "-STOP", agent)
        try:
            terminal.press("r")
            terminal.wait_for("esc ends it")
            terminal.press("escape")
            terminal.wait_for(TITLE, "Ended before it was over. r runs it again, esc goes back.")
        finally:
            lab.run("kill", "-CONT", agent)
        terminal.press("r")
        terminal.wait_for(f"✓ reached: {ROUTER} answers")
        terminal.press("escape")
        terminal.wait_for("[2 allocations]")


def test_a_floating_address_is_reached_from_outside_and_the_size_may_change(
    lab: RunningLab,
) -> None:
    with console(lab) as terminal:
        terminal.wait_for("drift 0 ✓")
        terminal.press("3")
        terminal.wait_for("[3 floating]", "x path")
        terminal.press("x")
        terminal.wait_for(
            TITLE.replace("allocations", "floating").replace("web1", "203.0.113.129"),
            f"from outside ({ROUTER})  to 203.0.113.129  packet icmp",
            "✓ reached: 203.0.113.129 answers",
            re.compile(r"  there ip nat +accept +floating address 203\.0\.113\.129\n"),
        )
        terminal.resize(60, 15)
        terminal.wait_for("✓ reached: 203.0.113.129", re.compile(r"▌ there outside +sent"))
        terminal.press("o")
        terminal.wait_for("Who sends it", "this host itself")
        terminal.press("escape")
        terminal.wait_for("✓ reached: 203.0.113.129")


def test_who_only_looks_is_told_that_and_why(lab: RunningLab) -> None:
    with console(lab, options=("--read-only",)) as terminal:
        terminal.wait_for("drift 0 ✓")
        terminal.press("2")
        terminal.wait_for("[2 allocations]")
        terminal.press("x")
        terminal.wait_for(
            "path: refused, this is read-only (asked for with --read-only)", "[2 allocations]"
        )
