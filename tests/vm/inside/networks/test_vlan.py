"""The VLAN manager on real 802.1Q: what it makes on a trunk, when, and who hears whom there."""

import sys

from cloud import CONFIGURATION, answer, boot, netconsole, plug_in
from counted_session import CountedSession
from private_host import PrivateHost, eventually
from two_projects import assert_kept_apart

MANAGER = """\
network_manager = nova.network.manager.VlanManager
vlan_interface = trunk
"""
ECHO = """
import socket
answering = socket.socket(type=socket.SOCK_DGRAM)
answering.bind(("{}", 1194))
while True:
    answering.sendto(*answering.recvfrom(100))
"""
ASK = """
import socket
asking = socket.socket(type=socket.SOCK_DGRAM)
asking.settimeout(1)
asking.connect(("{}", {}))
asking.send(b"hello")
print(asking.recv(100).decode())
"""
OTHER_TAG = "ip link add link trunk name vlan200 type vlan id 201"
TRUNK_GONE = "vlan_interface 'trunk' is wanted by a network, but this host has none"
TAG_DIFFERS = "interface 'vlan200' is wanted for VLAN 200, but carries 201"
DEVICES = {"br200", "vlan200"}
SOMETHING_TO_DO = 2


def devices(host: PrivateHost) -> set[str]:
    shown = host.run("ip", "-brief", "link").stdout.splitlines()
    return {line.split()[0].partition("@")[0] for line in shown} & DEVICES


def lay_trunk(host: PrivateHost) -> None:
    """A trunk to another host, which has a device for each of two VLANs."""
    host.run("ip", "netns", "add", "other")
    peer = ("peer", "name", "trunk", "netns", "other")
    host.run("ip", "link", "add", "trunk", "type", "veth", *peer)
    host.run("ip", "link", "set", "trunk", "up")
    host.run("ip", "-n", "other", "link", "set", "trunk", "up")
    for tag in ("200", "201"):
        name = f"vlan{tag}"
        other(host, "link", "add", "link", "trunk", "name", name, "type", "vlan", "id", tag)


def other(host: PrivateHost, *words: str) -> str:
    return host.run("ip", "-n", "other", *words).stdout


def asks_for_lease(host: PrivateHost, device: str, mac: str) -> bool:
    """Whether a guest with that MAC address gets a lease over a device of the other host."""
    other(host, "link", "set", device, "address", mac, "up")
    client = ("busybox", "udhcpc", "-n", "-q", "-t", "3", "-T", "1", "-i", device)
    return host.run("ip", "netns", "exec", "other", *client, check=False).returncode == 0


def test_a_vlan_comes_with_its_first_instance_and_goes_with_its_last(host: PrivateHost) -> None:
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION + MANAGER)
    lay_trunk(host)
    before = host.run("ip", "-brief", "link").stdout
    netconsole(
        host,
        *("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24"),
        *("--vlan", "200", "--project-id", "demo"),
    )
    assert devices(host) == set()

    boot(host, "near")
    assert devices(host) == DEVICES
    details = host.run("ip", "-details", "link", "show", "vlan200").stdout
    assert "vlan200@trunk" in details
    assert "802.1Q id 200" in details
    assert "master br200" in details
    assert answer(host, "plan")["steps"] == []

    netconsole(host, "instance", "create", "far", "--project", "demo", "--port-kind", "veth")
    (port,) = answer(host, "instance", "show", "far")["ports"]
    mac, address = port["port"]["mac"], port["fixed_ips"][0]["address"]
    assert not asks_for_lease(host, "vlan201", mac)
    eventually(lambda: asks_for_lease(host, "vlan200", mac))
    assert f" {address}/24 " in other(host, "address", "show", "vlan200")
    host.run("ip", "netns", "exec", "near", "ping", "-c1", "-w60", address)

    mend(host, "ip link set vlan200 nomaster")
    mend(host, "ip link delete vlan200")
    host.run("ip", "netns", "exec", "near", "ping", "-c1", "-w60", address)

    for name, left in (("near", DEVICES), ("far", set[str]())):
        netconsole(host, "instance", "delete", name)
        assert devices(host) == left
    assert answer(host, "plan")["steps"] == []
    assert host.run("pgrep", "-x", "dnsmasq", check=False).stdout == ""
    eventually(lambda: host.run("ip", "-brief", "link").stdout.split() == before.split())


def test_a_vlan_that_cannot_be_had_holds_up_nothing_else(host: PrivateHost) -> None:
    """Its trunk is gone, or something else has its name: the guest's port is there all the same."""
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION + MANAGER)
    lay_trunk(host)
    words = ("--vlan", "200", "--project-id", "demo")
    netconsole(host, "network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", *words)
    boot(host, "near")
    port = answer(host, "status")["allocations"][0]["device"]

    for damage, reason, cure in (
        ("ip -n other link delete vlan200; ip link delete trunk", TRUNK_GONE, ""),
        (f"ip link delete vlan200; {OTHER_TAG}", TAG_DIFFERS, "ip link delete vlan200"),
    ):
        host.run("sh", "-ec", f"{damage}; ip link set {port} nomaster; pkill -KILL -x dnsmasq")
        done = host.run("netconsole", "apply", check=False)
        assert done.returncode == 4, done.stderr
        assert f"done but for: {reason}" in done.stderr
        assert "master br200" in host.run("ip", "link", "show", port).stdout
        assert host.run("pgrep", "-x", "dnsmasq").stdout
        assert answer(host, "status")["drift"] == []
        if cure:
            host.run("sh", "-ec", cure)
        else:
            host.run("ip", "netns", "delete", "other")
            eventually(lambda: host.run("ip", "netns").stdout.find("other") < 0)
            lay_trunk(host)
        netconsole(host, "apply")
        assert "master br200" in host.run("ip", "link", "show", "vlan200").stdout
        assert host.run("netconsole", "plan", check=False).returncode == 0


def mend(host: PrivateHost, damage: str) -> None:
    """Do damage, and see that it is planned for and repaired."""
    host.run("sh", "-c", damage)
    assert host.run("netconsole", "plan", check=False).returncode == SOMETHING_TO_DO
    netconsole(host, "apply")
    assert answer(host, "plan")["steps"] == []


def test_a_further_port_is_looked_at_alone_as_long_as_the_vlan_is_as_wanted(
    host: PrivateHost,
) -> None:
    """Also though ebtables guards the ports here."""
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION + MANAGER)
    lay_trunk(host)
    words = ("--fixed-range-v4", "10.0.0.0/24", "--vlan", "200", "--project-id", "demo")
    netconsole(host, "network", "create", "vmnet", *words)
    session = CountedSession(host)

    def changes(kind: str, **fields: object) -> bool:
        """Whether a change is about the whole host; it leaves nothing to do."""
        told = session.change(kind, **fields)
        assert answer(host, "plan")["steps"] == []
        return told.is_whole

    assert changes("CreateInstance", name="one", project="demo")
    assert not changes("CreateInstance", name="two", project="demo")
    assert not changes("DeleteInstance", instance="one")
    host.run("ip", "link", "set", "vlan200", "nomaster")
    assert changes("CreateInstance", name="three", project="demo")
    assert not changes("DeleteInstance", instance="three")
    assert changes("DeleteInstance", instance="two")
    assert devices(host) == set()


def test_the_vpn_of_a_project_is_reached_at_its_port_until_its_network_goes(
    host: PrivateHost,
) -> None:
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION + MANAGER + "vpn_start = 1000\n")
    lay_trunk(host)
    words = ("--fixed-range-v4", "10.0.0.0/24", "--vlan", "200", "--project-id", "demo")
    netconsole(host, "network", "create", "vmnet", *words)
    shown = answer(host, "network", "show", "vmnet")
    assert (shown["vpn_public_address"], shown["vpn_public_port"]) == ("203.0.113.2", 1000)

    host.run("ip", "netns", "add", "vpn")
    netconsole(
        host, *["vpn", "create", "--project", "demo", "--name", "vpn", "--port-kind", "veth"]
    )
    view = answer(host, "instance", "show", "vpn")["ports"][0]
    private = shown["vpn_private_address"]
    assert view["fixed_ips"][0]["address"] == private
    plug_in(host, "vpn", view, "eth0")
    python = (sys.executable, "-c")
    host.spawn("ip", "netns", "exec", "vpn", *python, ECHO.format(private))
    asked = (*python, ASK.format("203.0.113.2", 1000))
    eventually(lambda: host.outside(*asked, check=False).stdout == "hello\n")

    def change(address: str) -> str:
        words = ("vpn", "change", "--project=demo", f"--ip={address}", "--port=7")
        netconsole(host, "nova-manage", *words)
        return host.run("iptables-save").stdout

    assert f"{private}:1194" not in change("192.0.2.1")
    assert change("203.0.113.2").count(f"--dport 7 -j DNAT --to-destination {private}:1194") == 2
    netconsole(host, "instance", "delete", "vpn")
    assert "1194" not in host.run("iptables-save").stdout


def test_two_projects_reach_each_other_only_as_they_allow(host: PrivateHost) -> None:
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION + MANAGER)
    lay_trunk(host)
    for label, number in (("one", "1"), ("two", "2")):
        words = ("--fixed-range-v4", f"10.0.{number}.0/24", "--vlan", f"20{number}")
        netconsole(host, "network", "create", label, *words, "--project-id", label)
    assert_kept_apart(host)
