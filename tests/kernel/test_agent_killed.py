"""The agent of a real systemd is killed in the middle of a repair: the next one ends it rightly."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from booted_host import BootedHost
from cloud import FLOATING, create_cloud, held, netconsole, reaches
from kills import KILLED_AT
from private_host import eventually

pytestmark = pytest.mark.requires(
    "root", "systemd", "control group", "namespaces", "nsenter", "iptables", "ping"
)

SERVICE = "netconsole-agent.service"
SECOND = "203.0.113.130"
ONCE = """#!/bin/sh
# The agent; where a moment is written down, one that dies then.
[ -e /var/moment ] || exec PROGRAMS/netconsole agent
mv /var/moment /run/killed
exec PROGRAMS/python /var/killing.py $(cat /run/killed) 9 agent
"""
DRIFT = f"""
pkill -KILL -x dnsmasq
ip link delete br101
ip address delete {SECOND}/32 dev eth0
for chain in PREROUTING floating-snat POSTROUTING; do
    iptables -t nat -F nova-network-$chain
done
iptables -F nova-network-INPUT
"""
"""What differs without an open connection by the first floating address noticing."""
MOMENTS = ((0, "before"), (0, "after"), (1, "before"), (3, "after"), (9, "after"), (14, "after"))


@pytest.fixture
def booted(tmp_path: Path) -> Iterator[BootedHost]:
    with BootedHost(tmp_path) as host:
        yield host


def dying_agent(host: BootedHost) -> None:
    """Install an agent that dies at the moment in /var/moment, once."""
    program = Path(host.run("sh", "-c", "command -v netconsole").stdout.strip())
    host.write("/var/killing.py", KILLED_AT)
    host.write("/var/once", ONCE.replace("PROGRAMS", str(program.parent)))
    host.run("chmod", "+x", "/var/once")
    netconsole(host, "agent", "install")
    lines = ("[Service]", "ReadWritePaths=/var", "ExecStart=", "ExecStart=/var/once", "")
    host.write(f"/etc/systemd/system/{SERVICE}.d/test.conf", "\n".join(lines))
    host.systemctl("daemon-reload")


def whole_of(host: BootedHost) -> list[str]:
    """What the host holds, in no order; processes without their numbers."""
    return sorted(re.sub(r"^\d+ ", "", line) for each in held(host) for line in each.splitlines())


def test_a_repair_that_is_killed_is_ended_by_the_next_agent(booted: BootedHost) -> None:
    host = booted
    create_cloud(host)
    words = ("network", "create", "other", "--fixed-range-v4", "10.1.0.0/24", "--bridge", "br101")
    netconsole(host, *words)
    netconsole(host, "instance", "create", "web2", "--project", "demo", "--network", "other")
    netconsole(host, "floating", "associate", SECOND, "web2")
    dying_agent(host)
    whole = whole_of(host)
    assert reaches(host)
    flow = host.spawn("ip", "netns", "exec", "outside", "ping", "-q", "-i", "0.01", FLOATING)
    eventually(lambda: host.run("pgrep", "-x", "ping", check=False).stdout)

    for number, when in MOMENTS:
        host.run("sh", "-c", DRIFT)
        host.write("/var/moment", f"{number} {when}")
        host.systemctl("start", SERVICE, check=False)
        eventually(
            lambda: host.systemctl("is-active", SERVICE, check=False) == "active", seconds=20
        )
        assert whole_of(host) == whole, (number, when)
        assert netconsole(host, "plan") == ""
        assert host.systemctl("show", "--value", "--property=NRestarts", SERVICE) == "1"
        host.systemctl("stop", SERVICE)

    lines = host.read("/var/lib/netconsole/audit.jsonl").splitlines()
    repairs = [each for each in map(json.loads, lines) if each["asked"].startswith("repair: ")]
    ends = [(each["end"], each["outcome"].partition(",")[0]) for each in repairs]
    assert ends == [("recovered", "killed"), ("done", "done")] * len(MOMENTS)
    history = json.loads(netconsole(host, "history", "--json"))
    assert [each["end"] for each in history[: 2 * len(MOMENTS)]] == ["done", "recovered"] * len(
        MOMENTS
    )
    host.run("pkill", "-INT", "-x", "ping")
    told, _ = flow.communicate(timeout=60)
    sent, received = (int(word) for word in told.split() if word.isdecimal())
    assert sent > 100
    assert sent - received <= 1, told  # the last may be under way
