"""The console on another host, by SSH."""

import re

import pytest
from cloud import boot
from private_host import PrivateHost, eventually
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


def captures(host: PrivateHost) -> bool:
    """Whether any program there captures (AF_PACKET, packet(7)), and no DHCP client."""
    return len(host.run("cat", "/proc/net/packet").stdout.splitlines()) > 1


def test_a_path_and_a_live_capture_are_the_other_hosts_and_saved_here() -> None:
    with two_hosts() as hosts:
        boot(hosts.far, "web1")
        with hosts.console(columns=120, lines=40) as terminal:
            terminal.wait_for("node2", "drift 0 ✓")
            terminal.press("2")
            terminal.wait_for("[2 allocations]", "x path")
            terminal.press("x")
            terminal.wait_for("from web1 10.0.0.2  to outside", "✓ reached: 203.0.113.1 answers")
            terminal.press("escape")
            terminal.wait_for("[2 allocations]")
            terminal.press("1", "c")
            terminal.wait_for(
                re.compile(r"\[x\] br100 .*\n.*\[x\] veth\w+ +veth, port of br100 +web1")
            )
            terminal.press("enter")
            terminal.wait_for("capturing 0:00:")
            asking = ("busybox", "timeout", "1", "busybox", "nslookup", "gone.test", "10.0.0.1")
            hosts.far.run("ip", "netns", "exec", "web1", *asking, check=False)
            terminal.wait_for(
                re.compile(r" A gone\.test +10\.0\.0\.2 "),
                re.compile(r"veth\w+ > br100 +[1-9]\d* +0 +0 "),
            )
            terminal.press("s")
            terminal.wait_for("save as: ")
            terminal.press("\x15", "/run/far.pcapng", "enter")
            terminal.wait_for("readable by its owner only")
            assert hosts.near.run("stat", "-c", "%a", "/run/far.pcapng").stdout == "600\n"
            assert hosts.far.run("ls", "/run/far.pcapng", check=False).stdout == ""

            hosts.cut()
            terminal.wait_for("198.51.100.2: ")
            hosts.mend()
            eventually(lambda: not captures(hosts.far), seconds=30)
            terminal.press("escape")
            terminal.wait_for("enter begin")
            terminal.press("enter")
            terminal.wait_for("capturing 0:00:")
            terminal.press("escape")
            terminal.wait_for("enter begin")
            eventually(lambda: not captures(hosts.far))
            terminal.press("escape", "q")
            assert terminal.process.wait(timeout=60) == 0
