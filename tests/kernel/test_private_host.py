"""The private host itself: what the other kernel tests rely on."""

from pathlib import Path

import pytest
from private_host import NAME, PrivateHost, eventually
from pseudo_terminal import Terminal

FLAT = ("--fixed-range-v4=10.0.0.0/24", "--bridge=brforked")
SEEN = ("/etc", "/var/lib", "/run")


def test_has_the_outside_world_and_a_default_route(host: PrivateHost) -> None:
    assert "203.0.113.2/24" in host.run("ip", "-4", "address", "show", "dev", "eth0").stdout
    assert "via 203.0.113.1 dev eth0" in host.run("ip", "route", "show", "default").stdout
    host.outside("ping", "-c1", "-w60", "203.0.113.2")
    assert host.run("hostname").stdout == f"{NAME}\n"


def test_leaves_the_machine_alone(host: PrivateHost) -> None:
    before = {path: sorted(Path(path).iterdir()) for path in SEEN}
    forward = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    other = "0" if forward.strip() == "1" else "1"
    host.run("sysctl", "-w", f"net.ipv4.ip_forward={other}")
    host.run("iptables", "-t", "nat", "-N", "mine")
    for path in SEEN:
        host.write(f"{path}/netconsole-was-here/file", "text")
        assert host.read(f"{path}/netconsole-was-here/file") == "text"
    host.write("/var/lib/netconsole/file", "text")

    assert {path: sorted(Path(path).iterdir()) for path in SEEN} == before
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == forward


def test_ends_what_was_started_in_it() -> None:
    with PrivateHost() as made:
        made.spawn("sleep", "1000")
        daemon = made.run("sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!").stdout.strip()
        eventually(lambda: made.run("pgrep", "-c", "sleep", check=False).stdout == "2\n")
        made.run("kill", daemon)
        eventually(lambda: made.run("pgrep", "-c", "sleep").stdout == "1\n")
        holder = made.pid
    assert not Path(f"/proc/{holder}").exists()


def test_a_failing_command_fails_the_test(host: PrivateHost) -> None:
    with pytest.raises(AssertionError, match="false exited 1"):
        host.run("false")
    assert host.run("false", check=False).returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [("config", "show"), ("network", "list"), ("network", "show", "none"), ("nothing",)],
)
def test_a_fork_of_netconsole_does_what_one_that_is_started_does(
    host: PrivateHost, arguments: tuple[str, ...]
) -> None:
    forked = host.run("netconsole", *arguments, check=False)
    started = host.run("env", "netconsole", *arguments, check=False)
    assert forked.stdout + forked.stderr
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        started.returncode,
        started.stdout,
        started.stderr,
    )


def test_a_fork_of_netconsole_is_in_every_namespace_of_the_host(host: PrivateHost) -> None:
    host.run("netconsole", "network", "create", "vmnet", *FLAT)
    assert host.run("ip", "-br", "link", "show", "dev", "brforked").stdout
    assert host.run("pgrep", "-x", "dnsmasq").stdout
    assert not Path("/sys/class/net/brforked").exists()


def test_commands_of_one_host_are_run_by_one_process(host: PrivateHost) -> None:
    for arguments in (("--version",), ("network", "create", "vmnet", *FLAT), ("status",)):
        host.run("netconsole", *arguments, check=False)
        assert len(host.run("pgrep", "-f", "forked.py").stdout.split()) == 1


def test_an_environment_of_its_own_is_that_of_one_command(host: PrivateHost) -> None:
    asking = ("python3", "-c", "import os; print(os.environ.get('OF'))")
    assert host.run(*asking, environment={"OF": "its own"}).stdout == "its own\n"
    assert host.run(*asking).stdout == "None\n"
    said, _ = host.spawn(*asking, environment={"OF": "another"}).communicate(timeout=60)
    assert said == "another\n"


AT_A_TERMINAL = """
import os, sys
terminal = os.ttyname(0)
assert [os.ttyname(number) for number in (1, 2)] == [terminal] * 2
with open("/dev/tty") as own:
    assert os.isatty(own.fileno())
assert os.tcgetpgrp(0) == os.getpgrp()
print(*(os.environ[name] for name in ("TERM", "LC_ALL", "HOME", "OF")))
print("size", *os.get_terminal_size())
"""


def test_a_fork_in_a_terminal_has_it_as_one_that_is_started(host: PrivateHost) -> None:
    asking = ("python3", "-c", AT_A_TERMINAL)
    for words in (asking, ("env", *asking)):
        with Terminal(host.entered(*words), columns=81, environment={"OF": "its own"}) as terminal:
            assert terminal.exit_status() == 0
            terminal.wait_for("xterm-256color C.UTF-8 /root its own\nsize 81 24")


def test_one_that_ended_is_followed_by_another(host: PrivateHost) -> None:
    host.run("netconsole", "--version")
    host.run("pkill", "-KILL", "-f", "forked.py")
    eventually(lambda: not host.run("pgrep", "-f", "forked.py", check=False).stdout)
    assert host.run("netconsole", "--version").stdout


@pytest.mark.parametrize("signal", ["TERM", "INT", "KILL"])
def test_one_that_runs_on_is_seen_and_ends_as_one_that_is_started(
    host: PrivateHost, signal: str
) -> None:
    host.run("netconsole", "network", "create", "vmnet", *FLAT)
    following = ("netconsole", "log", "--follow", "--lines=1")
    seen, said = [], []
    for words in (following, ("env", *following)):
        process = host.spawn(*words)
        assert process.stdout is not None
        assert "network create vmnet" in process.stdout.readline()
        assert process.poll() is None
        shown = ("pgrep", "--full", "--list-full", "bin/netconsole log --follow --lines=1")
        pid, *line = host.run(*shown).stdout.split()
        seen.append((line, host.read(f"/proc/{pid}/comm")))
        host.run("kill", f"-{signal}", pid)
        said.append(process.communicate(timeout=60))
        assert process.returncode != 0
    assert seen[0] == seen[1]
    assert said[0] == said[1]
