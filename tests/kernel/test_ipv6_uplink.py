"""A network with IPv6 makes its host a router, which goes on hearing of its own router."""

import json

import pytest
from cloud import configure, netconsole
from lab_faults import examined
from private_host import PrivateHost, eventually

CREATE = (
    *("network", "create", "vmnet", "--bridge", "br100"),
    *("--fixed-range-v4", "10.0.0.0/24", "--fixed-range-v6", "fd00:10::/64"),
)


def default_routes(host: PrivateHost) -> list[str]:
    """The interfaces of the default routes that were learnt from advertisements."""
    routes = json.loads(host.run("ip", "-json", "-6", "route", "show", "default").stdout)
    return [route["dev"] for route in routes if route["protocol"] == "ra"]


def heeded(host: PrivateHost, interface: str) -> str:
    return host.run("sysctl", "-n", f"net.ipv6.conf.{interface}.accept_ra").stdout.strip()


def advertise(host: PrivateHost) -> None:
    """Let a router outside advertise itself, every four seconds."""
    host.outside("ip", "address", "add", "2001:db8::1/64", "dev", "eth0")
    router = (
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--enable-ra"),
        *("--user=root", "--leasefile-ro", "--pid-file=", "--interface=eth0"),
        *("--dhcp-range=2001:db8::,ra-only", "--ra-param=eth0,4,1800"),
    )
    host.spawn("ip", "netns", "exec", "outside", *router)


@pytest.mark.parametrize("card", ["eth0", "br100"])
def test_the_default_route_of_an_advertisement_stays(host: PrivateHost, card: str) -> None:
    advertise(host)
    eventually(lambda: default_routes(host) == ["eth0"])
    configure(host, *(() if card == "eth0" else ("flat_interface = eth0",)))
    netconsole(host, *CREATE)
    assert heeded(host, card) == "2"
    eventually(lambda: card in default_routes(host))
    assert netconsole(host, "plan") == ""
    assert host.run("sysctl", "-n", "net.ipv6.conf.all.forwarding").stdout == "1\n"

    netconsole(host, "network", "delete", "vmnet")
    assert heeded(host, "eth0") == "1"
    assert host.run("sysctl", "-n", "net.ipv6.conf.all.forwarding").stdout == "0\n"
    eventually(lambda: default_routes(host) == ["eth0"])


@pytest.mark.parametrize("card", ["eth0", "br100"])
def test_a_router_that_advertises_later_is_heard(host: PrivateHost, card: str) -> None:
    configure(host, *(() if card == "eth0" else ("flat_interface = eth0",)))
    netconsole(host, *CREATE)
    assert heeded(host, card) == "2"
    advertise(host)
    eventually(lambda: default_routes(host) == [card])
    assert netconsole(host, "plan") == ""

    host.run("sysctl", "-q", "-w", f"net.ipv6.conf.{card}.accept_ra=1")
    assert f"net.ipv6.conf.{card}.accept_ra=2" in host.run("netconsole", "plan", check=False).stdout
    netconsole(host, "apply")

    netconsole(host, "network", "delete", "vmnet")
    assert heeded(host, "eth0") == "1"
    assert host.run("sysctl", "-n", "net.ipv6.conf.all.forwarding").stdout == "0\n"
    eventually(lambda: default_routes(host) == ["eth0"])


def test_who_wants_no_advertisements_is_left_alone(host: PrivateHost) -> None:
    configure(host)
    host.run("sysctl", "-q", "-w", "net.ipv6.conf.eth0.accept_ra=0")
    netconsole(host, *CREATE)
    assert heeded(host, "eth0") == "0"
    netconsole(host, "network", "delete", "vmnet")
    assert heeded(host, "eth0") == "0"


def test_of_a_card_that_no_option_names_the_doctor_tells(host: PrivateHost) -> None:
    peer = ("peer", "name", "eth1", "netns", "outside")
    host.run("ip", "link", "add", "eth1", "type", "veth", *peer)
    host.outside("ip", "link", "set", "eth1", "up")
    host.run("ip", "link", "set", "eth1", "up")
    host.run("ip", "address", "add", "198.51.100.2/24", "dev", "eth1")
    configure(host)
    only = ("--only", "accept_ra")
    assert examined(host, *only).findings["accept_ra"]["verdict"] == "not-applicable"

    netconsole(host, *CREATE)
    assert (heeded(host, "eth0"), heeded(host, "eth1")) == ("2", "1")
    found = examined(host, *only).findings["accept_ra"]
    assert found["verdict"] == "info"
    assert "accept_ra is 1 at eth1:" in found["because"]
    assert found["fix"] == ["sysctl -w net.ipv6.conf.eth1.accept_ra=2"]
    host.run("sh", "-c", found["fix"][0])
    assert examined(host, *only).findings["accept_ra"]["verdict"] == "ok"

    netconsole(host, "network", "delete", "vmnet")
    assert heeded(host, "eth1") == "2", "what an admin set stays"


def test_where_other_hosts_advertise_to_guests_none_is_heard(host: PrivateHost) -> None:
    configure(host, "flat_interface = eth0")
    netconsole(host, *CREATE, "--multi-host", "T")
    netconsole(host, "instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    assert heeded(host, "br100") == "1"
    found = examined(host, "--only", "accept_ra").findings["accept_ra"]
    assert (found["verdict"], found["fix"]) == ("info", None)
    assert "dev br100" in found["remedy"]
