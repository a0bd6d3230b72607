"""An interface that is a port of an admin's bridge already: left there, or refused in one line."""

import json

import pytest
from cloud import CONFIGURATION, answer, netconsole
from private_host import PrivateHost

CREATE = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")


def admins_bridge(host: PrivateHost, name: str) -> None:
    """eth0 is a port of it, with settings of its own and a static entry; the host's address too."""
    host.write("/etc/netconsole/netconsole.conf", f"{CONFIGURATION}flat_interface = eth0\n")
    host.run("sysctl", "-w", "net.ipv4.ip_forward=1")
    for command in (
        f"ip link add {name} type bridge forward_delay 0",
        f"ip link set {name} alias the_office up",
        f"ip address add 203.0.113.2/24 dev {name}",
        f"ip link set eth0 master {name}",
        "ip address flush dev eth0",
        f"ip route add default via 203.0.113.1 dev {name}",
        f"ip route add 10.8.0.0/16 via 203.0.113.1 dev {name} table 100 mtu 1400",
        "bridge link set dev eth0 isolated on learning off priority 9",
        "bridge fdb add 02:00:00:00:00:77 dev eth0 master static",
    ):
        host.run(*command.split())


def seen(host: PrivateHost) -> list[str]:
    """Links with their bridge and port settings, what bridges know, addresses and routes.

    Without what every host with a network has on lo.
    """
    links = json.loads(host.run("ip", "-json", "-details", "link").stdout)
    for link in links:
        link.get("linkinfo", {}).pop("info_data", None)
        link.pop("ifindex")
    fdb = host.run("bridge", "fdb", "show", "dev", "eth0").stdout.splitlines()
    addresses = host.run("ip", "-brief", "-4", "address").stdout.splitlines()
    routes = host.run("ip", "-4", "route", "show", "table", "all").stdout.splitlines()
    return [
        *map(json.dumps, links),
        *sorted(line for line in fdb if "static" in line or "permanent" in line),
        *(line for line in addresses if not line.startswith("lo ")),
        *(line for line in routes if "169.254.169.254" not in line),
    ]


@pytest.mark.parametrize("mark", ["the_office", ""])
def test_the_networks_own_bridge_stays_with_its_port(host: PrivateHost, mark: str) -> None:
    """Its MAC address is the port's, as is that of a bridge of ours."""
    admins_bridge(host, "br100")
    host.run("ip", "link", "set", "br100", "alias", mark)
    before = seen(host)
    netconsole(host, *CREATE)
    assert host.run("netconsole", "plan", check=False).stdout == ""
    during = [line.replace(" 10.0.0.1/24", "") for line in seen(host)]
    assert set(before) <= set(during)
    netconsole(host, "network", "delete", "vmnet")
    assert seen(host) == before


def test_a_port_of_another_bridge_is_refused_before_anything_is_done(host: PrivateHost) -> None:
    admins_bridge(host, "br-adm")
    before = seen(host)
    refused = host.run("netconsole", *CREATE, check=False)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "interface 'eth0' is a port of bridge 'br-adm'" in refused.stderr
    assert "ip link set dev eth0 nomaster" in refused.stderr
    assert seen(host) == before
    assert answer(host, "network", "list") == []
    assert host.run("netconsole", "plan", check=False).stdout == ""


def test_an_interface_under_a_macvlan_is_refused_before_anything_is_done(
    host: PrivateHost,
) -> None:
    host.write("/etc/netconsole/netconsole.conf", f"{CONFIGURATION}flat_interface = eth0\n")
    host.run("ip", "link", "add", "mv0", "link", "eth0", "type", "macvlan", "mode", "bridge")
    before = seen(host)
    refused = host.run("netconsole", *CREATE, check=False)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "'eth0' has the macvlan 'mv0' over it" in refused.stderr
    assert "ip link delete dev mv0" in refused.stderr
    assert seen(host) == before
    host.run("ip", "link", "delete", "dev", "mv0")
    netconsole(host, *CREATE)


def test_what_has_no_word_is_refused_by_its_name(host: PrivateHost) -> None:
    host.write("/etc/netconsole/netconsole.conf", f"{CONFIGURATION}flat_interface = eth0\n")
    host.run("ip", "nexthop", "add", "id", "10", "via", "203.0.113.1", "dev", "eth0")
    host.run("ip", "route", "add", "10.6.0.0/16", "nhid", "10")
    before = seen(host)
    refused = host.run("netconsole", *CREATE, check=False)
    assert refused.returncode == 1
    assert "10.6.0.0/16 nhid 10" in refused.stderr
    assert seen(host) == before
    host.run("ip", "route", "del", "10.6.0.0/16")
    host.run("ip", "address", "add", "10.77.0.1/24", "label", "eth0:a_long_nam", "dev", "eth0")
    refused = host.run("netconsole", *CREATE, check=False)
    assert "label would be 'br100:a_long_nam'" in refused.stderr
