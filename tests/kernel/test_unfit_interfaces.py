"""Interfaces that are not there, or cannot be what an option wants: a line before any change."""

import pytest
from cloud import configure, create_network, held, netconsole
from private_host import PrivateHost

VLANS = "network_manager = nova.network.manager.VlanManager"
MAKE = """
ip tuntap add dev tun7 mode tun
ip link add brx type bridge
ip link add mvt link eth0 type macvtap
"""


def refused(host: PrivateHost, *command: str) -> str:
    """The one line that a refused command says; nothing of the host has changed."""
    before = held(host)
    done = host.run("netconsole", *command, check=False)
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert held(host) == before
    return done.stderr


def created(*more: str) -> tuple[str, ...]:
    words = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24")
    return (*words, "--bridge", "br100", *more)


UNFIT = [
    ("lo", "is the loopback interface"),
    ("tun7", "is a tun without Ethernet frames"),
    ("brx", "is a bridge itself"),
    ("mvt", "is a macvtap"),
    ("nope7", "is wanted by a network, but this host has none"),
]


@pytest.mark.parametrize(("name", "rule"), UNFIT)
def test_what_can_be_no_port_of_a_bridge(host: PrivateHost, name: str, rule: str) -> None:
    host.run("sh", "-ec", MAKE)
    configure(host, f"flat_interface = {name}")
    assert f"flat_interface '{name}' {rule}" in refused(host, *created())
    configure(host)
    told = refused(host, *created("--bridge-interface", name))
    assert f"vmnet: bridge_interface '{name}' {rule}" in told
    assert "`ip -brief link`" in told
    create_network(host)
    configure(host, f"flat_interface = {name}")
    assert f"flat_interface '{name}' {rule}" in refused(host, "apply")


def test_another_name_of_an_interface_is_told_with_the_one_to_give(host: PrivateHost) -> None:
    for name in ("enp1s0", "br100"):
        host.run("ip", "link", "property", "add", "dev", "eth0", "altname", name)
    rule = "is another name of eth0: give that one"
    configure(host)
    told = refused(host, *created("--bridge-interface", "enp1s0"))
    assert f"interface 'br100' {rule}" in told
    host.run("ip", "link", "property", "del", "dev", "eth0", "altname", "br100")
    told = refused(host, *created("--bridge-interface", "enp1s0"))
    assert f"vmnet: bridge_interface 'enp1s0' {rule}" in told
    configure(host, "flat_interface = enp1s0")
    assert f"flat_interface 'enp1s0' {rule}" in refused(host, *created())
    configure(host, VLANS, "vlan_interface = enp1s0")
    netconsole(host, *created("--vlan", "100", "--project-id", "demo"))
    words = ("instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    assert f"vlan_interface 'enp1s0' {rule}" in refused(host, *words)


@pytest.mark.parametrize(("name", "rule"), [UNFIT[0], UNFIT[1], UNFIT[4]])
def test_what_can_carry_no_vlans(host: PrivateHost, name: str, rule: str) -> None:
    host.run("sh", "-ec", MAKE)
    configure(host, VLANS, f"vlan_interface = {name}")
    netconsole(
        host, *created("--vlan", "100", "--project-id", "demo")
    )  # comes to a host with its first instance
    words = ("instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    assert f"vlan_interface '{name}' {rule}" in refused(host, *words)


def test_the_bridge_of_another_network_is_no_port(host: PrivateHost) -> None:
    create_network(host)
    words = ("network", "create", "other", "--fixed-range-v4", "10.1.0.0/24", "--bridge", "br101")
    told = refused(host, *words, "--bridge-interface", "br100")
    configure(host, "flat_interface = br100")
    assert "flat_interface 'br100' is the bridge of a network" in refused(host, "apply")
    assert "other: bridge_interface 'br100' is the bridge of a network" in told
