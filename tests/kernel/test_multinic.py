"""Instances on several networks: a port, a lease and an answer on each, and one way out."""

from typing import Any

from cloud import answer, boot, configure, create_network, dropped_frames, netconsole
from private_host import PrivateHost

ONE_WAY_OUT = "use_single_default_gateway = True"


def create_networks(host: PrivateHost) -> None:
    create_network(host)
    on = ("--fixed-range-v4", "10.0.1.0/24", "--bridge", "br101")
    netconsole(host, "network", "create", "second", *on)


def create(host: PrivateHost, name: str, *networks: str) -> list[Any]:
    """A guest that has asked for no address yet; return its ports."""
    host.run("ip", "netns", "add", name)
    on = [word for network in networks for word in ("--network", network)]
    netconsole(host, "instance", "create", name, "--project", "demo", "--port-kind", "veth", *on)
    return ports(host, name)


def ports(host: PrivateHost, name: str) -> list[Any]:
    found: list[Any] = answer(host, "instance", "show", name)["ports"]
    return found


def take_lease(host: PrivateHost, name: str, view: Any, interface: str) -> str:
    """Plug a port in, let a real client set it up, and return the interfaces of the ways out."""
    host.run("ip", "link", "set", "dev", view["port"]["peer"], "netns", name, "name", interface)
    client = ("busybox", "udhcpc", "-n", "-q", "-i", interface, "-t", "20", "-T", "1")
    host.run("ip", "netns", "exec", name, *client)
    address = f" {view['fixed_ips'][0]['address']}/"
    assert address in host.run("ip", "-n", name, "-brief", "address", "show", interface).stdout
    routes = host.run("ip", "-n", name, "route", "show", "default").stdout.splitlines()
    return " ".join(line.split(" dev ")[1].split()[0] for line in routes)


def answers(host: PrivateHost, address: str) -> bool:
    return host.run("ping", "-c1", "-W2", address, check=False).returncode == 0


def leased(host: PrivateHost) -> dict[str, bool]:
    return {row["address"]: row["leased"] for row in answer(host, "status")["allocations"]}


def at_rest(host: PrivateHost) -> bool:
    return host.run("netconsole", "plan", check=False).returncode == 0


def test_two_ports_two_leases_and_both_interfaces_answer(host: PrivateHost) -> None:
    create_networks(host)
    first, second = create(host, "web1", "vmnet", "second")
    assert take_lease(host, "web1", second, "eth1") == "eth1"
    take_lease(host, "web1", first, "eth0")
    assert leased(host) == {"10.0.0.2": True, "10.0.1.2": True}
    assert answers(host, "10.0.0.2")
    assert answers(host, "10.0.1.2")
    netconsole(host, "instance", "delete", "web1")
    assert leased(host) == {}
    assert at_rest(host)


def test_with_a_single_default_gateway_only_the_first_port_has_a_way_out(host: PrivateHost) -> None:
    """The first port, not the first network; and those with a single port keep theirs."""
    create_networks(host)
    configure(host, ONE_WAY_OUT)
    first, second = create(host, "web1", "vmnet", "second")
    assert take_lease(host, "web1", second, "eth1") == ""
    assert take_lease(host, "web1", first, "eth0") == "eth0"
    assert answers(host, "10.0.0.2")
    assert answers(host, "10.0.1.2")
    first, second = create(host, "web2", "second", "vmnet")
    assert take_lease(host, "web2", second, "eth1") == ""
    assert take_lease(host, "web2", first, "eth0") == "eth0"
    (only,) = create(host, "web3", "second")
    assert take_lease(host, "web3", only, "eth0") == "eth0"
    outside = ("ping", "-c1", "-w60", "203.0.113.1")
    assert host.run("ip", "netns", "exec", "web2", *outside, check=False).returncode == 0


def test_the_option_reaches_a_running_dnsmasq_and_no_lease_is_lost(host: PrivateHost) -> None:
    """nova's dnsmasq went on as it was until someone killed it."""
    create_networks(host)
    _, second = create(host, "web1", "vmnet", "second")
    assert take_lease(host, "web1", second, "eth1") == "eth1"
    configure(host, ONE_WAY_OUT)
    netconsole(host, "apply")
    _, second = create(host, "web2", "vmnet", "second")
    assert take_lease(host, "web2", second, "eth1") == ""
    netconsole(host, "instance", "delete", "web2")
    assert leased(host) == {"10.0.0.2": False, "10.0.1.2": True}
    configure(host)
    netconsole(host, "apply")
    _, second = create(host, "web3", "vmnet", "second")
    assert take_lease(host, "web3", second, "eth1") == "eth1"
    assert leased(host)["10.0.1.2"]
    assert at_rest(host)


def test_each_dnsmasq_hears_only_its_own_bridge(host: PrivateHost) -> None:
    """Where several hear all of port 67, the kernel gives a DHCPRELEASE to any one of them."""
    create_networks(host)
    heard = host.run("ss", "-H", "-l", "-u", "-n", "sport = :67").stdout.split()
    assert sorted(word for word in heard if word.endswith(":67")) == [
        "0.0.0.0%br100:67",
        "0.0.0.0%br101:67",
    ]


def test_without_a_name_an_instance_is_on_every_network_without_a_vlan(host: PrivateHost) -> None:
    create_networks(host)
    found = [port["network"]["label"] for port in create(host, "vm1")]
    assert found == ["vmnet", "second"]


def test_an_address_on_a_further_network_and_its_end(host: PrivateHost) -> None:
    create_networks(host)
    configure(host, ONE_WAY_OUT)
    boot(host, "web1")
    netconsole(host, "instance", "add-fixed-ip", "web1", "second")
    assert take_lease(host, "web1", ports(host, "web1")[1], "eth1") == "eth0"
    assert answers(host, "10.0.1.2")
    netconsole(host, "instance", "remove-fixed-ip", "web1", "10.0.1.2")
    assert leased(host) == {"10.0.0.2": True}
    assert "10.0.1.2" not in host.read("/var/lib/netconsole/networks/nova-br101.leases")
    assert at_rest(host)


def test_a_further_address_of_a_port_leaves_its_lease_alone(host: PrivateHost) -> None:
    """Also when it is the lower one: DHCP goes on handing out the first."""
    create_networks(host)
    boot(host, "web1", more=("--network", "vmnet", "--fixed-address", "10.0.0.9"))
    add = ("instance", "add-fixed-ip", "web1", "vmnet", "--fixed-address", "10.0.0.5")
    netconsole(host, *add)
    (port,) = ports(host, "web1")
    assert [row["address"] for row in port["fixed_ips"]] == ["10.0.0.9", "10.0.0.5"]
    assert " 10.0.0.9 " in host.read("/var/lib/netconsole/networks/nova-br100.leases")
    assert answers(host, "10.0.0.9")
    assert at_rest(host)


def test_each_port_is_its_own(host: PrivateHost) -> None:
    create_networks(host)
    first, second = create(host, "web1", "vmnet", "second")
    take_lease(host, "web1", first, "eth0")
    take_lease(host, "web1", second, "eth1")
    to = ("ip", "netns", "exec", "web1", "ping", "-c1", "-W1", "-I")
    host.run(*to, "eth1", "10.0.1.1")
    before = dropped_frames(host)
    host.run("ip", "-n", "web1", "address", "flush", "dev", "eth0")
    host.run("ip", "-n", "web1", "address", "add", "10.0.0.2/32", "dev", "eth1")
    host.run(*to, "10.0.0.2", "10.0.1.1", check=False)
    assert dropped_frames(host) - before == {"spoofed_ipv4": 1}
    mac = first["port"]["mac"]
    host.run("ip", "-n", "web1", "link", "set", "eth1", "address", mac)
    host.run(*to, "10.0.1.2", "10.0.1.1", check=False)
    assert set(dropped_frames(host) - before) == {"spoofed_ipv4", "spoofed_mac"}
