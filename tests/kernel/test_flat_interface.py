"""The interface under a FlatDHCP network: its address and routes go to the bridge and come back."""

from cloud import CONFIGURATION, answer, netconsole, reaches
from private_host import PrivateHost


def use_eth0(host: PrivateHost) -> None:
    """Put the network on the host's only uplink, that of its default route."""
    host.write("/etc/netconsole/netconsole.conf", f"{CONFIGURATION}flat_interface = eth0\n")


def create(host: PrivateHost) -> None:
    netconsole(
        host, "network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"
    )


def addresses(host: PrivateHost, interface: str) -> list[str]:
    shown = host.run("ip", "-brief", "-4", "address", "show", "dev", interface).stdout
    return shown.split()[2:]


def test_address_and_default_route_go_to_the_bridge_and_come_back(host: PrivateHost) -> None:
    use_eth0(host)
    mac = host.run("cat", "/sys/class/net/eth0/address").stdout
    routes = host.run("ip", "route").stdout
    create(host)

    assert addresses(host, "eth0") == []
    assert addresses(host, "br100") == ["203.0.113.2/24", "10.0.0.1/24"]
    assert "default via 203.0.113.1 dev br100" in host.run("ip", "route").stdout
    assert host.run("cat", "/sys/class/net/br100/address").stdout == mac
    assert reaches(host, "203.0.113.2")
    assert host.run("netconsole", "plan", check=False).stdout == ""

    netconsole(host, "network", "delete", "vmnet")
    assert addresses(host, "eth0") == ["203.0.113.2/24"]
    assert sorted(host.run("ip", "route").stdout.split()) == sorted(routes.split())
    assert reaches(host, "203.0.113.2")


def test_a_label_that_a_batch_would_cut_goes_along(host: PrivateHost) -> None:
    """ip(8) ends a batch's line at a hash, and its words at a quote."""
    labels = ("eth0:it's", "eth0:a#b", 'eth0:a"b')
    for number, label in enumerate(labels):
        there = f"198.51.100.{number}/31"
        host.run("ip", "address", "add", there, "dev", "eth0", "label", label)
    use_eth0(host)
    before = host.run("ip", "-4", "address", "show", "dev", "eth0").stdout
    create(host)
    shown = host.run("ip", "-4", "address", "show", "dev", "br100").stdout
    assert all(f" {label.replace('eth0', 'br100')}\n" in shown for label in labels)

    netconsole(host, "network", "delete", "vmnet")
    assert host.run("ip", "-4", "address", "show", "dev", "eth0").stdout == before


def test_the_host_is_cut_off_for_no_longer_than_the_move(host: PrivateHost) -> None:
    use_eth0(host)
    pings = host.spawn("ping", "-i", "0.01", "-c", "300", "203.0.113.1")
    create(host)
    words, _ = pings.communicate(timeout=60)
    received = int(words.split(" received")[0].split()[-1])
    assert received >= 290, words[-200:]


def test_a_network_on_an_interface_that_is_not_there_is_refused(host: PrivateHost) -> None:
    host.write("/etc/netconsole/netconsole.conf", f"{CONFIGURATION}flat_interface = eth7\n")
    failed = host.run(
        *("netconsole", "network", "create", "vmnet"),
        *("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"),
        check=False,
    )
    assert failed.returncode == 1
    assert "'eth7' is wanted by a network, but this host has none" in failed.stderr
    assert answer(host, "network", "list") == []


def test_guests_on_the_wire_get_their_lease_through_the_interface(host: PrivateHost) -> None:
    """A port on another host reaches this host's dnsmasq over the interface."""
    host.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "wire")
    host.write("/etc/netconsole/netconsole.conf", f"{CONFIGURATION}flat_interface = eth1\n")
    create(host)
    netconsole(host, "instance", "create", "vm1", "--project", "p", "--network", "vmnet")
    mac = answer(host, "instance", "show", "vm1")["ports"][0]["port"]["mac"]
    host.run("ip", "netns", "add", "vm1")
    host.run("ip", "link", "set", "wire", "netns", "vm1", "name", "eth0", "address", mac)
    host.run("ip", "netns", "exec", "vm1", "busybox", "udhcpc", "-q", "-n", "-i", "eth0")
    assert "10.0.0.2/24" in host.run("ip", "-n", "vm1", "address").stdout
    assert "UP" in host.run("ip", "-brief", "link", "show", "eth1").stdout
