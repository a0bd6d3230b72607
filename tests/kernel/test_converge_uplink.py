"""Damage to what a network puts between this host and others: seen, mended, and gone with it."""

from collections.abc import Iterator

import pytest
from cloud import answer, configure, held, netconsole
from private_host import PrivateHost

DAMAGE = {
    "uplink out of the bridge": (("ip", "link", "set", "eth1", "nomaster"), "eth1 master br100"),
    "uplink down": (("ip", "link", "set", "eth1", "down"), "eth1 up"),
    "fence flushed": (
        ("ebtables", "-F", "nova-network-INPUT"),
        "ebtables -t filter -A nova-network-INPUT -p ARP -i eth1 --arp-ip-dst 10.0.0.1 -j DROP",
    ),
    "fence jump deleted": (
        ("ebtables", "-D", "FORWARD", "-j", "nova-network-FORWARD"),
        "-j nova-network-FORWARD",
    ),
    "IPv6 gateway": (
        ("ip", "address", "del", "fd00:7::1/64", "dev", "br100"),
        "ip address add fd00:7::1/64 dev br100",
    ),
    "MAC address of the bridge": (
        ("ip", "link", "set", "br100", "address", "02:00:00:00:00:77"),
        "ip link set dev br100 address",
    ),
    "MTU of the bridge": (("ip", "link", "set", "br100", "mtu", "1400"), "mtu 1450"),
}


def create(host: PrivateHost) -> None:
    """A network whose gateway address other hosts have as well, on the interface eth1."""
    configure(host)
    host.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "wire")
    host.run("ip", "link", "set", "wire", "up")
    netconsole(
        host,
        *("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"),
        *("--fixed-range-v6", "fd00:7::/64", "--bridge-interface", "eth1", "--mtu", "1450"),
        *("--multi-host", "T", "--share-address", "T"),
    )
    netconsole(
        host,
        *("instance", "create", "vm1", "--project", "p", "--network", "vmnet"),
        *("--port-kind", "veth"),
    )


def bridge_rules(host: PrivateHost) -> list[str]:
    saved = host.run("ebtables-save").stdout.splitlines()
    return [line for line in saved if "nova" in line]


@pytest.fixture(scope="module")
def served() -> Iterator[PrivateHost]:
    """A host that is whole again after each damage."""
    with PrivateHost() as host:
        create(host)
        yield host


@pytest.mark.parametrize(("command", "named"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_named_and_mended(
    served: PrivateHost, command: tuple[str, ...], named: str
) -> None:
    host, whole = served, (sorted(held(served)), bridge_rules(served))
    host.run(*command)
    planned = host.run("netconsole", "plan", check=False)
    assert planned.returncode == 2
    assert named in planned.stdout
    netconsole(host, "apply")
    assert host.run("netconsole", "plan", check=False).stdout == ""
    assert (sorted(held(host)), bridge_rules(host)) == whole


def test_the_last_instance_takes_everything_with_it_but_other_bridge_rules(
    host: PrivateHost,
) -> None:
    configure(host)
    foreign = "-A FORWARD -p ARP -j ACCEPT"
    host.run("ebtables", "-A", "FORWARD", "-p", "ARP", "-j", "ACCEPT")
    create(host)
    assert any("--arp-ip-src 10.0.0.1" in rule for rule in bridge_rules(host))
    netconsole(host, "instance", "delete", "vm1")
    netconsole(host, "network", "delete", "vmnet")
    assert bridge_rules(host) == []
    assert foreign in host.run("ebtables-save").stdout
    assert "br100" not in host.run("ip", "-brief", "link").stdout
    assert answer(host, "network", "list") == []
