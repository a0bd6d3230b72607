"""The interfaces file that is injected into a guest: nova's template, to the letter."""

from dataclasses import replace

import pytest
from core_samples import options
from injection_samples import flat_options, on_network, view

from netconsole.backend.injection.template import text
from netconsole.backend.model.errors import Conflict

HEAD = """\
# Injected by Nova on instance boot
#
# This file describes the network interfaces available on your system
# and how to activate them. For more information, see interfaces(5).

# The loopback network interface
auto lo
iface lo inet loopback
"""
ETH0 = """
auto eth0
iface eth0 inet static
    hwaddress ether fa:16:3e:00:00:00
    address 10.0.0.3
    netmask 255.255.255.0
    broadcast 10.0.0.255
    gateway 10.0.0.1
    dns-nameservers 8.8.4.4 192.0.2.53
"""
ETH1 = """
auto eth1
iface eth1 inet static
    hwaddress ether fa:16:3e:00:00:01
    address 10.0.1.4
    netmask 255.255.255.0
    broadcast 10.0.1.255
    gateway 10.0.1.1
    dns-nameservers 8.8.4.4 192.0.2.53
"""


def test_one_interface() -> None:
    assert text(view(), flat_options()) == HEAD + ETH0


def test_an_interface_for_each_network() -> None:
    assert text(view(2), flat_options()) == HEAD + ETH0 + ETH1


def test_a_line_without_a_value_is_left_out() -> None:
    bare = on_network(view(), 0, gateway=None, dns1=None, dns2=None)
    kept = [line for line in ETH0.splitlines(keepends=True) if "gateway" not in line]
    assert text(bare, flat_options()) == HEAD + "".join(kept[:-1])


def test_the_default_route_is_the_first_interface_s_alone_when_so_configured() -> None:
    assert text(view(2), flat_options(single_gateway=True)) == HEAD + ETH0 + ETH1.replace(
        "    gateway 10.0.1.1\n", ""
    )


def test_the_counter_goes_on_over_an_interface_that_is_left_to_the_guest() -> None:
    second_only = on_network(view(2), 1, injected=True)
    assert text(second_only, flat_options(injected=False)) == HEAD + ETH1


def test_an_address_that_only_its_lease_still_holds_is_not_written() -> None:
    seen = view(2)
    first = replace(seen.ports[0].fixed_ips[0], allocated=False)
    ports = (replace(seen.ports[0], fixed_ips=(first,)), seen.ports[1])
    assert text(replace(seen, ports=ports), flat_options()) == HEAD + ETH1


def test_nothing_to_inject_says_why() -> None:
    with pytest.raises(Conflict, match="'vmnet' hands its addresses out by DHCP"):
        text(view(), replace(options(), flat_injected=True))
    with pytest.raises(Conflict, match="set flat_injected = True"):
        text(view(), flat_options(injected=False))
    with pytest.raises(Conflict, match="no address"):
        text(view(0), flat_options())


def test_a_network_without_dhcp_is_written_whatever_the_manager() -> None:
    without = on_network(view(), 0, enable_dhcp=False, injected=True)
    assert text(without, options()) == HEAD + ETH0


def test_a_network_with_an_ipv6_range_has_a_stanza_more() -> None:
    both = on_network(
        view(),
        0,
        cidr_v6="fd00:7::/64",
        gateway_v6="fd00:7::1",
        netmask_v6="ffff:ffff:ffff:ffff::",
        dns2="fd00:7::53",
    )
    assert (
        text(both, flat_options())
        == HEAD
        + ETH0.replace(" 192.0.2.53", "")
        + """\
iface eth0 inet6 static
    hwaddress ether fa:16:3e:00:00:00
    address fd00:7::f816:3eff:fe00:0
    netmask 64
    gateway fd00:7::1
    dns-nameservers fd00:7::53
"""
    )
