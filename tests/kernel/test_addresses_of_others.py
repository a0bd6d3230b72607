"""Addresses of an admin on a network's bridge: the gateway's goes beside them, and harms none."""

import json
from collections.abc import Sequence

import pytest
from cloud import answer, boot, configure, create_network, netconsole
from private_host import PrivateHost, eventually

NETWORK = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")


def own_bridge(host: PrivateHost, addresses: Sequence[str]) -> None:
    """The admin's own bridge, with addresses that were there first."""
    host.run("ip", "link", "add", "br100", "type", "bridge", "forward_delay", "0")
    host.run("ip", "link", "set", "br100", "up")
    for address in addresses:
        host.run("ip", "address", "add", *address.split(), "dev", "br100")


@pytest.mark.parametrize(
    ("before", "server"),
    [
        (("192.168.5.10/24",), "10.0.0.1"),
        (("10.0.0.50/24",), "10.0.0.50"),
        (("fd00:9::1/64", "fd00:7::9/64"), "10.0.0.1"),
        (("10.0.0.1/16", "fd00:7::1/48"), "10.0.0.1"),
    ],
    ids=["another subnet", "the same subnet", "IPv6", "the gateway with a wider mask"],
)
def test_guests_are_served_whatever_address_is_first(
    host: PrivateHost, before: tuple[str, ...], server: str
) -> None:
    """dnsmasq answers as the first address of its subnet, which is this host's in any case."""
    own_bridge(host, before)
    configure(host)
    netconsole(host, *NETWORK, "--fixed-range-v6", "fd00:7::/64")
    assert boot(host, "web1") == "10.0.0.2"
    router = "default via 10.0.0.1 dev eth0"
    eventually(lambda: router in host.run("ip", "-n", "web1", "route").stdout)
    for told in {server, "10.0.0.1"}:
        asked = ("busybox", "nslookup", "-type=a", "web1.novalocal", told)
        said = host.run("ip", "netns", "exec", "web1", *asked).stdout
        assert "10.0.0.2" in said.split("\n", 2)[2]
    assert [row["leased"] for row in answer(host, "status")["allocations"]] == [True]


def test_a_gateway_with_a_wider_mask_is_the_admins_and_stays(host: PrivateHost) -> None:
    own_bridge(host, ["10.0.0.1/16"])
    create_network(host)
    assert host.run("netconsole", "plan", check=False).stdout == ""
    assert gateways(host) == ["10.0.0.1/16"]

    host.run("ip", "address", "del", "10.0.0.1/16", "dev", "br100")
    netconsole(host, "apply")
    assert gateways(host) == ["10.0.0.1/24"]

    host.run("ip", "address", "add", "10.0.0.1/16", "dev", "br100")
    netconsole(host, "network", "delete", "vmnet")
    assert gateways(host) == ["10.0.0.1/16"]


def gateways(host: PrivateHost) -> list[str]:
    """The IPv4 addresses of the bridge."""
    (shown,) = json.loads(host.run("ip", "-json", "-4", "address", "show", "dev", "br100").stdout)
    return [f"{each['local']}/{each['prefixlen']}" for each in shown["addr_info"]]


def test_a_repair_leaves_the_admins_default_route(host: PrivateHost) -> None:
    create_network(host)
    host.run("ip", "address", "add", "192.168.5.10/24", "dev", "br100")
    host.run("ip", "route", "del", "default")
    host.run("ip", "route", "add", "default", "via", "192.168.5.1", "dev", "br100")
    host.run("ip", "address", "del", "10.0.0.1/24", "dev", "br100")
    netconsole(host, "apply")
    assert host.run("netconsole", "plan", check=False).stdout == ""
    assert "default via 192.168.5.1 dev br100" in host.run("ip", "route").stdout


@pytest.mark.parametrize("promotes", ["0", "1"])
def test_a_network_goes_without_what_is_behind_its_gateway(
    host: PrivateHost, promotes: str
) -> None:
    """An admin's addresses in the gateway's subnet, of which it is the first."""
    own_bridge(host, ["192.168.5.10/24"])
    host.run("sysctl", "-w", f"net.ipv4.conf.br100.promote_secondaries={promotes}")
    create_network(host)
    late = "10.0.0.9/24 broadcast 10.0.0.255 label br100:web valid_lft 9000 preferred_lft 8000"
    host.run("ip", "address", "add", *late.split(), "dev", "br100")
    host.run("ip", "route", "add", "172.16.0.0/12", "via", "10.0.0.77", "src", "10.0.0.9")
    host.run("ip", "route", "add", "default", "via", "10.0.0.78", "table", "100")
    netconsole(host, "network", "delete", "vmnet")

    (shown,) = json.loads(host.run("ip", "-json", "-4", "address", "show", "dev", "br100").stdout)
    assert [(each["local"], each["label"]) for each in shown["addr_info"]] == [
        ("192.168.5.10", "br100"),
        ("10.0.0.9", "br100:web"),
    ]
    assert 8000 < shown["addr_info"][1]["valid_life_time"] <= 9000
    assert "172.16.0.0/12 via 10.0.0.77 dev br100 src 10.0.0.9" in host.run("ip", "route").stdout
    assert "10.0.0.78" in host.run("ip", "route", "show", "table", "100").stdout
    setting = host.run("sysctl", "-n", "net.ipv4.conf.br100.promote_secondaries").stdout
    assert setting.strip() == promotes
