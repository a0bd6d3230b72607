"""Interfaces and bridges that were there before networks used them, and are again as they were."""

import json

import pytest
from changing import EVERY, changed, use_interface
from cloud import netconsole
from private_host import PrivateHost

CREATE = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")

WIRE = (
    "ip link add eth1 type veth peer name eth1 netns outside",
    "ip -n outside link set eth1 up",
    *("ip link set eth1 up", "ip link set eth1 down"),
)
"""What is down has been up before: the kernel gives it a queue then, which it keeps."""
BRIDGE = (
    "ip link add br100 type bridge forward_delay 0",
    "ip link set br100 alias the_office",
    "ip link add office type veth peer name office netns outside",
    "ip link set office master br100",
    *("ip link set br100 up", "ip link set br100 down"),
    "ip address add 192.168.5.10/24 dev br100",
    "ip address add fd00:5::10/64 dev br100",
    "ip neighbour add 192.168.5.9 lladdr 02:00:00:00:00:09 nud permanent dev br100",
    "ip neighbour add proxy 192.168.5.77 dev br100",
)
BRIDGE_IN_USE = (
    *("ip link set br100 up", "ip link set office up", "ip -n outside link set office up"),
    "ip route add 10.8.0.0/16 via 192.168.5.1 dev br100",
    "ip route add default via 192.168.5.1 dev br100 metric 90",
    "ip rule add iif br100 lookup 100 priority 60",
)
CARD = (
    *WIRE,
    "ip address add 192.168.6.10/24 dev eth1 label eth1:w",
    "ip address add fd00:6::10/64 dev eth1",
    "ip neighbour add 192.168.6.9 lladdr 02:00:00:00:00:09 nud permanent dev eth1",
    "ip rule add iif eth1 lookup 100 priority 50",
)
CARD_IN_USE = (
    "ip link set eth1 up",
    "ip route add 10.9.0.0/16 via 192.168.6.1 dev eth1 mtu 1400",
    "ip route add default via 192.168.6.1 dev eth1 metric 80",
    "ip route add default via 192.168.6.1 dev eth1 table 100",
)

FOUND = {
    "all in use": (*BRIDGE, *BRIDGE_IN_USE, *CARD, *CARD_IN_USE),
    "all down": (*BRIDGE, *CARD),
    "a card that is down": CARD,
    "a card that is down for a bridge in use": (*BRIDGE, *BRIDGE_IN_USE, *CARD),
    "a bare card": WIRE,
    "a bare card for a bridge of others": (*BRIDGE, *WIRE),
}


def furnish(host: PrivateHost, *commands: str) -> None:
    use_interface(host, "eth1")
    settings = (f"net.ipv6.conf.{name}.dad_transmits=0" for name in ("default", "eth0"))
    host.run("sysctl", "-w", "net.ipv4.ip_forward=1", *settings)
    for command in commands:
        host.run(*command.split())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("commands", FOUND.values(), ids=FOUND.keys())
def test_links_are_as_they_were_after_every_change(
    host: PrivateHost, commands: tuple[str, ...]
) -> None:
    furnish(host, *commands)
    assert changed(host, session="192.168.6.10" if CARD_IN_USE[-1] in commands else "") == {}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(EVERY))
def test_links_are_as_they_were_wherever_a_change_is_killed(host: PrivateHost, first: int) -> None:
    """Half of the moments with all in use, half with all down."""
    furnish(host, *FOUND["all down" if first % 2 else "all in use"])
    assert changed(host, first, every=EVERY) == {}


def links(host: PrivateHost) -> dict[str, tuple[str | None, bool]]:
    """The master of each link, and whether it is up."""
    found = json.loads(host.run("ip", "-json", "link").stdout)
    return {each["ifname"]: (each.get("master"), "UP" in each["flags"]) for each in found}


@pytest.mark.parametrize("name", ["br100", "br-ours"])
def test_what_an_admin_did_meanwhile_stays(host: PrivateHost, name: str) -> None:
    """The card is given to another bridge; what was down is in use."""
    furnish(host, *BRIDGE, *CARD)
    netconsole(host, *CREATE[:-1], name)
    for words in (
        ("link", "add", "br-new", "type", "bridge"),
        ("link", "set", "eth1", "master", "br-new"),
        ("address", "add", "192.168.8.10/24", "dev", "br100"),
    ):
        host.run("ip", *words)
    used = links(host)
    netconsole(host, "network", "delete", "vmnet")
    after = links(host)
    assert after["eth1"] == ("br-new", True)
    assert after["br100"] == used["br100"]
    assert "192.168.8.10/24" in host.run("ip", "address", "show", "br100").stdout


def test_a_card_that_a_configuration_names_no_more_leaves_the_bridge(host: PrivateHost) -> None:
    furnish(host, *CARD, *CARD_IN_USE, "ip link add eth2 type veth peer name eth2 netns outside")
    before = links(host)
    netconsole(host, *CREATE)
    assert "192.168.6.10/24" in host.run("ip", "address", "show", "br100").stdout
    use_interface(host, "eth2")
    netconsole(host, "apply")
    assert links(host)["eth2"] == ("br100", True)
    assert links(host)["eth1"] == before["eth1"]
    shown = host.run("ip", "address", "show", "eth1").stdout
    assert "192.168.6.10/24" in shown
    assert "10.0.0.1/24" in host.run("ip", "address", "show", "br100").stdout
    assert "via 192.168.6.1 dev eth1" in host.run("ip", "route", "show", "table", "100").stdout
    netconsole(host, "network", "delete", "vmnet")
    assert links(host) == before


UNVERIFIED = """
import sys
from netconsole.backend.service import service
from netconsole.backend.model.errors import StepFailed
from netconsole.cli.main import main

def verify(*_):
    raise StepFailed("no more")

service.verify = verify
sys.argv = ["netconsole", "apply"]
sys.exit(main())
"""


def test_what_was_before_a_repair_that_is_kept_though_it_failed_is_known(host: PrivateHost) -> None:
    """A network that comes to this host only with that repair, as another host had it."""
    furnish(host, *BRIDGE, *CARD)
    host.run("sysctl", "-w", "net.ipv4.ip_forward=0")
    before = links(host)
    here = host.read("/etc/netconsole/netconsole.conf")
    host.write("/etc/netconsole/netconsole.conf", f"{here}host = elsewhere\n")
    netconsole(host, *CREATE)
    host.run("ip", "link", "set", "br100", "down")
    netconsole(host, "network", "modify", "vmnet", "--host", "testhost")
    assert links(host) == before
    host.write("/etc/netconsole/netconsole.conf", here)
    failed = host.run("python3", "-c", UNVERIFIED, check=False)
    assert "no more; what was done stays" in failed.stderr
    assert links(host)["eth1"] == ("br100", True)

    netconsole(host, "network", "delete", "vmnet")
    assert links(host) == before
    assert host.run("sysctl", "-n", "net.ipv4.ip_forward").stdout == "0\n"


def test_a_gateway_that_hosts_share_goes_with_its_bridge(host: PrivateHost) -> None:
    """It is no address of the interface's that came along, and none of an admin's bridge."""
    furnish(host, *CARD, *CARD_IN_USE)
    before = links(host)
    for commands in ((), BRIDGE):
        for command in commands:
            host.run(*command.split())
        netconsole(host, *CREATE, "--multi-host", "T", "--share-address", "T")
        netconsole(host, "instance", "create", "web1", "--project", "demo")
        assert "10.0.0.1/24" in host.run("ip", "address", "show", "br100").stdout
        netconsole(host, "instance", "delete", "web1")
        assert "10.0.0.1/" not in host.run("ip", "address").stdout
        assert links(host)["eth1"] == before["eth1"]
        netconsole(host, "network", "delete", "vmnet")


@pytest.mark.timeout(300)
def test_a_bridge_that_an_admin_filled_is_said_to_be_full(host: PrivateHost) -> None:
    use_interface(host, "eth0")
    lines = ["link add name br100 type bridge", "link set dev eth0 master br100"]
    for number in range(511):
        lines.append(f"link add name a{number} master br100 type veth peer name b{number}")
        lines.append(f"link set dev b{number} master br100")
    host.run("ip", "-batch", "-", input="\n".join(lines))
    network = ("vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
    host.run("netconsole", "network", "create", *network)
    refused = host.run("netconsole", "instance", "create", "web1", "--project", "p", check=False)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "cannot be a port of bridge br100, which has 1,023 ports, the most" in refused.stderr
    assert host.run("netconsole", "instance", "list", "--json").stdout.strip() == "[]"
