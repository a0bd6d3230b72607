"""A guest that says it is a router: the host has no route by it, and its ports have no IPv6."""

import json

import pytest
from cloud import answer, boot, configure, netconsole
from private_host import PrivateHost, eventually

NETWORK = ("network", "create", "vmnet", "--bridge", "br100", "--fixed-range-v4", "10.0.0.0/24")
IPV6 = ("--fixed-range-v6", "fd00:10::/64")

ADVERTISE = """
from scapy.all import *
own = get_if_hwaddr("eth0")
for destination in ("33:33:00:00:00:01", "01:80:c2:00:00:0e"):
    frame = Ether(src=own, dst=destination) / IPv6(src="fe80::bad", dst="ff02::1", hlim=255)
    offer = ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::")
    sendp(frame / offer / ICMPv6NDOptSrcLLAddr(lladdr=own), iface="eth0", verbose=False)
"""


def learnt(host: PrivateHost) -> list[str]:
    """The interfaces by which the host has routes of advertisements."""
    routes = json.loads(host.run("ip", "-json", "-6", "route", "show", "table", "all").stdout)
    return [route["dev"] for route in routes if route.get("protocol") == "ra"]


def setting(host: PrivateHost, interface: str, name: str) -> str:
    return host.run("sysctl", "-n", f"net.ipv6.conf.{interface}.{name}").stdout.strip()


def advertise(host: PrivateHost) -> None:
    """Send what a router would from inside the guest, and see that the bridge has had it."""

    def heard() -> int:
        told = host.run("ip", "-json", "-statistics", "link", "show", "dev", "br100").stdout
        received: int = json.loads(told)[0]["stats64"]["rx"]["packets"]
        return received

    before = heard()
    host.run("ip", "netns", "exec", "web1", "python3", "-c", ADVERTISE)
    eventually(lambda: heard() > before)


@pytest.mark.requires("root")
@pytest.mark.parametrize("more", [(), IPV6], ids=["ipv4", "ipv6"])
def test_a_guest_that_advertises_is_no_router_of_the_host(
    host: PrivateHost, more: tuple[str, ...]
) -> None:
    configure(host)
    netconsole(host, *NETWORK, *more)
    boot(host, "web1")
    (port,) = answer(host, "instance", "show", "web1")["ports"]
    device = port["port"]["device"]
    assert setting(host, device, "disable_ipv6") == "1"
    assert setting(host, "br100", "accept_ra") == "0"
    netconsole(host, "instance", "unguard", "web1")
    advertise(host)
    assert learnt(host) == []
    assert host.run("ip", "-6", "address", "show", "dev", device).stdout == ""

    host.run("sysctl", "-q", "-w", "net.ipv6.conf.br100.accept_ra=2")
    host.run("sysctl", "-q", "-w", f"net.ipv6.conf.{device}.disable_ipv6=0")
    advertise(host)
    eventually(lambda: "br100" in learnt(host))
    shown = host.run("netconsole", "plan", check=False).stdout
    assert "sysctl -w net.ipv6.conf.br100.accept_ra=0" in shown
    assert f"sysctl -w net.ipv6.conf.{device}.disable_ipv6=1" in shown
    assert "2001:db8:bad:" in host.run("ip", "-6", "address", "show", "dev", "br100").stdout
    netconsole(host, "apply")
    assert learnt(host) == []
    assert "2001:db8:bad:" not in host.run("ip", "-6", "address").stdout
    assert (setting(host, "br100", "accept_ra"), setting(host, device, "disable_ipv6")) == (
        "0",
        "1",
    )
