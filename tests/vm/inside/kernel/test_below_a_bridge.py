"""What a network stands on besides a card: a bond, a VLAN of an admin's, a card with VLANs."""

import json

import pytest
from changing import use_interface
from cloud import CONFIGURATION, netconsole
from private_host import PrivateHost

CARD = (
    "ip link add eth1 type veth peer name eth1 netns outside",
    "ip -n outside link set eth1 up",
)
BELOW = {
    "bond": (
        *CARD,
        "ip link add under type bond mode active-backup",
        "ip link set eth1 master under",
        "ip link set under up",
        "ip address add 192.168.6.10/24 dev under",
        "ip route add 10.9.0.0/16 via 192.168.6.1 dev under",
    ),
    "vlan": (
        *CARD,
        "ip link set eth1 up",
        "ip link add link eth1 name under type vlan id 5",
        "ip link set under up",
        "ip address add 192.168.6.10/24 dev under",
        "ip route add 10.9.0.0/16 via 192.168.6.1 dev under",
    ),
    "card with a vlan over it": (
        "ip link add under type veth peer name under netns outside",
        "ip -n outside link set under up",
        "ip link set under up",
        "ip address add 192.168.6.10/24 dev under",
        "ip link add link under name under.5 type vlan id 5",
        "ip link set under.5 up",
        "ip address add 192.168.7.10/24 dev under.5",
    ),
}


@pytest.mark.parametrize("commands", BELOW.values(), ids=BELOW.keys())
def test_all_goes_along_and_comes_back(host: PrivateHost, commands: tuple[str, ...]) -> None:
    use_interface(host, "under")
    for command in commands:
        host.run(*command.split())
    before = links(host), held(host)
    netconsole(
        host, "network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"
    )
    assert links(host)["under"] == ("br100", "", True)
    during = "\n".join(held(host)).replace(" br100 ", " under ").splitlines()
    assert set(before[1]) <= set(during)
    assert netconsole(host, "plan") == ""
    netconsole(host, "network", "delete", "vmnet")
    assert (links(host), held(host)) == before


def held(host: PrivateHost) -> list[str]:
    """The addresses and routes, a line each."""
    addresses = host.run("ip", "-4", "-oneline", "address").stdout
    words = (line.split("\\")[0].split()[1:] for line in addresses.splitlines())
    shown = [" " + " ".join(each[:-1]) for each in words]
    routes = host.run("ip", "-4", "route", "show", "table", "all").stdout
    return sorted((*shown, *(f"{line.strip()} " for line in routes.splitlines())))


def links(host: PrivateHost) -> dict[str, tuple[str | None, str, bool]]:
    found = json.loads(host.run("ip", "-json", "link").stdout)
    return {
        each["ifname"]: (each.get("master"), each.get("ifalias", ""), "UP" in each["flags"])
        for each in found
    }


def test_a_trunk_and_a_device_of_an_admin_are_given_back_by_the_last_vlan(
    host: PrivateHost,
) -> None:
    manager = "network_manager = nova.network.manager.VlanManager\nvlan_interface = eth1\n"
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION + manager)
    for command in (*CARD, "ip link add link eth1 name vlan200 type vlan id 200"):
        host.run(*command.split())
    before = links(host)
    for number in ("200", "201"):
        created = ("network", "create", f"v{number}", "--fixed-range-v4", f"10.{number}.0.0/24")
        netconsole(host, *created, "--vlan", number, "--project-id", f"p{number}")
        netconsole(host, "instance", "create", f"i{number}", "--project", f"p{number}")
    used = links(host)
    assert used["vlan200"] == ("br200", "", True)
    assert used["eth1"] == (None, "", True)
    netconsole(host, "instance", "delete", "i200")
    assert links(host)["vlan200"] == (None, "", False)
    assert links(host)["eth1"] == (None, "", True)
    netconsole(host, "instance", "delete", "i201")
    assert links(host) == before
