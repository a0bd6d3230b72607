"""The private host itself: what the other kernel tests rely on."""

from pathlib import Path

import pytest
from private_host import NAME, PrivateHost, eventually

SEEN = ("/etc", "/var/lib", "/run")


def test_has_the_outside_world_and_a_default_route(host: PrivateHost) -> None:
    assert "203.0.113.2/24" in host.run("ip", "-4", "address", "show", "dev", "eth0").stdout
    assert "via 203.0.113.1 dev eth0" in host.run("ip", "route", "show", "default").stdout
    host.outside("ping", "-c1", "-W2", "203.0.113.2")
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
