"""The VLAN manager on real 802.1Q: what it makes on a trunk, when, and who hears whom there."""

from cloud import CONFIGURATION, answer, boot, netconsole
from private_host import PrivateHost, eventually

MANAGER = """\
network_manager = nova.network.manager.VlanManager
vlan_interface = trunk
"""
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
    assert asks_for_lease(host, "vlan200", mac)
    assert f" {address}/24 " in other(host, "address", "show", "vlan200")
    host.run("ip", "netns", "exec", "near", "ping", "-c1", "-W2", address)

    mend(host, "ip link set vlan200 nomaster")
    mend(host, "ip link delete vlan200")
    host.run("ip", "netns", "exec", "near", "ping", "-c1", "-W2", address)

    for name, left in (("near", DEVICES), ("far", set[str]())):
        netconsole(host, "instance", "delete", name)
        assert devices(host) == left
    assert answer(host, "plan")["steps"] == []
    assert host.run("pgrep", "-x", "dnsmasq", check=False).stdout == ""
    eventually(lambda: host.run("ip", "-brief", "link").stdout.split() == before.split())


def mend(host: PrivateHost, damage: str) -> None:
    """Do damage, and see that it is planned for and repaired."""
    host.run("sh", "-c", damage)
    assert host.run("netconsole", "plan", check=False).returncode == SOMETHING_TO_DO
    netconsole(host, "apply")
    assert answer(host, "plan")["steps"] == []
