"""One card for everything: the interface of the networks is the public one as well."""

import pytest
from cloud import (
    FLOATING,
    answer,
    boot,
    configure,
    create_cloud,
    create_network,
    netconsole,
    reaches,
)
from lab_faults import examined
from private_host import PrivateHost

SEEN = """
import socket
with socket.create_server(("0.0.0.0", 7000)) as server:
    print("listening", flush=True)
    while True:
        print(server.accept()[1][0], flush=True)
"""
CONNECT = "import socket; socket.create_connection(('203.0.113.1', 7000), 60)"
CREATE = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")


def seen_sources(host: PrivateHost, *guests: str) -> list[str]:
    """Under which addresses the world sees guests, each of which gets an answer."""
    server = host.spawn("ip", "netns", "exec", "outside", "python3", "-c", SEEN)
    assert server.stdout is not None
    assert server.stdout.readline() == "listening\n"
    sources = []
    for guest in guests:
        host.run("ip", "netns", "exec", guest, "python3", "-c", CONNECT)
        sources.append(server.stdout.readline().strip())
    server.kill()
    return sources


@pytest.mark.parametrize("named", ["eth0", "br100"])
def test_guests_leave_under_the_hosts_address_and_under_their_floating_one(
    host: PrivateHost, named: str
) -> None:
    configure(host, "flat_interface = eth0", f"public_interface = {named}")
    netconsole(host, *CREATE)
    boot(host, "web1")
    boot(host, "web2")
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")
    netconsole(host, "floating", "associate", FLOATING, "web1")

    assert seen_sources(host, "web1", "web2") == [FLOATING, "203.0.113.2"]
    assert reaches(host)
    status = answer(host, "status")
    assert status["host"]["public_interface"] == "br100"
    assert status["floating_ips"][0]["state"] == "ok"
    assert netconsole(host, "plan") == ""

    netconsole(host, "floating", "disassociate", FLOATING)
    assert FLOATING not in host.run("ip", "address").stdout
    for name in ("web1", "web2"):
        netconsole(host, "instance", "delete", name)
    netconsole(host, "network", "delete", "vmnet")
    assert "203.0.113.2/24" in host.run("ip", "address", "show", "eth0").stdout
    assert host.outside("ping", "-c1", "-w60", "203.0.113.2").returncode == 0


def test_a_public_interface_in_the_admins_bridge_means_that_bridge(host: PrivateHost) -> None:
    for words in (
        ("link", "add", "br-adm", "up", "type", "bridge"),
        ("address", "flush", "dev", "eth0"),
        ("link", "set", "eth0", "master", "br-adm"),
        ("address", "add", "203.0.113.2/24", "dev", "br-adm"),
        ("route", "add", "default", "via", "203.0.113.1"),
    ):
        host.run("ip", *words)
    configure(host)
    netconsole(host, *CREATE)
    boot(host, "web1")
    assert seen_sources(host, "web1") == ["203.0.113.2"]


def test_an_address_that_was_found_by_itself_is_found_anew(host: PrivateHost) -> None:
    """It is the one that the host speaks with, also beside the gateway's on the same bridge."""
    host.write("/etc/netconsole/netconsole.conf", "[DEFAULT]\nflat_interface = eth0\n")
    netconsole(host, *CREATE)
    assert answer(host, "status")["host"]["my_ip"] == "203.0.113.2"
    assert netconsole(host, "plan") == ""

    for words in (("add", "203.0.113.7/24"), ("del", "203.0.113.2/24")):
        host.run("ip", "address", *words, "dev", "br100")
    host.run("ip", "address", "replace", "203.0.113.7/24", "dev", "br100")
    host.run("ip", "route", "replace", "default", "via", "203.0.113.1")
    netconsole(host, "apply")
    nat = host.run("iptables", "-t", "nat", "-S").stdout
    assert "-j SNAT --to-source 203.0.113.7" in nat
    assert "203.0.113.2" not in nat


def test_an_address_that_the_configuration_still_says_is_named(host: PrivateHost) -> None:
    create_network(host)
    assert examined(host).findings["own_address"]["verdict"] == "ok"
    host.run("ip", "address", "add", "203.0.113.7/24", "dev", "eth0")
    host.run("ip", "address", "del", "203.0.113.2/24", "dev", "eth0")
    host.run("ip", "address", "replace", "203.0.113.7/24", "dev", "eth0")
    host.run("ip", "route", "replace", "default", "via", "203.0.113.1")
    found = examined(host)
    assert found.named == ["own_address"], found.reasons
    assert "203.0.113.2 is on no interface" in found.reasons["own_address"]
    assert "wrong: my_ip 203.0.113.2 is on no interface" in netconsole(host, "status")

    configuration = host.read("/etc/netconsole/netconsole.conf")
    host.write("/etc/netconsole/netconsole.conf", configuration.replace("my_ip = ", "# "))
    netconsole(host, "apply")
    assert examined(host).named == []
    assert "--to-source 203.0.113.7" in host.run("iptables", "-t", "nat", "-S").stdout


def test_a_floating_address_goes_along_with_its_card_and_comes_back(host: PrivateHost) -> None:
    """The card that carries it becomes a port of another network's bridge."""
    create_cloud(host)
    held = host.run("ip", "-br", "address", "show", "dev", "eth0").stdout.split()[2:]
    shown = ("--fixed-range-v4", "10.50.0.0/24", "--bridge", "br200", "--bridge-interface", "eth0")
    netconsole(host, "network", "create", "second", *shown)
    assert FLOATING in host.run("ip", "-br", "address", "show", "dev", "br200").stdout
    assert reaches(host)
    netconsole(host, "network", "delete", "second")
    assert host.run("ip", "-br", "address", "show", "dev", "eth0").stdout.split()[2:] == held
    assert reaches(host)
    assert host.run("netconsole", "plan").stdout == ""


def test_one_apply_gives_the_card_back_and_the_rules_name_it_again(host: PrivateHost) -> None:
    host.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "wire")
    configure(host, "flat_interface = eth0")
    host.run("netconsole", *CREATE)
    boot(host, "web1")
    assert "-o br100 -j SNAT" in host.run("iptables-save", "-t", "nat").stdout
    configure(host, "flat_interface = eth1")
    host.run("netconsole", "apply")
    assert answer(host, "plan")["steps"] == []
    assert "-s 10.0.0.0/24 -o eth0 -j SNAT" in host.run("iptables-save", "-t", "nat").stdout
    assert seen_sources(host, "web1") == ["203.0.113.2"]
