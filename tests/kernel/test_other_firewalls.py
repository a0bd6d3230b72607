"""Beside the real firewalld and the real Docker: what they do to our rules is mended and said."""

import json
from collections.abc import Iterator
from pathlib import Path

import other_firewalls
import pytest
from booted_host import BootedHost
from cloud import FLOATING, create_cloud, netconsole, reaches
from private_host import eventually

pytestmark = pytest.mark.requires(
    "root", "systemd", "control group", "namespaces", "nsenter", "iptables", "ping"
)

CHAIN = "nova-network-PREROUTING"


@pytest.fixture
def booted(tmp_path: Path) -> Iterator[BootedHost]:
    with BootedHost(tmp_path) as host:
        create_cloud(host)
        netconsole(host, "agent", "install", "--now")
        yield host


def is_in_line(host: BootedHost) -> bool:
    return host.run("netconsole", "plan", check=False).returncode == 0


def repairs(host: BootedHost) -> list[str]:
    """Why each repair was made, as the journal has it."""
    told = json.loads(host.run("netconsole", "log", "--lines=100", "--json").stdout)
    repaired = (each["message"].partition("repair: ")[2] for each in told)
    return [each.removesuffix(": done") for each in repaired if each]


def has_firewalld(host: BootedHost) -> bool:
    """Whether its table is there: it has its name on the bus, and so is started, before that."""
    told = host.run("nft", "list", "table", "inet", "firewalld", check=False).stdout
    return "chain" in told


def of_docker(host: BootedHost) -> list[str]:
    """Docker's rules, and where they stand among others that are not ours."""
    lines = host.run("iptables-save").stdout.splitlines()
    return [line for line in lines if line.startswith("-A") and "nova-" not in line]


@pytest.mark.requires("firewalld")
def test_firewalld_starts_later_and_reloads(booted: BootedHost) -> None:
    host = booted
    other_firewalls.place_firewalld(host)

    for doing in ("start", "reload", "restart"):
        before = len(repairs(host))
        host.systemctl(doing, "firewalld.service")
        eventually(lambda: has_firewalld(host))
        eventually(lambda: len(repairs(host)) > before)  # noqa: B023  asked in this round
        eventually(lambda: is_in_line(host))

    assert set(repairs(host)) == {"firewalld has changed the packet filter"}
    assert CHAIN in host.run("iptables", "-t", "nat", "-S").stdout

    host.systemctl("enable", "firewalld.service")
    host.halt()
    host.boot()

    assert host.systemctl("is-active", "firewalld.service", "netconsole-agent.service")
    eventually(lambda: is_in_line(host))
    eventually(lambda: has_firewalld(host))


@pytest.mark.requires("docker")
def test_docker_starts_later_and_restarts(booted: BootedHost) -> None:
    """Both leave the other's rules where they are, and a guest's connections go on."""
    host = booted
    other_firewalls.place_docker(host)
    assert reaches(host)
    flow = host.spawn("ip", "netns", "exec", "outside", "ping", "-q", "-i", "0.01", FLOATING)
    eventually(lambda: host.run("pgrep", "-x", "ping", check=False).stdout)

    host.systemctl("start", "docker.service")
    theirs = of_docker(host)
    assert any("docker0" in line for line in theirs)
    assert is_in_line(host)
    host.systemctl("restart", "docker.service")
    assert is_in_line(host)
    host.run("iptables", "-t", "nat", "-F", CHAIN)
    host.systemctl("restart", "netconsole-agent.service")
    assert is_in_line(host)
    assert repairs(host) == ["the agent started"]
    assert of_docker(host) == theirs

    host.run("pkill", "-INT", "-x", "ping")
    told, _ = flow.communicate(timeout=60)
    sent, received = (int(word) for word in told.split() if word.isdecimal())
    assert sent > 100
    assert sent - received <= 1, told  # the last may be under way

    host.systemctl("enable", "docker.service", "containerd.service")
    host.halt()
    host.boot()

    eventually(lambda: host.systemctl("is-active", "docker.service", check=False) == "active")
    eventually(lambda: is_in_line(host))
    assert sorted(of_docker(host)) == sorted(theirs)
    assert FLOATING in host.run("ip", "address", "show", "eth0").stdout
