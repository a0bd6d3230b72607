"""The address of the metadata service on lo: for guests that take it for a neighbour's."""

import json

import pytest
from cloud import boot, configure, create_network, netconsole
from guest_asking import ask, serve, stop
from private_host import PrivateHost

pytestmark = pytest.mark.requires("namespaces", "ip", "iptables", "dnsmasq")

ADDRESS = "169.254.169.254/32"
COMMAND = "ip address add 169.254.169.254/32 scope link dev lo\n"
CREATE = ("network", "create", "second", "--fixed-range-v4", "10.1.0.0/24")
HOSTNAME = "/latest/meta-data/hostname"


def scopes(host: PrivateHost, interface: str = "lo") -> list[str]:
    """The scope of the address, as often as an interface has it."""
    (link,) = json.loads(host.run("ip", "-json", "address", "show", "dev", interface).stdout)
    return [each["scope"] for each in link["addr_info"] if f"{each['local']}/32" == ADDRESS]


def test_it_comes_with_the_first_network_and_goes_with_the_last(host: PrivateHost) -> None:
    create_network(host)
    assert scopes(host) == ["link"]
    netconsole(host, *CREATE, "--bridge", "br101")
    netconsole(host, "network", "delete", "vmnet")
    assert scopes(host) == ["link"]
    netconsole(host, "network", "delete", "second")
    assert scopes(host) == []
    assert netconsole(host, "plan") == ""


def test_one_that_was_taken_off_is_shown_and_put_back(host: PrivateHost) -> None:
    create_network(host)
    host.run("ip", "address", "del", ADDRESS, "dev", "lo")
    assert host.run("netconsole", "plan", check=False).stdout == COMMAND
    assert COMMAND.strip() in host.run("netconsole", "status", check=False).stdout
    netconsole(host, "apply")
    assert scopes(host) == ["link"]
    assert netconsole(host, "plan") == ""


def test_an_admins_own_stays(host: PrivateHost) -> None:
    """As it is: on lo with a scope of its own, or on another interface."""
    configure(host)
    host.run("ip", "link", "add", "own", "type", "bridge")
    for interface in ("lo", "own"):
        host.run("ip", "address", "add", ADDRESS, "dev", interface)
    assert netconsole(host, "plan") == "", "a host that serves nothing"
    create_network(host)
    netconsole(host, "network", "delete", "vmnet")
    for interface in ("lo", "own"):
        assert scopes(host, interface) == ["global"]
    assert netconsole(host, "plan") == ""


def test_who_leads_nobody_to_a_service_has_no_address(host: PrivateHost) -> None:
    create_network(host, "metadata_host = 203.0.113.1")
    assert scopes(host) == ["link"], "another host's service, which this one leads to"
    netconsole(host, "network", "delete", "vmnet")
    configure(host, "network_manager = nova.network.manager.FlatManager")
    netconsole(host, *CREATE, "--bridge", "br100")
    assert scopes(host) == []


def test_it_is_there_from_the_first_instance_to_the_last_where_every_host_serves(
    host: PrivateHost,
) -> None:
    configure(host)
    netconsole(host, *CREATE, "--bridge", "br100", "--multi-host", "T", "--share-address", "T")
    assert scopes(host) == []
    words = ("instance", "create", "web1", "--project", "demo", "--network", "second")
    for _ in range(2):
        netconsole(host, *words)
        assert scopes(host) == ["link"]
        netconsole(host, "instance", "delete", "web1")
        assert scopes(host) == []


def test_what_was_cut_off_takes_it_back(host: PrivateHost) -> None:
    """A network that could not be made leaves no address."""
    configure(host)
    host.write("/run/broken", "#!/bin/sh\nexit 3\n")
    host.run("chmod", "+x", "/run/broken")
    dnsmasq = host.run("sh", "-c", "command -v dnsmasq").stdout.strip()
    host.run("mount", "--bind", "/run/broken", dnsmasq)
    failed = host.run("netconsole", *CREATE, "--bridge", "br100", check=False)
    assert failed.returncode != 0, "its dnsmasq does not start"
    assert scopes(host) == []


@pytest.mark.requires("curl", "udhcpc")
@pytest.mark.parametrize("more", [(), ("metadata_host = 127.0.0.1",)], ids=["translated", "own"])
def test_a_guest_that_takes_it_for_a_neighbours_is_answered(
    host: PrivateHost, more: tuple[str, ...]
) -> None:
    """As zeroconf has it (RFC 3927): 169.254.0.0/16 is on the link, and ARP asks who has it."""
    create_network(host, *more)
    boot(host, "web1")
    service = serve(host)
    host.run("ip", "-n", "web1", "route", "add", "169.254.0.0/16", "dev", "eth0")
    assert ask(host, "web1", HOSTNAME).body.startswith("web1")
    host.run("ip", "-n", "web1", "neighbour", "flush", "dev", "eth0")
    host.run("ip", "address", "del", ADDRESS, "dev", "lo")
    assert ask(host, "web1", HOSTNAME, "-m", "3").status == 0, "nobody answers for it"
    stop(host, service)


@pytest.mark.requires("curl", "udhcpc")
def test_the_host_itself_is_told_nothing(host: PrivateHost) -> None:
    """It is no guest. Where the service listens at an address it is heard, and told 404."""
    create_network(host, "metadata_listen = 0.0.0.0")
    service = serve(host)
    assert ask(host, None, "/openstack").status == 0
    for path in ("/", "/openstack", HOSTNAME):
        assert ask(host, None, path, at="http://169.254.169.254:8775").status == 404
    assert "unforeseen" not in stop(host, service)
