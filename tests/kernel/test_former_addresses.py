"""Addresses that were there before networks and floating addresses asked for them stay."""

import json
import sys
from pathlib import Path

import pytest
from changing import use_interface
from cloud import FLOATING, answer, boot, configure, create_network, netconsole, reaches
from kills import killed
from private_host import PrivateHost

NETCONSOLE = str(Path(sys.executable).parent / "netconsole")
OTHER = "203.0.113.130"
RANGE = "203.0.113.128/30"

CREATE = (
    *("network", "create", "n9", "--bridge", "adm", "--fixed-range-v4", "10.81.0.0/24"),
    *("--fixed-range-v6", "fd00:81::/64"),
)
OWN = (
    "ip link add adm type bridge forward_delay 0",
    "ip link set adm up",
    "ip address add 10.81.0.1/24 dev adm label adm:x valid_lft 50000 preferred_lft 40000",
    "ip address add fd00:81::1/64 dev adm nodad valid_lft 50000 preferred_lft 40000",
    "ip route add 10.67.0.0/16 via 10.81.0.9",
    "ip -6 route add fd00:67::/48 via fd00:81::9",
)


def furnish(host: PrivateHost, *commands: str) -> None:
    configure(host)
    for command in commands:
        host.run(*command.split())


def shown(host: PrivateHost) -> list[str]:
    """Every address with its label and whether it lasts for ever, and every route.

    Not what a bridge has learnt meanwhile from the advertisements of the network's own dnsmasq.
    """
    links = json.loads(host.run("ip", "-json", "address").stdout)
    found = [
        f"{link['ifname']} {each['local']} {each.get('label')} {each['valid_life_time'] > 50000}"
        for link in links
        for each in link["addr_info"]
        if each["scope"] == "global" and not each.get("mngtmpaddr")
    ]
    for family in ("-4", "-6"):
        routes = host.run("ip", family, "route", "show", "table", "main").stdout
        found += [
            line.partition(" expires")[0].partition(" pref ")[0].replace(" linkdown", "").strip()
            for line in routes.splitlines()
        ]
    return sorted({line for line in found if not line.startswith("fe80:")})


def take_off(host: PrivateHost) -> None:
    """Take the admin's gateways off, and the route that the kernel leaves of one with a limit."""
    host.run("ip", "address", "flush", "dev", "adm", "scope", "global")
    host.run("ip", "-6", "route", "del", "fd00:81::/64", "dev", "adm")


def no_plan(host: PrivateHost) -> None:
    assert netconsole(host, "plan") == ""


def test_an_admins_gateway_outlives_the_network(host: PrivateHost) -> None:
    furnish(host, *OWN)
    before = shown(host)
    no_plan(host)
    netconsole(host, *CREATE)
    no_plan(host)
    assert shown(host) == before
    netconsole(host, "network", "delete", "n9")
    no_plan(host)
    assert shown(host) == before


@pytest.mark.parametrize("served", [False, True])
def test_an_admins_gateway_outlives_a_network_with_many(host: PrivateHost, served: bool) -> None:
    """Such a network is this host's from its first instance here to its last, or never."""
    furnish(host, *OWN)
    before = shown(host)
    netconsole(host, *CREATE, "--multi-host", "T", "--share-address", "T")
    if served:
        netconsole(host, "instance", "create", "web1", "--project", "demo", "--network", "n9")
        no_plan(host)
        netconsole(host, "instance", "delete", "web1")
        assert shown(host) == before
    netconsole(host, "network", "delete", "n9")
    no_plan(host)
    assert shown(host) == before


def test_our_gateway_goes_with_the_network(host: PrivateHost) -> None:
    furnish(host, *OWN[:2])
    before = shown(host)
    netconsole(host, *CREATE)
    assert shown(host) != before
    netconsole(host, "network", "delete", "n9")
    assert shown(host) == before


def test_a_gateway_that_came_after_a_failure_is_ours(host: PrivateHost) -> None:
    """What a failed creation found is not remembered: by the next, the admin had taken it off."""
    furnish(host, *OWN)
    before = shown(host)
    dnsmasq = host.run("sh", "-c", "command -v dnsmasq").stdout.strip()
    host.write("/run/broken", "#!/bin/sh\nexit 3\n")
    host.run("chmod", "+x", "/run/broken")
    host.run("mount", "--bind", "/run/broken", dnsmasq)
    assert host.run("netconsole", *CREATE, check=False).returncode != 0
    assert shown(host) == before
    host.run("umount", dnsmasq)
    take_off(host)
    bare = shown(host)
    netconsole(host, *CREATE)
    netconsole(host, "network", "delete", "n9")
    assert shown(host) == bare


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_admins_gateway_outlives_kills(host: PrivateHost, when: str) -> None:
    """Creation is killed, and so are a repair and the deletion; each is done again after."""
    furnish(host, *OWN)
    before = shown(host)
    assert killed(host, 1, when, *CREATE)
    netconsole(host, "apply")
    assert shown(host) == before
    netconsole(host, *CREATE)
    host.run("pkill", "-KILL", "-x", "dnsmasq")
    assert killed(host, 0, when, "apply")
    netconsole(host, "apply")
    assert killed(host, 1, when, "network", "delete", "n9")
    netconsole(host, "apply")
    assert shown(host) == before
    netconsole(host, "network", "delete", "n9")
    no_plan(host)
    assert shown(host) == before


def test_an_admins_gateway_comes_back_from_the_bridge(host: PrivateHost) -> None:
    """It was on the card that becomes a port of the network's bridge."""
    furnish(
        host,
        "ip link add eth1 type veth peer name eth1 netns outside",
        "ip -n outside link set eth1 up",
        "ip link set eth1 up",
        *(command.replace("adm", "eth1") for command in OWN[2:]),
    )
    use_interface(host, "eth1")
    before = shown(host)
    netconsole(host, *("br-ours" if word == "adm" else word for word in CREATE))
    no_plan(host)
    netconsole(host, "network", "delete", "n9")
    no_plan(host)
    assert shown(host) == before


def test_an_admins_gateway_that_we_had_to_put_on_again_is_ours(host: PrivateHost) -> None:
    furnish(host, *OWN)
    netconsole(host, *CREATE)
    take_off(host)
    bare = shown(host)
    netconsole(host, "apply")
    assert shown(host) != bare
    netconsole(host, "network", "delete", "n9")
    assert shown(host) == bare


@pytest.mark.parametrize("interface", ["eth0", "lo"])
def test_an_admins_address_outlives_the_range_that_it_is_in(
    host: PrivateHost, interface: str
) -> None:
    create_network(host)
    boot(host, "web1")
    words = ("address", "add", f"{FLOATING}/32", "dev", interface)
    host.run("ip", *words, "valid_lft", "50000", "preferred_lft", "40000")
    before = shown(host)
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", FLOATING)
    no_plan(host)
    assert shown(host) == before
    for _ in range(2):
        netconsole(host, "floating", "associate", FLOATING, "web1")
        no_plan(host)
        assert set(before) <= set(shown(host))
        assert reaches(host)
        netconsole(host, "floating", "disassociate", FLOATING)
        no_plan(host)
        assert shown(host) == before
    netconsole(host, "floating", "delete", FLOATING)
    assert shown(host) == before
    assert answer(host, "floating", "list") == []


CONTROLLER = """
[DEFAULT]
host = controller
my_ip = 203.0.113.1
state_path = /var/lib/controller
[database]
connection = sqlite:////var/lib/netconsole/netconsole.sqlite
"""


def on_another_host(host: PrivateHost, *arguments: str) -> None:
    """Run netconsole on another host of the same store."""
    host.write("/run/controller.conf", CONTROLLER)
    words = (NETCONSOLE, "--config-file", "/run/controller.conf", *arguments)
    host.run("ip", "netns", "exec", "outside", *words)


@pytest.mark.parametrize("first", ["apply", "plan", "associate", "create"])
@pytest.mark.parametrize("known", [True, False])
def test_an_admins_address_outlives_a_range_that_another_host_made(
    host: PrivateHost, known: bool, first: str
) -> None:
    """Whether this host was configured from the store before or not."""
    configure(host)
    if known:
        create_network(host)
        boot(host, "web1")
    host.run("ip", "address", "add", f"{FLOATING}/32", "dev", "eth0")
    before = shown(host)
    on_another_host(host, "floating", "create", "--pool", "public", "--ip-range", RANGE)
    if first == "plan":
        assert "address del" not in host.run("netconsole", "plan", check=False).stdout
    if first == "associate" and known:
        netconsole(host, "floating", "associate", OTHER, "web1")
        assert shown(host) != before
        netconsole(host, "floating", "disassociate", OTHER)
    if first == "create" and known:
        netconsole(host, "instance", "create", "web2", "--project", "demo", "--network", "vmnet")
    for _ in range(2):
        netconsole(host, "apply")
        assert shown(host) == before
    if known:
        netconsole(host, "floating", "associate", FLOATING, "web1")
        netconsole(host, "floating", "disassociate", FLOATING)
    netconsole(host, "floating", "delete", FLOATING)
    no_plan(host)
    assert shown(host) == before


def test_an_address_that_another_host_took_from_a_guest_goes(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    before = shown(host)
    on_another_host(host, "floating", "create", "--pool", "public", "--ip-range", RANGE)
    netconsole(host, "floating", "associate", FLOATING, "web1")
    assert shown(host) != before
    on_another_host(host, "floating", "create", "--pool", "public", "--ip-range", "198.51.100.7")
    on_another_host(host, "floating", "disassociate", FLOATING)
    netconsole(host, "apply")
    assert shown(host) == before


def test_a_floating_address_that_we_had_to_put_on_again_is_ours(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    bare = shown(host)
    host.run("ip", "address", "add", f"{FLOATING}/32", "dev", "eth0")
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", FLOATING)
    host.run("ip", "address", "del", f"{FLOATING}/32", "dev", "eth0")
    netconsole(host, "floating", "associate", FLOATING, "web1")
    assert shown(host) != bare
    netconsole(host, "floating", "disassociate", FLOATING)
    assert shown(host) == bare


def test_an_ipv6_gateway_with_a_narrower_mask_is_named_with_what_to_do(host: PrivateHost) -> None:
    furnish(host, *OWN[:3], "ip address add fd00:81::1/128 dev adm nodad")
    before = shown(host)
    refused = host.run("netconsole", *CREATE, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    (line,) = refused.stderr.splitlines()
    assert "fd00:81::1/64 cannot be put on beside fd00:81::1/128" in line
    assert shown(host) == before
    _, command, _ = line.split("`")
    host.run(*command.split())
    netconsole(host, *CREATE)
    no_plan(host)
