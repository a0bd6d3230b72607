"""Addresses that a guest may have beside its own: from when they are allowed until they are not."""

import json
import re

import pytest
from cloud import boot, configure, create_network, netconsole
from private_host import PrivateHost, eventually

VIRTUAL = "10.0.0.50"

pytestmark = pytest.mark.requires("namespaces", "ip", "nft", "ping", "udhcpc")


def reaches(host: PrivateHost, guest: str, source: str, to: str) -> bool:
    ping = ("ip", "netns", "exec", guest, "ping", "-c1", "-W1", "-I", source, to)
    return host.run(*ping, check=False).returncode == 0


def stopped(host: PrivateHost) -> dict[str, int]:
    """How many frames were dropped, by kind."""
    told = json.loads(host.run("netconsole", "guards", "--json").stdout)
    return {kind: packets for kind, packets in told["stopped"].items() if packets}


def test_a_virtual_address_moves_between_guests_that_are_allowed_it(host: PrivateHost) -> None:
    configure(host)
    create_network(host)
    other = boot(host, "web1")
    boot(host, "web2")
    for guest in ("web1", "web2"):
        host.run("ip", "-n", guest, "address", "add", f"{VIRTUAL}/32", "dev", "eth0")
    assert stopped(host).keys() <= {"icmpv6_type", "spoofed_ipv6", "nd_spoof"}
    assert not reaches(host, "web2", VIRTUAL, "10.0.0.1")
    eventually(lambda: "arp_spoof" in stopped(host) or "spoofed_ipv4" in stopped(host))

    netconsole(host, "fixed", "reserve", VIRTUAL)
    allow = ("netconsole", "instance", "allow-address", "web2", VIRTUAL)
    steps = json.loads(host.run(*allow, "--dry-run", "--json").stdout)["steps"]
    (step,) = (each for each in steps if each["step"] == "ChangeGuards")
    assert [" add element " in each.replace("'", " ") for each in step["commands"]] == [True]
    netconsole(host, "instance", "allow-address", "web2", VIRTUAL)
    eventually(lambda: reaches(host, "web2", VIRTUAL, "10.0.0.1"))
    assert not reaches(host, "web1", VIRTUAL, "10.0.0.1"), "it is web2's"
    host.run("ip", "-n", "web1", "address", "del", f"{VIRTUAL}/32", "dev", "eth0")
    eventually(lambda: reaches(host, "web2", VIRTUAL, other))

    shared = host.run("netconsole", "instance", "allow-address", "web1", VIRTUAL)
    assert f"{VIRTUAL}/32 is allowed to web2 as well" in shared.stderr
    assert host.run("netconsole", "plan", check=False).stdout == ""
    (led,) = re.findall(f"-d {VIRTUAL}/32 -j (\\S+)", host.run("iptables", "-S").stdout)
    assert led.startswith("nova-network-inst-at"), "a chain of both"
    netconsole(host, "instance", "disallow-address", "web1", VIRTUAL)
    assert led not in host.run("iptables", "-S").stdout
    netconsole(host, "instance", "disallow-address", "web2", VIRTUAL)
    assert not reaches(host, "web2", VIRTUAL, "10.0.0.1")
    assert host.run("netconsole", "plan", check=False).stdout == ""

    netconsole(host, "instance", "unguard", "web2")
    eventually(lambda: reaches(host, "web2", VIRTUAL, "10.0.0.1"))
    assert "web2 has no guard" in host.run("netconsole", "status").stdout
    netconsole(host, "instance", "guard", "web2")
    assert not reaches(host, "web2", VIRTUAL, "10.0.0.1")
    assert "no guard" not in host.run("netconsole", "status").stdout
