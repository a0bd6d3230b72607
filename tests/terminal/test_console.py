"""The console on a lab, as an admin uses it: a real pty, real rules, real leases."""

import json
import os
import re
import signal
from collections.abc import Iterator

import pytest
from lab_console import console
from running_lab import RunningLab

from netconsole.lab.sandbox.ground import HOME

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping"
)
FOREIGN = ("PREROUTING", "-d", "198.51.100.7/32", "-j", "ACCEPT")
HEALTHY = "drift 0 ✓  problems 0 ✓"
SAID_READ_ONLY = re.compile(r"\A.*READ-ONLY")
"""In the header, on the first line."""


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with RunningLab() as running:
        running.run("iptables", "-t", "nat", "-I", *FOREIGN)
        yield running


def association(lab: RunningLab, address: str) -> str | None:
    status = json.loads(lab.netconsole("status", "--json").stdout)
    (found,) = (f for f in status["floating_ips"] if f["address"] == address)
    instance = found["instance"]
    assert instance is None or isinstance(instance, str)
    return instance


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40), (200, 60)])
def test_the_first_look_says_whether_the_host_is_well(
    lab: RunningLab, columns: int, lines: int
) -> None:
    with console(lab, columns=columns, lines=lines) as terminal:
        terminal.wait_for(
            re.compile(r"\A.*lab"),
            HEALTHY,
            re.compile(r"\n.*1 networks.*2 allocations.*3 floating.*4 dnsmasq.*5 NAT rules"),
            re.compile(r"vmnet +10\.0\.0\.0/24 +ok ✓ +br100 +up ✓"),
            re.compile(r"\? help  q quit\Z"),
        )
        terminal.press("2")
        leased = (re.compile(rf"{name} .*leased ✓") for name in ("web1", "web2", "db1"))
        terminal.wait_for("1/3", *leased)


def test_a_flushed_chain_is_seen_and_repaired(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("5")
        terminal.wait_for("foreign ·")
        lab.run("iptables", "-t", "nat", "-F", "nova-network-PREROUTING")
        terminal.wait_for(re.compile(r"\A.*≠"), "missing ✗")

        terminal.press("r")
        terminal.wait_for("[ Apply ]", "-A nova-network-PREROUTING -d 203.0.113.129/32 -j DNAT")
        terminal.press("enter")
        terminal.wait_for("5 NAT rules", "missing ✗")
        plan = lab.netconsole("plan", check=False)
        assert plan.returncode == 2, "enter on the dialog as it opens must change nothing"

        terminal.press("r")
        terminal.wait_for("[ Apply ]")
        terminal.press("tab", "enter")
        terminal.wait_for("done:")
        terminal.wait_for(HEALTHY)
        assert lab.netconsole("plan", check=False).returncode == 0
        assert lab.run("iptables", "-t", "nat", "-C", *FOREIGN, check=False).returncode == 0

        terminal.press("l")
        terminal.wait_for("Commands run in this session", "iptables -t nat")


def test_what_was_agreed_to_is_done_and_nothing_else(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        lab.run("iptables", "-t", "nat", "-D", "POSTROUTING", "-j", "nova-postrouting-bottom")
        terminal.wait_for("drift 1 ≠")
        terminal.press("r")
        terminal.wait_for("1 command, run in this order", "[ Apply ]")
        lab.run("iptables", "-t", "nat", "-F", "nova-network-OUTPUT")
        terminal.press("tab", "enter")
        terminal.wait_for(
            "Nothing was done: the plan is not the one that you were shown",
            "Now also:",
            "-A nova-network-OUTPUT -d 203.0.113.129/32",
            "[ Apply ]",
        )
        gone = ("iptables", "-t", "nat", "-C", "POSTROUTING", "-j", "nova-postrouting-bottom")
        assert lab.run(*gone, check=False).returncode == 1, "nothing of the former plan was done"
        terminal.press("tab", "enter")
        terminal.wait_for(re.compile(r"done: \d+ commands"))
        terminal.wait_for(HEALTHY)
    assert lab.netconsole("plan", check=False).returncode == 0


HOLD = """
import fcntl, sys
held = open(f"{sys.argv[1]}/host.lock", "r+")
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
"""Another change, as far as the next one can tell."""


@pytest.mark.parametrize("end", ["q", "SIGTERM"])
def test_who_leaves_waits_for_what_is_being_done(lab: RunningLab, end: str) -> None:
    bottom = ("-t", "nat", "{}", "POSTROUTING", "-j", "nova-postrouting-bottom")
    add, delete, check = (tuple(w.format(verb) for w in bottom) for verb in ("-A", "-D", "-C"))
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        lab.run("iptables", *delete)
        terminal.wait_for("drift 1 ≠")
        terminal.press("r")
        terminal.wait_for("[ Apply ]", " ".join(("iptables", *add)))
        holder = lab.spawn("python3", "-c", HOLD, str(HOME / "state"))
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        terminal.press("tab", "enter")
        terminal.wait_for("being done: Repair")
        if end == "q":
            terminal.press("q")
            terminal.wait_for("leaves when it is done; q again leaves at once")
        else:
            os.kill(terminal.pid(), signal.SIGTERM)
            terminal.wait_for("netconsole: being done: Repair")
        assert lab.run("iptables", *check, check=False).returncode == 1
        holder.communicate(timeout=60)
        assert terminal.exit_status() == (0 if end == "q" else 128 + signal.SIGTERM)
        assert terminal.restored()
        assert lab.run("iptables", *check).returncode == 0
    assert lab.netconsole("plan", check=False).returncode == 0


def test_an_open_dialog_says_that_its_plan_is_another_by_now(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        lab.run("iptables", "-t", "nat", "-D", "POSTROUTING", "-j", "nova-postrouting-bottom")
        terminal.wait_for("drift 1 ≠")
        terminal.press("r")
        terminal.wait_for("1 command, run in this order", "[ Apply ]")
        lab.run("iptables", "-t", "nat", "-F", "nova-network-OUTPUT")
        terminal.wait_for("the plan is another by now", "[ Show what differs ]")
        terminal.wait_for("1 command, run in this order")  # nothing moves while it is read
        terminal.press("tab", "enter")
        terminal.wait_for("Now also:", "-A nova-network-OUTPUT -d 203.0.113.129/32", "[ Apply ]")
        terminal.press("tab", "enter")
        terminal.wait_for(re.compile(r"done: \d+ commands"))
        terminal.wait_for(HEALTHY)


def test_most_goes_only_when_the_hosts_name_is_typed() -> None:
    with RunningLab() as lab:
        lab.run("sh", "-c", "printf '[DEFAULT]\nhost = renamed\n' > /run/renamed.conf")
        named = ("--config-file", "/etc/netconsole/netconsole.conf", "--config-file")
        with console(lab, options=(*named, "/run/renamed.conf")) as terminal:
            terminal.wait_for("drift", "r repair")
            for name, said in (("lab", "not done"), ("renamed", re.compile(r"done: \d+ command"))):
                assert "br100" in lab.run("ip", "-br", "link").stdout
                terminal.press("r")
                terminal.wait_for("[ Apply ]", "iptables -t nat -F nova-network-OUTPUT")
                terminal.press("tab", "enter")
                terminal.wait_for("name of this host: ", "of ours here (", "run in this order")
                terminal.press(name, "enter")
                terminal.wait_for(said, "[1 networks")
        assert "br100" not in lab.run("ip", "-br", "link").stdout


def test_a_floating_address_is_given_and_taken_back(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("a")
        terminal.wait_for("associate: only in 3 floating")
        terminal.press("3")
        terminal.wait_for("203.0.113.130")
        terminal.press("a")
        terminal.wait_for("disassociate it first")
        terminal.press("down", "a")
        terminal.wait_for("Associate 203.0.113.130 with")
        terminal.press("down", "enter")
        terminal.wait_for("[ Apply ]", "ip address add 203.0.113.130/32 dev eth0")
        assert association(lab, "203.0.113.130") is None
        terminal.press("tab", "enter")
        terminal.wait_for(re.compile(r"203\.0\.113\.130 .*5/5"))
        assert association(lab, "203.0.113.130") == "web2"

        terminal.press("enter")
        terminal.wait_for("Rules of this address")
        terminal.press("escape")
        terminal.wait_for("Rules of this address", absent=True)
        terminal.wait_for("D disassociate")
        terminal.press("D")
        terminal.wait_for("[ Apply ]", "conntrack --delete")
        terminal.press("tab", "enter")
        terminal.wait_for("Disassociate 203.0.113.130 from web2: done:")
        assert association(lab, "203.0.113.130") is None


def test_what_a_group_lets_in_is_chosen_and_taken_away_again(lab: RunningLab) -> None:
    def rules() -> str:
        return lab.run("netconsole", "secgroup", "rules", "default", "--project", "demo").stdout

    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("6")
        terminal.wait_for("[6 groups]", "icmp from 0.0.0.0/0")
        terminal.press("+")
        terminal.wait_for("Let in to default of demo", "HTTPS")
        terminal.press("down", "down", "down", "enter")
        terminal.wait_for("from: 0.0.0.0/0")
        terminal.press("4", "enter")
        terminal.wait_for("CIDR '0.0.0.0/04': must be a range")
        terminal.press("enter", *["backspace"] * 9, "192.0.2.0/24", "enter")
        terminal.wait_for("[ Apply ]", "Let in to default of demo: tcp 443 from 192.0.2.0/24")
        assert "443" not in rules()
        terminal.press("tab", "enter")
        terminal.wait_for("Let in to default of demo: tcp 443 from 192.0.2.0/24: done:")
        assert "192.0.2.0/24" in rules()

        ssh = ("--protocol", "tcp", "--port", "2222", "--cidr", "198.51.100.0/24")
        lab.run("netconsole", "secgroup", "allow", "default", "--project", "demo", *ssh)
        terminal.press("-")
        terminal.wait_for("tcp 443 from 192.0.2.0/24", "tcp 2222 from 198.51.100.0/24")
        lab.run("netconsole", "secgroup", "revoke", "default", "--project", "demo", *ssh)
        terminal.wait_for("tcp 2222", absent=True)
        terminal.press("down", "down", "down", "enter")
        terminal.wait_for("[ Apply ]")
        terminal.press("tab", "enter")
        terminal.wait_for("Take from default of demo: tcp 443 from 192.0.2.0/24: done:")
        assert "192.0.2.0/24" not in rules()

        terminal.press("+", *["down"] * 4, "enter", "8000:8010", "enter")
        terminal.wait_for("from: 0.0.0.0/0")
        terminal.press("enter")
        terminal.wait_for("[ Apply ]", "tcp 8000-8010 from 0.0.0.0/0")
        terminal.press("escape")


def test_filter_faults_and_order(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("3")
        terminal.wait_for("1/14")
        terminal.press("/", "web1")
        terminal.wait_for("1/1 of 14")
        terminal.press("enter")
        terminal.wait_for("/web1")
        terminal.press("/", "backspace", "backspace", "backspace", "backspace", "!free", "enter")
        terminal.wait_for("/!free", "203.0.113.129")
        terminal.wait_for("203.0.113.130", absent=True)
        terminal.press("escape")
        terminal.wait_for("1/14")
        terminal.press("f")
        terminal.wait_for("No row matches")
        terminal.press("escape")
        terminal.wait_for("No row matches", absent=True)
        terminal.wait_for("1/14")
        terminal.press("s", "S")
        terminal.wait_for(re.compile(r"address▼.*203\.0\.113\.142.*203\.0\.113\.129", re.DOTALL))


def test_a_rule_is_described_by_the_command_that_makes_it(lab: RunningLab) -> None:
    with console(lab, columns=120) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("5")
        terminal.press("/", "198.51.100.7", "enter", "enter")
        terminal.wait_for("foreign ·", "iptables -t nat -A PREROUTING -d 198.51.100.7/32 -j ACCEPT")
        terminal.press("escape")
        terminal.wait_for("[5 NAT rules]")


def test_read_only_is_always_said_and_offers_no_change(lab: RunningLab) -> None:
    before = lab.run("iptables-save", "-t", "nat").stdout.count("-A")
    with console(lab, options=("--read-only",)) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("3")
        terminal.wait_for("203.0.113.130")
        for key in ("a", "D", "r"):
            terminal.press(key)
            # That the table is still there says that no dialog has opened.
            terminal.wait_for("read-only: asked for with --read-only", "203.0.113.142")
        terminal.wait_for(re.compile(r"associate.*\Z"), absent=True)
        terminal.press(":")
        terminal.wait_for(SAID_READ_ONLY, "what it does", "playbooks", "quit")
        terminal.wait_for("associate", "repair", absent=True)
        terminal.press("escape")
        terminal.wait_for("what it does", absent=True)
        for key in ("?", "d", "p", "l"):
            terminal.wait_for("203.0.113.142")
            terminal.press(key)
            terminal.wait_for(SAID_READ_ONLY, "esc goes back")
            terminal.press("escape")
            terminal.wait_for("esc goes back", absent=True)
    assert lab.run("iptables-save", "-t", "nat").stdout.count("-A") == before


def test_the_steps_to_come_are_shown_while_evidence_is_collected(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("p")
        terminal.wait_for("0 found something")
        terminal.press("/", "floating-unr", "enter")
        terminal.wait_for("/floating-unr")
        terminal.press("enter")
        terminal.wait_for(
            "Nobody outside reaches an instance", "  group_admits: ping", "collecting evidence"
        )
        terminal.wait_for("ok ✓     group_admits: ping")


def test_the_guided_playbook_finds_heals_proves_and_takes_back(lab: RunningLab) -> None:
    lab.netconsole("lab", "break", "rp_filter")
    try:
        with console(lab, lines=40) as terminal:
            terminal.wait_for("problems 1 ✗")
            terminal.press("p")
            terminal.wait_for("checks: 1 found something", "FAIL ✗")
            terminal.press("/", "rp_filter", "enter")
            terminal.press("enter")
            terminal.wait_for("IPReversePathFilter after the probe", "FAIL ✗")
            terminal.press("a")
            terminal.wait_for("[ Apply ]", "sysctl -w net.ipv4.conf.eth0.rp_filter=2")
            terminal.press("tab", "enter")
            terminal.wait_for("done and verified")
            key = "net.ipv4.conf.eth0.rp_filter"
            assert lab.run("sysctl", "-n", key).stdout.strip() == "2"
            terminal.press("u")
            terminal.wait_for("[ Apply ]", "sysctl -w net.ipv4.conf.eth0.rp_filter=1")
            terminal.press("tab", "enter")
            terminal.wait_for("taken back")
            assert lab.run("sysctl", "-n", key).stdout.strip() == "1"
    finally:
        lab.netconsole("lab", "mend", "rp_filter")


def test_nothing_is_sent_while_nothing_changes_and_little_when_a_row_does(lab: RunningLab) -> None:
    with console(lab, columns=120, lines=40) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.settle()
        assert terminal.bytes_within(4) == 0

        terminal.press("5")
        terminal.wait_for("198.51.100.7")
        terminal.settle()
        # The `new` column of a row that has counted, and its going out, are part of the price.
        lab.run("ping", "-c1", "-W1", "203.0.113.129")
        terminal.settle(quiet=2.5)
        before = len(terminal.output)
        chain = "nova-network-OUTPUT"
        rules = lab.run("iptables", "-t", "nat", "-S", chain).stdout.splitlines()
        at = next(number for number, rule in enumerate(rules) if "203.0.113.129" in rule)
        lab.run("iptables", "-t", "nat", "-Z", chain, str(at))
        terminal.settle(quiet=2.5)
        assert 0 < len(terminal.output) - before < 400

        before = len(terminal.output)
        terminal.press("down")
        terminal.settle(quiet=1)
        assert 0 < len(terminal.output) - before < 2_000


def test_a_playbook_is_aimed_at_one_instance_and_watches_its_packets(lab: RunningLab) -> None:
    with console(lab, columns=120, lines=40) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("p")
        terminal.wait_for("packet-loss", "drift")
        terminal.press("/", "packet-loss", "enter", "enter")
        terminal.wait_for("seen at one only")
        terminal.wait_for("Steps", "t target")
        terminal.press("t")
        terminal.wait_for("target: ")
        terminal.press("nobody", "enter")
        terminal.wait_for("'nobody'")
        # What was asked before goes on for some seconds more, and nobody wants to know.
        terminal.settle(quiet=3)
        assert "'nobody'" in terminal.text
        terminal.press("t", *["backspace"] * len("nobody"), "web2", "enter")
        terminal.wait_for("queries sent", "inside web2")


def test_the_bundle_is_written_where_the_admin_says(lab: RunningLab) -> None:
    with console(lab, columns=120, lines=40) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("p")
        terminal.wait_for("bundle", "drift")
        terminal.press("/", "bundle", "enter", "enter")
        terminal.wait_for("target: ")
        assert lab.run("test", "-e", "/run/ticket.tar.gz", check=False).returncode == 1
        terminal.press("\x15", "/run/ticket.tar.gz", "enter")
        terminal.wait_for("/run/ticket.tar.gz: ", "readable by its owner only")
    assert lab.run("test", "-e", "/run/ticket.tar.gz", check=False).returncode == 0
