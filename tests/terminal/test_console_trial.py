"""The console asks whether to keep a change of the way that the admin's SSH session comes in."""

import json
import re
import signal

import pytest
from cloud import create_network, held
from private_host import PrivateHost, eventually
from pseudo_terminal import Terminal

pytestmark = pytest.mark.requires("namespaces", "nsenter", "ip", "iptables", "dnsmasq")

SESSION = {"SSH_CONNECTION": "203.0.113.1 50000 203.0.113.2 22"}
STRAYED = """
ip link set dev eth0 nomaster
ip address del 203.0.113.2/24 dev br100
ip address add 203.0.113.2/24 broadcast 203.0.113.255 dev eth0
ip route replace default via 203.0.113.1
"""
"""Takes eth0 out of its bridge, as a restart of the system's own network service does."""


def strayed(host: PrivateHost, seconds: int) -> list[str]:
    """A host whose repair moves the address that the SSH session came in on."""
    create_network(host, "flat_interface = eth0", f"trial_seconds = {seconds}")
    host.run("sh", "-ec", STRAYED)
    return held(host)


def repair(terminal: Terminal) -> None:
    """Ask for a repair and agree to it, up to the question whether to keep it."""
    terminal.wait_for(re.compile(r"drift \d+ ≠"))
    terminal.press("r")
    terminal.wait_for("[ Apply ]", "ip link set dev eth0 master br100")
    terminal.press("tab", "enter")
    terminal.wait_for("On trial", "[ Revert now ]", "[ Keep ]", "It reverts by itself in")


def on_bridge(host: PrivateHost) -> bool:
    (bridge,) = json.loads(host.run("ip", "-json", "address", "show", "dev", "br100").stdout)
    return any(address["local"] == "203.0.113.2" for address in bridge["addr_info"])


def console(host: PrivateHost) -> Terminal:
    return Terminal(host.entered("netconsole", "console"), environment=SESSION)


def test_kept(host: PrivateHost) -> None:
    strayed(host, 60)
    with console(host) as terminal:
        repair(terminal)
        terminal.press("tab", "enter")
        terminal.wait_for(": done: ", "drift 0 ✓")
        terminal.press("q")
        assert terminal.exit_status() == 0
    assert on_bridge(host)
    assert host.run("netconsole", "plan", check=False).returncode == 0


def test_rules_that_would_match_no_more_are_told_of_before(host: PrivateHost) -> None:
    strayed(host, 60)
    host.run("iptables", "-A", "INPUT", "-i", "eth0", "-p", "tcp", "--dport", "22", "-j", "ACCEPT")
    with console(host) as terminal:
        terminal.wait_for(re.compile(r"drift \d+ ≠"))
        terminal.press("r")
        terminal.wait_for("[ Apply ]", "once eth0 is a port of br100", "INPUT (iptables-nft")
        terminal.press("escape")


@pytest.mark.parametrize("key", ["enter", "escape", "ctrl+c"])
def test_reverted_by_every_key_that_comes_to_hand(host: PrivateHost, key: str) -> None:
    before = strayed(host, 60)
    with console(host) as terminal:
        repair(terminal)
        assert on_bridge(host)
        terminal.press(key)
        terminal.wait_for("not confirmed: taken back", re.compile(r"drift \d+ ≠"))
        assert sorted(held(host)) == sorted(before)
        terminal.press("q")
        assert terminal.exit_status() == 0


def test_reverted_by_silence(host: PrivateHost) -> None:
    before = strayed(host, 3)
    with console(host) as terminal:
        repair(terminal)
        terminal.wait_for("reverts by itself in 1 s")
        terminal.wait_for("not confirmed: taken back", re.compile(r"drift \d+ ≠"))
        assert sorted(held(host)) == sorted(before)
        terminal.wait_for("On trial", absent=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_reverted_when_the_console_ends(host: PrivateHost, number: signal.Signals) -> None:
    before = strayed(host, 60)
    with console(host) as terminal:
        repair(terminal)
        assert on_bridge(host)
        host.run("pkill", f"-{number.name.removeprefix('SIG')}", "-f", "bin/netconsole console")
        eventually(lambda: sorted(held(host)) == sorted(before))


def test_reverted_when_the_terminal_stops_reading(host: PrivateHost) -> None:
    before = strayed(host, 3)
    with console(host) as terminal:
        repair(terminal)
        terminal.stall()
        for width in range(80, 160, 2):
            terminal.resize(width, 50)
        eventually(lambda: sorted(held(host)) == sorted(before))


def test_the_countdown_costs_a_few_cells_a_second_whatever_changes_beneath(
    host: PrivateHost,
) -> None:
    strayed(host, 60)
    with console(host) as terminal:
        repair(terminal)
        terminal.wait_for("drift 0 ✓")
        terminal.wait_for("in 56 s")
        before = len(terminal.output)
        terminal.wait_for("in 52 s")
        assert 0 < len(terminal.output) - before < 400
