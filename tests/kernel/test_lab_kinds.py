"""The labs of the other network managers; the one of VLANs itself is tested in tests/vm."""

import json
import subprocess
from collections.abc import Iterator

import pytest
from requirements import why_not
from running_lab import NETCONSOLE, RunningLab

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping", "ping"
)


@pytest.fixture(scope="module")
def flat() -> Iterator[RunningLab]:
    with RunningLab(kind="flat") as running:
        yield running


def pings(lab: RunningLab, member: str, address: str) -> bool:
    return lab.inside(member, "ping", "-q", "-c1", "-w2", address).returncode == 0


def test_flat_guests_live_by_what_was_injected(flat: RunningLab) -> None:
    status = json.loads(flat.netconsole("status", "--json").stdout)
    assert status["drift"] == []
    assert status["dnsmasq"] == []
    found = {one["instance"]: one for one in status["allocations"]}
    for name in ("web1", "web2", "db1"):
        shown = flat.inside(name, "ip", "-4", "-brief", "address", "show", "eth0").stdout
        assert f" {found[name]['address']}/24" in shown
        assert found[name]["mac"] in flat.inside(name, "ip", "link", "show", "eth0").stdout
    assert pings(flat, "web1", found["db1"]["address"])
    assert pings(flat, "web1", "203.0.113.1")
    named = flat.inside("web2", "timeout", "2", "busybox", "nslookup", "example.com")
    assert "203.0.113.1" in named.stdout


def test_a_healthy_flat_host_has_nothing_to_find(flat: RunningLab) -> None:
    for probe in ((), ("--probe",)):
        done = flat.netconsole("doctor", "--json", *probe, check=False)
        findings = json.loads(done.stdout)["findings"]
        quiet = ("ok", "not-applicable")
        named = {e["check"]: e["because"] for e in findings if e["verdict"] not in quiet}
        assert (done.returncode, named) == (0, {})


def test_a_flat_guest_with_another_router_is_named(flat: RunningLab) -> None:
    way = ("ip", "route", "replace", "default", "via")
    flat.inside("web1", *way, "10.0.0.254")
    try:
        done = flat.netconsole("doctor", "--json", "--probe", check=False)
    finally:
        flat.inside("web1", *way, "10.0.0.1")
    found = [each for each in json.loads(done.stdout)["findings"] if each["verdict"] == "fail"]
    assert [each["check"] for each in found] == ["guest_answers"], found
    assert "by 10.0.0.254" in found[0]["because"]


def test_the_bridge_of_flat_is_the_admins(flat: RunningLab) -> None:
    (bridge,) = json.loads(flat.run("ip", "-json", "link", "show", "br100").stdout)
    assert "ifalias" not in bridge
    assert flat.run("ip", "-brief", "-4", "address", "show", "br100").stdout.split()[2:] == []
    for name in ("web1", "web2", "db1"):
        flat.netconsole("instance", "delete", name)
    flat.netconsole("network", "delete", "vmnet")
    ports = json.loads(flat.run("ip", "-json", "link", "show", "master", "br100").stdout)
    assert [port["ifname"] for port in ports] == ["eth2"]


def test_what_flat_does_not_have_cannot_be_broken(flat: RunningLab) -> None:
    for fault in ("nat_flushed", "dnsmasq_killed", "floating_address_missing"):
        refused = flat.netconsole("lab", "break", fault, check=False)
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert "iptables" not in line


def test_vlan_says_in_one_line_what_the_kernel_lacks() -> None:
    done = subprocess.run(
        [NETCONSOLE, "lab", "run", "--network-manager", "vlan", "--", "true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if why_not("8021q") is None:
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "802.1Q" in line


def test_an_unknown_kind_is_answered_with_those_there_are() -> None:
    done = subprocess.run(
        [NETCONSOLE, "lab", "run", "--network-manager", "neutron"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert all(kind in done.stderr for kind in ("flat", "flatdhcp", "vlan"))
