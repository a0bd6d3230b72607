"""The console's capture page on a lab: live figures of real packets, saved where the admin says."""

import re

import pytest
from lab_console import console
from private_host import eventually
from pseudo_terminal import Terminal
from running_lab import RunningLab

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping", "tcpdump"
)
SERVER = "10.0.0.1"
CHOSEN = re.compile(r"\[x\] br100 .*\n.*\[x\] veth\w+ +veth, port of br100 +web1")
CONNECT = """
import socket
for port in (40022, 40023):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("", port))
    made.connect_ex(("10.0.0.1", 9))
"""


def ask(lab: RunningLab, name: str) -> None:
    """Ask once from inside web1, for both kinds of address; waits a second for the answers."""
    lab.inside("web1", "busybox", "timeout", "1", "busybox", "nslookup", name, SERVER)


def begin(terminal: Terminal) -> None:
    """From the first page to a capture that has begun."""
    terminal.wait_for("drift 0 ✓")
    terminal.press("c")
    terminal.wait_for(CHOSEN, re.compile(r"filter +port 53"))
    terminal.press("enter")
    terminal.wait_for("capturing 0:00:")


def capturing(lab: RunningLab) -> bool:
    """Whether any program of the lab's host captures (AF_PACKET, packet(7))."""
    return len(lab.run("cat", "/proc/net/packet").stdout.splitlines()) > 1


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
def test_questions_are_followed_through_the_bridge(
    lab: RunningLab, columns: int, lines: int
) -> None:
    with console(lab, columns=columns, lines=lines) as terminal:
        begin(terminal)
        ask(lab, f"gone{columns}.test")
        row = rf"A gone{columns}\.test NXDOMAIN +10\.0\.0\.2 +\d+\.\d ms +\d+\.\d ms"
        terminal.wait_for(
            re.compile(row),
            re.compile(r"br100 +[1-9]\d* +\d+ +0\n"),
            re.compile(r"veth\w+ +[1-9]\d* +\d+ +0  port of br100"),
            re.compile(r"veth\w+ > br100 +[1-9]\d* +0 +0 +0\.\d{3} +0\.\d{3}"),
            re.compile(rf" br100 +(in|out) +10\.0\.0.* DNS \d+ A+ gone{columns}"),
            re.compile(r"DNS at br100: (\d+) of \1 answered, 0 without an answer"),
        )
        terminal.press("escape")
        terminal.wait_for("enter begin")
        eventually(lambda: not capturing(lab))


def test_what_is_not_answered_and_what_is_lost_is_said(lab: RunningLab) -> None:
    refuse = ("INPUT", "-p", "udp", "--dport", "53", "-j", "DROP")
    physical = ("-m", "physdev", "--physdev-in", "veth+")
    lose = ("PREROUTING", "-p", "icmp", "-s", "10.0.0.2", *physical, "-j", "DROP")
    lab.run("iptables", "-I", *refuse)
    lab.run("sysctl", "-w", "net.bridge.bridge-nf-call-iptables=1")
    lab.run("iptables", "-t", "raw", "-A", *lose)
    try:
        with console(lab) as terminal:
            begin(terminal)
            ask(lab, "silent.test")
            terminal.wait_for(
                re.compile(r"A silent\.test +10\.0\.0\.2 +no answer +no answer"),
                re.compile(r"DNS at br100: \d+ of \d+ answered, [1-9]\d* without"),
            )
            terminal.press("escape")
            terminal.wait_for("enter begin")
            terminal.press("f", "\x15", "icmp", "enter")
            terminal.wait_for(re.compile(r"filter +icmp"), "enter begin")
            terminal.press("enter")
            terminal.wait_for("capturing 0:00:")
            lab.inside("web1", "ping", "-q", "-c20", "-i0.2", "-W1", SERVER)
            # Decided is what was seen some seconds before the latest packets.
            lab.inside("web1", "ping", "-q", "-c20", "-i0.3", "-W1", SERVER)
            terminal.wait_for(
                re.compile(r"veth\w+ > br100 +0 +[1-9]\d* +0"),
                re.compile(r"got lost: seen on veth\w+,"),
                seconds=20,
            )
    finally:
        lab.run("iptables", "-t", "raw", "-D", *lose)
        lab.run("iptables", "-D", *refuse)


def test_it_is_saved_where_the_admin_says_and_nothing_is_overwritten(
    lab: RunningLab,
) -> None:
    path = "/run/of-the-console.pcapng"
    with console(lab, columns=120) as terminal:
        begin(terminal)
        ask(lab, "saved.test")
        terminal.wait_for("A saved.test NXDOMAIN")
        for wrong, reason in (
            ("/nowhere/x", "/nowhere/x: cannot be written: No such file or directory"),
            ("/dev/null", "/dev/null: is there already, and is left as it is"),
        ):
            terminal.press("s")
            terminal.wait_for("save as: ")
            terminal.press("\x15", wrong, "enter")
            terminal.wait_for(reason)
        terminal.press("s")
        terminal.wait_for("save as: ")
        terminal.press("\x15", path, "enter")
        terminal.wait_for(re.compile(rf"{path}: \d+ packets, readable by its owner only"))
        assert lab.run("stat", "-c", "%a", path).stdout == "600\n"
        read = lab.netconsole("capture", "--read", path).stdout
        assert "A saved.test NXDOMAIN" in read

        ask(lab, "later.test")
        terminal.wait_for("A later.test NXDOMAIN")
        terminal.press("s")
        terminal.wait_for("save as: ")
        terminal.press("\x15", path, "enter")
        terminal.wait_for(f"{path}: is there already, and is left as it is", "Latest packets")
        assert lab.netconsole("capture", "--read", path).stdout == read


def test_read_only_a_capture_is_shown_and_not_saved(lab: RunningLab) -> None:
    with console(lab, options=("--read-only",)) as terminal:
        begin(terminal)
        ask(lab, "unsaved.test")
        terminal.wait_for("A unsaved.test NXDOMAIN", "y copy")
        terminal.wait_for("s save", absent=True)
        terminal.press("s")
        terminal.wait_for("read-only: no file is written")


def test_a_pause_holds_the_display_and_not_the_capture(lab: RunningLab) -> None:
    with console(lab) as terminal:
        begin(terminal)
        ask(lab, "before.test")
        terminal.wait_for("A before.test NXDOMAIN", re.compile(r"AAAA before\.test NXDOMAIN"))
        terminal.press("p")
        terminal.wait_for("paused 0:00:", "p go on")
        ask(lab, "meanwhile.test")
        paused = re.compile(r"paused 0:0\d:(\d\d)")
        seconds = {found[1] for found in [paused.search(terminal.text)] if found}
        terminal.wait_for(re.compile(r"paused 0:0\d:(?!" + "|".join(seconds) + r")\d\d"))
        assert "meanwhile.test" not in terminal.text
        terminal.press("p")
        terminal.wait_for("A meanwhile.test NXDOMAIN", "capturing 0:00:")


def test_what_cannot_be_captured_is_one_line_on_the_form(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for("drift 0 ✓")
        terminal.press("c")
        terminal.wait_for(CHOSEN)
        terminal.press("f")
        terminal.wait_for("filter: port 53")
        terminal.press("xyz", "escape")
        terminal.wait_for(re.compile(r"filter +port 53\n"), "enter begin")
        terminal.press("f", "\x15", "udp prot 53", "enter")
        terminal.wait_for(re.compile(r"\n filter +udp prot 53\n"))
        terminal.press("enter")
        terminal.wait_for("filter 'udp prot 53': can't parse filter", "enter begin")
        terminal.press(" ", "down", " ")
        terminal.wait_for("[x]", absent=True)
        terminal.press("enter")
        terminal.wait_for("no interface is chosen")
        assert not capturing(lab)


def test_without_the_privilege_it_says_so_and_opens_nothing(lab: RunningLab) -> None:
    without = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
    with console(lab, *without) as terminal:
        terminal.wait_for("1 networks")
        terminal.press("c")
        terminal.wait_for("capture: no privileges: run as root (CAP_NET_RAW)", "1 networks")


def test_the_admins_own_session_is_left_out(lab: RunningLab) -> None:
    with console(lab, SSH_CONNECTION=f"10.0.0.2 40022 {SERVER} 9") as terminal:
        terminal.wait_for("drift 0 ✓")
        terminal.press("c")
        terminal.wait_for(CHOSEN)
        terminal.press("f")
        terminal.wait_for("filter: port 53")
        terminal.press("\x15", "tcp port 9", "enter", "enter")
        terminal.wait_for("capturing 0:00:")
        lab.inside("web1", "python3", "-c", CONNECT)
        terminal.wait_for(re.compile(r"10\.0\.0\.2\.40023 > 10\.0\.0\.1\.9 TCP \[S\]"))
        assert "40022" not in terminal.text


def test_little_is_sent_and_the_size_may_change(lab: RunningLab) -> None:
    with console(lab) as terminal:
        begin(terminal)
        ask(lab, "size.test")
        terminal.wait_for("A size.test NXDOMAIN")
        terminal.wait_for(re.compile(r"br100 +[1-9]\d* +0 +0\n"))
        # Figures are decided some seconds later; from then on it is a clock that goes on.
        eventually(lambda: terminal.bytes_within(5) < 500, seconds=60)
        terminal.resize(60, 15)
        terminal.wait_for("q quit", re.compile(r"\n br100 +[1-9]"), "A size.test")
        terminal.resize(120, 40)
        terminal.wait_for("arrived, all of them", "Latest packets")


def test_it_is_reached_from_the_row_and_from_the_playbook(lab: RunningLab) -> None:
    with console(lab) as terminal:
        terminal.wait_for("drift 0 ✓")
        terminal.press("2", "down", "c")
        terminal.wait_for(re.compile(r"\[x\] br100 .*\n(.*\[ \].*\n)*.*\[x\] veth\w+ .* web2"))
        terminal.press("escape")
        terminal.wait_for("enter begin", absent=True)
        terminal.wait_for("[2 allocations]")
        terminal.press("3", "c")
        terminal.wait_for(
            re.compile(r"filter +ip and \(host 203\.0\.113\.129 or \(host 10\.0\.0\.2"),
            re.compile(r"\[x\] eth0"),
            re.compile(r"\[ \] br100"),
        )
        terminal.press("escape")
        terminal.wait_for("enter begin", absent=True)
        terminal.wait_for("[3 floating]")
        terminal.press("p")
        terminal.wait_for("packet-loss")
        terminal.press("/", "packet-loss", "enter", "enter")
        terminal.wait_for("Playbook packet-loss")
        terminal.press("c")
        terminal.wait_for(CHOSEN)
