"""A network with IPv6 makes its host a router, which goes on hearing of its own router."""

import json

import pytest
from cloud import configure, netconsole
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


@pytest.mark.parametrize("card", ["eth0", "br100"])
def test_the_default_route_of_an_advertisement_stays(host: PrivateHost, card: str) -> None:
    host.outside("ip", "address", "add", "2001:db8::1/64", "dev", "eth0")
    advertise = (
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--enable-ra"),
        *("--user=root", "--leasefile-ro", "--pid-file=", "--interface=eth0"),
        *("--dhcp-range=2001:db8::,ra-only", "--ra-param=eth0,4,1800"),
    )
    host.spawn("ip", "netns", "exec", "outside", *advertise)
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
