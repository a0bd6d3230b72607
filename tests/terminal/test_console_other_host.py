"""The console on another host, by SSH."""

import pytest
from private_host import eventually
from secure_shell import HOME
from two_hosts import two_hosts

pytestmark = pytest.mark.requires(
    "root", "namespaces", "nsenter", "ip", "iptables", "dropbear", "ssh"
)


def test_it_shows_and_mends_the_other_host_and_says_when_the_link_is_dead() -> None:
    with two_hosts() as hosts, hosts.console() as terminal:
        terminal.wait_for("node2", "vmnet", "drift 0 ✓")
        hosts.far.run("iptables", "-t", "nat", "-F", "nova-network-snat")
        terminal.wait_for("drift 1 ≠")
        hosts.near.run("iptables", "-t", "nat", "-F", "nova-network-snat")
        terminal.press("r")
        terminal.wait_for("[ Apply ]")
        terminal.press("tab", "enter")
        terminal.wait_for(": done: ", "drift 0 ✓")
        assert hosts.near.run("netconsole", "plan", check=False).returncode == 2

        hosts.cut()
        terminal.wait_for("cannot look at the host: 198.51.100.2: ", "not current")
        hosts.mend()
        terminal.wait_for("drift 0 ✓")

        hosts.far.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        terminal.press("p")
        terminal.wait_for("ip_forward")
        terminal.press("/", *"ip_forward", "enter", "enter")
        terminal.wait_for("Playbook ip_forward", "FAIL ✗", "a apply the cure")
        terminal.press("a")
        terminal.wait_for("[ Apply ]")
        terminal.press("tab", "enter")
        terminal.wait_for("done and verified")
        assert hosts.far.read("/proc/sys/net/ipv4/ip_forward") == "1\n"
        terminal.press("escape", "escape", "q")
        eventually(lambda: not hosts.near.run("pgrep", "netconsole", check=False).stdout)


def test_a_login_anew_asks_nothing_on_the_screen() -> None:
    with two_hosts() as hosts:
        key = f"{HOME}/.ssh/id_ed25519"
        hosts.near.run("ssh-keygen", "-p", "-q", "-P", "", "-N", "secret", "-f", key)
        with hosts.console() as terminal:
            terminal.wait_for("Enter passphrase")
            terminal.press("secret", "enter")
            terminal.wait_for("node2", "drift 0 ✓")
            hosts.cut()
            terminal.wait_for("cannot look at the host: 198.51.100.2: ")
            hosts.mend()
            terminal.wait_for("Permission denied")
            assert "passphrase" not in terminal.text
            terminal.press("q")
            assert terminal.process.wait(timeout=60) == 0
