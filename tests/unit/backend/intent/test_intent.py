"""What a host should hold, from what the store says."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from core_samples import (
    FIXED,
    FLOATING,
    HOST,
    NETWORKS_PATH,
    OF_METADATA,
    fixed_ip,
    floating_ip,
    instance,
    mac,
    network,
    options,
    port,
    records,
    wanted,
)

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import intent
from netconsole.backend.intent.links import bridge_mac, host_mac
from netconsole.backend.model.hoststate import Address, File, Observed, Wanted, WantedLink
from netconsole.backend.model.records import Network, Records
from netconsole.backend.plan import plan

BASE = f"{NETWORKS_PATH}/nova-br100"


def test_without_a_network_a_host_holds_nothing_of_ours() -> None:
    found = Records(former_sysctls={"net.ipv4.ip_forward": "0"})

    assert wanted(found) == Wanted(
        sysctls={"net.ipv4.ip_forward": "0"},
        networks_path=NETWORKS_PATH,
        released=frozenset({OF_METADATA}),
    )


def test_a_network_wants_forwarding_a_bridge_and_an_address() -> None:
    state = wanted(Records(networks=(network(mtu=1450),)))

    no_router_among_guests = {"net.ipv6.conf.br100.accept_ra": "0"}
    assert state.sysctls == {"net.ipv4.ip_forward": "1", **no_router_among_guests}
    assert state.links == {
        "br100": WantedLink(
            "br100",
            "bridge",
            up=True,
            mac=bridge_mac(network()),
            mtu=1450,
            alias=f"netconsole:network:{network().uuid}",
            forward_delay=0,
            nf_call_iptables=True,
        )
    }
    assert state.links["br100"].ours
    gateway, of_metadata = state.addresses
    assert of_metadata == OF_METADATA
    assert (gateway.interface, gateway.address, gateway.broadcast) == (
        "br100",
        "10.0.0.1/24",
        "10.0.0.255",
    )


@pytest.mark.parametrize(
    ("found", "settings"),
    [
        (Records(), options()),
        (Records(networks=(replace(network(), host="elsewhere"),)), options()),
        (Records(networks=(network(),)), replace(options(), metadata_host=None)),
    ],
    ids=["no network", "another host's", "no metadata_host"],
)
def test_who_leads_nobody_to_metadata_does_not_have_its_address(
    found: Records, settings: Options
) -> None:
    state = intent(found, settings)
    assert OF_METADATA not in state.addresses
    assert OF_METADATA in state.released
    assert not [line for rules in state.chains.values() for line in rules if "169.254" in line.spec]


def test_a_network_wants_a_dnsmasq_with_its_files() -> None:
    state = wanted(Records(networks=(network(),)))

    assert [server.bridge for server in state.dnsmasq] == ["br100"]
    assert state.files == {f"{BASE}.opts": File("3,10.0.0.1\n")}
    assert state.directories == {f"{BASE}.hosts"}
    assert state.dhcp_hosts == {}


def test_the_bridge_holds_the_dhcp_servers_address_not_the_routers() -> None:
    external = replace(network(), gateway="10.0.0.254")
    state = wanted(Records(networks=(external,)))

    assert _on_links(state) == ["10.0.0.1/24"]
    assert state.files[f"{BASE}.opts"] == File("3,10.0.0.254\n")


def _on_links(state: Wanted) -> list[str]:
    """The addresses, without that of the metadata service, which every host has that serves one."""
    return [each.address for each in state.addresses if each != OF_METADATA]


def _is_bare(only: Network) -> bool:
    state = wanted(Records(networks=(only,)))
    assert set(state.links) == {"br100"}
    return not (state.dnsmasq or state.files or state.directories)


def test_a_network_without_dhcp_wants_no_dnsmasq() -> None:
    assert _is_bare(replace(network(), enable_dhcp=False))
    assert _is_bare(replace(network(), dhcp_server=None))


def test_a_network_that_another_host_serves_gets_a_bridge_for_our_instances_and_no_more() -> None:
    elsewhere = replace(network(1), host="elsewhere")
    both = Records(
        networks=(network(), elsewhere),
        instances=(instance(0), instance(1)),
        ports=(port(0, 1), port(1, 2)),
        fixed_ips=(fixed_ip(0), fixed_ip(1, network_id=2)),
        floating_ips=(floating_ip(10, 100), floating_ip(11, 201)),
    )
    state = wanted(both)

    assert set(state.links) == {"br100", "tap0", "br101", "veth1"}
    assert _on_links(state) == ["10.0.0.1/24", f"{FLOATING}/32"]
    assert [server.bridge for server in state.dnsmasq] == ["br100"]
    assert not any("203.0.113.11" in rule.spec for held in state.chains.values() for rule in held)


def test_a_port_hangs_on_its_bridge_under_a_mac_address_of_the_hosts() -> None:
    """A guest's own address on the host's end would make the bridge keep its frames."""
    state = wanted(records(2))

    assert state.links["tap0"] == WantedLink(
        "tap0",
        "tap",
        mac="fe:16:3e:00:00:00",
        master="br100",
        alias="netconsole:port:port-0",
        hairpin=True,
    )
    veth = state.links["veth1"]
    assert (veth.kind, veth.peer, veth.peer_mac, veth.mac) == (
        "veth",
        "peer1",
        mac(1),
        host_mac(port(1)),
    )


def test_a_port_of_nobody_is_not_wanted() -> None:
    found = records(2)

    assert "tap0" not in wanted(replace(found, instances=found.instances[1:])).links


def test_an_allocated_address_has_its_host_file_and_no_other() -> None:
    found = replace(records(2), fixed_ips=(fixed_ip(0), fixed_ip(1, allocated=False, leased=True)))

    assert wanted(found).dhcp_hosts == {
        f"{BASE}.hosts/fa-16-3e-00-00-00": File("fa:16:3e:00:00:00,web0.novalocal,10.0.0.3\n")
    }


def test_of_two_addresses_of_a_port_dnsmasq_gives_the_first() -> None:
    second = replace(fixed_ip(0, address="10.0.0.77"), id=177)
    found = replace(records(1), fixed_ips=(fixed_ip(0), second))

    assert [file.content.split(",")[2] for file in wanted(found).dhcp_hosts.values()] == [
        f"{FIXED}\n"
    ]


def test_a_floating_address_in_use_is_wanted_and_an_idle_one_released() -> None:
    state = wanted(records(1))

    assert Address("eth0", f"{FLOATING}/32") in state.addresses
    assert state.released == {Address("eth0", "203.0.113.11/32")}


def test_a_floating_address_on_no_interface_has_rules_only() -> None:
    found = replace(records(1), floating_ips=(floating_ip(10, 100, interface=""),))
    state = intent(found, options(public_interface=""))

    assert _on_links(state) == ["10.0.0.1/24"]
    assert any(FLOATING in rule.spec for held in state.chains.values() for rule in held)


@pytest.mark.parametrize(
    ("public", "used", "left"), [("eth0", "eth0", {"eth7"}), ("", "eth7", set())]
)
def test_the_public_interface_comes_before_that_of_a_range(
    public: str, used: str, left: set[str]
) -> None:
    """Where an address was put under other options it is taken off."""
    found = replace(records(1), floating_ips=(floating_ip(10, 100, interface="eth7"),))
    state = intent(found, options(public_interface=public))
    place = f"{FLOATING}/32"

    assert [each.interface for each in state.addresses if each.address == place] == [used]
    assert {each.interface for each in state.released} == left
    rules = [rule.spec for held in state.chains.values() for rule in held]
    assert any(f"-o {used} -j SNAT --to-source {FLOATING}" in rule for rule in rules)


def test_only_the_first_port_of_an_instance_is_told_a_router_when_so_configured() -> None:
    """The order is that of the ports, whatever that of the networks is."""
    found = replace(
        records(1),
        networks=(network(), network(1)),
        ports=(port(0, network_id=2), replace(port(1), instance_uuid="instance-0")),
        fixed_ips=(
            replace(fixed_ip(0), port_id=2, mac=mac(1)),
            replace(fixed_ip(0, network_id=2), port_id=1),
        ),
    )
    single = intent(found, options(use_single_default_gateway=True))

    tagged = f"--dhcp-mac=set:_NW-later,{mac(1)}"
    assert [tagged in server.argv for server in single.dnsmasq] == [True, False]
    assert [tagged in server.argv for server in intent(found, options()).dnsmasq] == [False] * 2
    assert {file.content for file in single.dhcp_hosts.values()} == {
        f"{mac(1)},web0.novalocal,10.0.0.3\n",
        f"{mac(0)},web0.novalocal,10.0.1.3\n",
    }
    assert single.files[f"{NETWORKS_PATH}/nova-br100.opts"].content == (
        "3,10.0.0.1\ntag:_NW-later,3\n"
    )


def test_a_ports_first_address_is_the_one_that_dhcp_hands_out() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    added = replace(fixed_ip(0), id=99, address="10.0.0.2", allocated_at=late)
    found = replace(records(1), fixed_ips=(added, replace(fixed_ip(0), allocated_at=early)))

    assert [file.content for file in intent(found, options()).dhcp_hosts.values()] == [
        f"{mac(0)},web0.novalocal,10.0.0.3\n"
    ]


def test_the_wish_to_release_leases_is_carried_along() -> None:
    assert intent(records(), options()).release_leases
    assert not intent(records(), options(force_dhcp_release=False)).release_leases


def test_what_a_change_released_is_added_to_the_idle() -> None:
    gateway = Address("br100", "10.0.0.1/24")

    assert gateway in wanted(records(1), frozenset({gateway})).released
    assert Address("eth0", "203.0.113.11/32") in wanted(records(1), frozenset({gateway})).released


def test_a_bridges_mac_address_is_its_own_for_good() -> None:
    """It must not follow the ports: guests would lose their gateway."""
    one, same, other = network(), replace(network(), label="renamed"), network(1)

    assert bridge_mac(one) == bridge_mac(same) != bridge_mac(other)
    assert bridge_mac(one).startswith("fa:16:3e:")
    assert len(bridge_mac(one)) == 17
    assert one.host == HOST


@pytest.mark.parametrize(
    ("send", "count", "told"), [(True, 3, 3), (True, 0, 0), (False, 3, 0)], ids=str
)
def test_the_neighbours_are_told_as_often_as_the_options_say(
    send: bool, count: int, told: int
) -> None:
    settings = replace(options(), send_arp_for_ha=send, send_arp_for_ha_count=count)
    state = intent(records(1, floating=True), settings)
    told_of = {each for each in state.addresses if each.interface != "lo"}
    assert {address.announcements for address in told_of} == {told}
    commands = plan(Observed(), state).commands
    announced = [command for command in commands if command.startswith("arping")]
    assert announced == (
        [f"arping -U -c {told} -I br100 10.0.0.1", f"arping -U -c {told} -I eth0 {FLOATING}"]
        if told
        else []
    )
