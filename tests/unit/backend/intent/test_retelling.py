"""What a host says again of an instance: of its own networks, and of nobody else's."""

from dataclasses import replace

from core_samples import fixed_ip, floating_ip, instance, network, options, port, records

from netconsole.backend.intent.retelling import retelling
from netconsole.backend.model.records import Records
from netconsole.backend.steps import AnnounceAddress, ReloadDnsmasq

PID_FILE = "/var/lib/netconsole/networks/nova-br100.pid"
RELOAD = ReloadDnsmasq("br100", PID_FILE)
GATEWAY = AnnounceAddress("br100", "10.0.0.1", 3)
FLOATING = AnnounceAddress("eth0", "203.0.113.10", 3)


def steps(found: Records, number: int = 0, **more: object) -> tuple[object, ...]:
    return retelling(instance(number), found, replace(options(), **more)).steps  # type: ignore[arg-type]  # names of options


def test_dnsmasq_the_gateway_and_the_floating_addresses_of_the_instance() -> None:
    assert steps(records(2)) == (RELOAD, GATEWAY, FLOATING)
    assert steps(records(2), 1) == (RELOAD, GATEWAY), "the floating address is another's"


def test_only_of_the_networks_that_it_is_on() -> None:
    two = replace(
        records(),
        networks=(network(), network(1)),
        instances=(instance(), instance(1)),
        ports=(port(), port(1, network_id=2)),
        fixed_ips=(fixed_ip(), fixed_ip(1, network_id=2)),
        floating_ips=(floating_ip(10, 100), floating_ip(11, 201)),
    )
    assert steps(two) == (RELOAD, GATEWAY, FLOATING)


def test_without_dhcp_the_gateway_alone_and_a_floating_address_on_no_interface_is_not_told() -> (
    None
):
    bare = replace(records(), networks=(replace(network(), enable_dhcp=False),))
    assert steps(bare) == (GATEWAY, FLOATING)
    nowhere = replace(records(), floating_ips=(floating_ip(10, 100, interface=""),))
    assert steps(nowhere, public_interface="") == (RELOAD, GATEWAY)


def test_an_ipv6_gateway_is_not_told_by_arp() -> None:
    both = replace(network(), cidr_v6="fd00::/64", gateway_v6="fd00::1")
    assert steps(replace(records(), networks=(both,))) == (RELOAD, GATEWAY, FLOATING)


def test_nothing_of_what_this_host_does_not_serve() -> None:
    elsewhere = replace(records(), networks=(replace(network(), host="other"),))
    assert steps(elsewhere) == ()
    assert steps(records(), network_manager="nova.network.manager.FlatManager") == ()
    assert steps(records(), l3_lib="nova.network.l3.NullL3") == ()
    many = replace(network(), multi_host=True, share_address=True, host=None)
    there = replace(instance(), host="other")
    found = replace(records(), networks=(many,), instances=(there,))
    assert steps(found) == (), "each host is the gateway of its own instances"
