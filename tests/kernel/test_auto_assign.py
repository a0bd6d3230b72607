"""Floating addresses that come with an instance, and those that a project keeps."""

from typing import Any

from cloud import FLOATING, answer, boot, configure, create_network, netconsole, reaches
from private_host import PrivateHost, eventually

AUTOMATIC = "auto_assign_floating_ip = True"


def create_pool(host: PrivateHost, ip_range: str) -> None:
    create_network(host)
    netconsole(host, "floating", "create", "--pool", "nova", "--ip-range", ip_range)
    configure(host, AUTOMATIC)


def floating(host: PrivateHost) -> dict[str, Any]:
    return {row["address"]: row for row in answer(host, "floating", "list")}


def test_an_instance_is_reached_from_outside_as_soon_as_it_is_there(host: PrivateHost) -> None:
    create_pool(host, f"{FLOATING}/32")
    boot(host, "web1")
    eventually(lambda: reaches(host))
    assert floating(host)[FLOATING]["auto_assigned"] is True
    kept = host.run("netconsole", "floating", "disassociate", FLOATING, check=False)
    assert kept.returncode == 1
    assert "goes with it" in kept.stderr
    netconsole(host, "instance", "delete", "web1")
    assert not reaches(host)
    free = floating(host)[FLOATING]
    assert (free["project_id"], free["auto_assigned"], free["host"]) == (None, False, None)
    assert host.run("netconsole", "plan", check=False).returncode == 0


def test_with_an_empty_pool_creation_fails_and_leaves_nothing(host: PrivateHost) -> None:
    create_pool(host, f"{FLOATING}/32")
    create = ("instance", "create", "{}", "--project", "demo", "--network", "vmnet")
    netconsole(host, *(word.format("vm1") for word in create))
    before = answer(host, "fixed", "list"), host.run("ip", "-brief", "link").stdout
    refused = host.run("netconsole", *(word.format("vm2") for word in create), check=False)
    assert refused.returncode == 1
    assert "floating pool 'nova' has no free address left" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert [view["instance"]["name"] for view in answer(host, "instance", "list")] == ["vm1"]
    assert (answer(host, "fixed", "list"), host.run("ip", "-brief", "link").stdout) == before
    assert host.run("netconsole", "plan", check=False).returncode == 0


def test_a_project_keeps_its_address_through_its_instances(host: PrivateHost) -> None:
    create_pool(host, f"{FLOATING}/32")
    configure(host)
    netconsole(host, "floating", "allocate", "--project", "demo")
    boot(host, "web1")
    boot(host, "db1", project="other")
    refused = host.run("netconsole", "floating", "associate", FLOATING, "db1", check=False)
    assert "allocated to project 'demo'" in refused.stderr
    netconsole(host, "floating", "associate", FLOATING, "web1")
    assert reaches(host)
    netconsole(host, "instance", "delete", "web1")
    assert floating(host)[FLOATING]["project_id"] == "demo"
    netconsole(host, "floating", "release", FLOATING)
    netconsole(host, "floating", "associate", FLOATING, "db1")
    assert reaches(host)
    assert floating(host)[FLOATING]["project_id"] == "other"


def test_an_address_follows_the_public_interface(host: PrivateHost) -> None:
    """Where the option names none, the range's own interface carries it."""
    create_network(host)
    host.run("ip", "link", "add", "eth7", "type", "veth", "peer", "name", "far7")
    host.run("ip", "link", "set", "eth7", "up")
    create = ("floating", "create", "--ip-range", FLOATING, "--interface", "eth7")
    netconsole(host, *create)
    netconsole(host, "instance", "create", "vm1", "--project", "demo", "--network", "vmnet")
    netconsole(host, "floating", "associate", FLOATING, "vm1")

    def carriers() -> list[str]:
        shown = host.run("ip", "-brief", "-4", "address").stdout.splitlines()
        return [line.split("@")[0] for line in shown if f" {FLOATING}/32" in line]

    def leaves_by(interface: str) -> bool:
        rules = host.run("iptables", "-t", "nat", "-S", "nova-network-floating-snat").stdout
        return f"-o {interface} -j SNAT --to-source {FLOATING}" in rules

    assert carriers() == ["eth0"]
    assert leaves_by("eth0")
    configure(host, "public_interface =")
    netconsole(host, "apply")
    assert carriers() == ["eth7"]
    assert leaves_by("eth7")
    configure(host)
    netconsole(host, "apply")
    assert carriers() == ["eth0"]
    assert host.run("netconsole", "plan", check=False).returncode == 0
