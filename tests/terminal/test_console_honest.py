"""The console does not mislead: what is green was checked, what is typed is what is meant."""

import base64
import json
import re
from collections.abc import Iterator

import pytest
from lab_console import console
from private_host import eventually
from running_lab import RunningLab

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping"
)
HEALTHY = "drift 0 ✓  problems 0 ✓"


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with RunningLab() as running:
        yield running


def test_nothing_is_well_before_it_was_checked(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        seen = bytes(terminal.output)
    assert b"checking ?" in seen
    assert seen.index(b"checking ?") < seen.index("problems 0 ✓".encode())


@pytest.mark.parametrize(
    ("typed", "shown"),
    [(":zzq", "No action is called so"), (":cop", "the row to the clipboard"), (":", "quit")],
)
def test_a_word_after_a_colon_is_no_row_of_keys(lab: RunningLab, typed: str, shown: str) -> None:
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press(typed)
        terminal.wait_for("Actions", shown)
        terminal.press("escape")
        terminal.wait_for("Actions", absent=True)
        terminal.wait_for("[1 networks]")
        terminal.press(":quit", "enter")
        assert terminal.exit_status() == 0


def test_a_page_is_painted_once(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.settle()
        for key, shown in (("?", "more lines below"), ("escape", "1/1"), ("d", "Nothing: the")):
            before = len(terminal.output)
            terminal.press(key)
            terminal.wait_for(shown)
            terminal.settle()
            moves = re.findall(rb"\x1b\[(\d+);\d+H", bytes(terminal.output[before:]))
            # Hiding and showing the cursor moves it as well.
            assert len(moves) <= 24 + 6, f"{key}: {len(moves)} lines for a screen of 24"


def test_what_is_copied_goes_to_tmux_and_past_it(lab: RunningLab) -> None:
    row = base64.b64encode(b"vmnet\t10.0.0.0/24")[:20]
    for tmux, forms in (("", 1), ("/run/tmux/default,1,0", 2)):
        with console(lab, TMUX=tmux) as terminal:
            terminal.wait_for(HEALTHY)
            terminal.press("y")
            terminal.wait_for("by OSC 52", "allow-passthrough on" if tmux else "refuse them unsaid")
            sent = bytes(terminal.output)
            assert sent.count(b"]52;c;" + row) == forms
            assert sent.count(b"\x1bPtmux;") == forms - 1
            terminal.wait_for("copied", absent=True)


def test_a_terminal_that_grows_shows_no_less(lab: RunningLab) -> None:
    with console(lab, options=("--read-only",), columns=60, lines=15) as terminal:
        terminal.wait_for("READ-ONLY", re.compile(r"\A.*lab"), "problems 0 ✓")
        terminal.press("2")
        former: set[str] = set()
        for columns in (60, 80, 100, 120, 159, 160, 200, 225, 226, 240):
            terminal.resize(columns, 24)
            if columns >= 80:
                wanted = (re.compile(r"port is.*\n.*up ✓"), "d what is wrong")
                terminal.wait_for("leased ✓", *wanted, re.compile(r"\? help  q quit\Z"))
            terminal.settle()
            heading = next(line for line in terminal.text.splitlines() if " instance" in line)
            titles = set(re.split(r" {2,}", heading.strip()))
            assert former <= titles, f"{columns} columns have lost {former - titles}"
            former = titles
        assert {"port", "network", "mac", "project", "host"} <= former


def _first_line(lab: RunningLab) -> str:
    return lab.netconsole("status").stdout.splitlines()[0]


def test_nobody_at_the_port_is_not_up(lab: RunningLab) -> None:
    status = json.loads(lab.netconsole("status", "--json").stdout)
    device = next(a["device"] for a in status["allocations"] if a["instance"] == "db1")
    with console(lab) as terminal:
        terminal.wait_for(HEALTHY)
        terminal.press("2")
        terminal.wait_for(re.compile(r"db1 .*leased ✓ +up ✓"))
        lab.run("ip", "link", "del", device)
        terminal.wait_for(re.compile(r"drift \d+ ≠"))
        terminal.press("r")
        terminal.wait_for("[ Apply ]")
        terminal.press("tab", "enter")
        terminal.wait_for("drift 0 ✓", "problems 1 ✗", "2 allocations 1✗")
        terminal.wait_for(re.compile(r"db1 .*held \? +no carrier \?"))
        terminal.press("d")
        terminal.wait_for(f"port {device} of db1 is without carrier: nobody is at the other end")
        # The change may be under way still, and whoever leaves then cuts it off.
        eventually(lambda: "as the store says, and 1 problem" in _first_line(lab))
    said = lab.netconsole("status").stdout
    assert f"wrong: port {device} of db1 is without carrier" in said


def test_a_dnsmasq_that_does_not_run_on_is_noticed(lab: RunningLab) -> None:
    status = json.loads(lab.netconsole("status", "--json").stdout)
    pid = str(status["dnsmasq"][0]["pids"][0])
    lab.run("kill", "-STOP", pid)
    try:
        with console(lab) as terminal:
            terminal.wait_for("problems")
            terminal.press("4")
            terminal.wait_for(re.compile(r"vmnet .*stopped ✗"), f"kill -CONT {pid}")
        assert f"kill -CONT {pid}" in lab.netconsole("status").stdout
    finally:
        lab.run("kill", "-CONT", pid)

    def runs() -> bool:
        found = json.loads(lab.netconsole("status", "--json").stdout)
        return bool(found["dnsmasq"][0]["state"] == "running")

    eventually(runs)
