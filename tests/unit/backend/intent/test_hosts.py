"""What each of several hosts should hold of the same records: one gateway, or one on every host."""

from dataclasses import replace

import pytest
from core_samples import FLOATING, fixed_ip, floating_ip, instance, network, options, port

from netconsole.backend.intent import intent
from netconsole.backend.model.hoststate import Wanted
from netconsole.backend.model.records import FixedIP, Network, Records

GATEWAY, FIRST, SECOND, IDLE = "gateway", "first", "second", "idle"
FLATDHCP = "nova.network.manager.FlatDHCPManager"
VLAN = "nova.network.manager.VlanManager"


def cloud(shape: Network, host_addresses: tuple[FixedIP, ...] = ()) -> Records:
    """A network with an instance on the first and on the second host; the first has a float."""
    return Records(
        networks=(shape,),
        instances=(replace(instance(0), host=FIRST), replace(instance(1), host=SECOND)),
        ports=(port(0), port(1)),
        fixed_ips=(fixed_ip(0), fixed_ip(1)),
        floating_ips=(replace(floating_ip(10, fixed_ip(0).id), address=FLOATING),),
        host_addresses=host_addresses,
    )


def on(host: str, records: Records, manager: str = FLATDHCP) -> Wanted:
    return intent(
        records,
        replace(options(), host=host, network_manager=manager, vlan_interface="eth1"),
    )


def on_bridge(state: Wanted) -> list[str]:
    return [address.address for address in state.addresses if address.interface == "br100"]


class TestOneGateway:
    records = cloud(replace(network(), host=GATEWAY))

    def test_the_gateway_serves_every_instance_and_has_no_port(self) -> None:
        state = on(GATEWAY, self.records)
        assert set(state.links) == {"br100"}
        assert on_bridge(state) == ["10.0.0.1/24"]
        assert len(state.dhcp_hosts) == 2
        assert any(FLOATING in address.address for address in state.addresses)
        assert state.sysctls["net.ipv4.ip_forward"] == "1"

    @pytest.mark.parametrize(("host", "device"), [(FIRST, "tap0"), (SECOND, "veth1")])
    def test_a_compute_host_has_a_bridge_and_its_port_and_no_more(
        self, host: str, device: str
    ) -> None:
        state = on(host, self.records)
        assert set(state.links) == {"br100", device}
        assert (state.addresses, state.dnsmasq, state.dhcp_hosts) == ((), (), {})
        assert {key.table for key in state.chains} == {"filter"}
        assert state.sysctls == {
            "net.ipv6.conf.br100.accept_ra": "0",
            f"net.ipv6.conf.{device}.disable_ipv6": "1",
        }

    def test_a_host_without_instances_has_nothing(self) -> None:
        state = on(IDLE, self.records)
        assert (state.links, state.addresses, state.chains, state.dnsmasq) == ({}, (), {}, ())


class TestAGatewayOnEveryHost:
    shape = replace(network(), host=None, multi_host=True)
    own = (
        FixedIP(id=90, address="10.0.0.90", network_id=1, host=FIRST),
        FixedIP(id=91, address="10.0.0.91", network_id=1, host=SECOND),
    )
    records = cloud(shape, own)

    @pytest.mark.parametrize(
        ("host", "address", "guest"),
        [(FIRST, "10.0.0.90", 0), (SECOND, "10.0.0.91", 1)],
    )
    def test_each_serves_its_own_instance_by_its_own_address(
        self, host: str, address: str, guest: int
    ) -> None:
        state = on(host, self.records)
        assert on_bridge(state) == [f"{address}/24"]
        (server,) = state.dnsmasq
        assert f"--listen-address={address}" in server.argv
        (options_file,) = state.files.values()
        assert options_file.content == f"3,{address}\n"
        (entry,) = state.dhcp_hosts.values()
        assert entry.content.endswith(f",{fixed_ip(guest).address}\n")

    def test_a_floating_address_is_where_its_instance_is(self) -> None:
        carried = f"{FLOATING}/32"
        assert carried in [address.address for address in on(FIRST, self.records).addresses]
        elsewhere = on(SECOND, self.records)
        assert carried not in [address.address for address in elsewhere.addresses]
        assert carried in [address.address for address in elsewhere.released]

    def test_a_host_without_an_address_of_its_own_yet_has_only_the_bridge(self) -> None:
        state = on(FIRST, cloud(self.shape))
        assert set(state.links) == {"br100", "tap0"}
        assert (on_bridge(state), state.dnsmasq, state.dhcp_hosts) == ([], (), {})

    def test_sharing_hosts_all_have_the_dhcp_servers_address(self) -> None:
        records = cloud(replace(self.shape, share_address=True))
        for host in (FIRST, SECOND):
            assert on_bridge(on(host, records)) == ["10.0.0.1/24"]

    def test_a_host_without_instances_has_nothing(self) -> None:
        assert on(IDLE, self.records).links == {}


class TestVlans:
    shape = replace(network(), host=GATEWAY, vlan=100)

    def test_nothing_before_the_first_instance(self) -> None:
        state = on(GATEWAY, Records(networks=(self.shape,)), VLAN)
        assert (state.links, state.addresses, state.chains, state.dnsmasq) == ({}, (), {}, ())

    @pytest.mark.parametrize("host", [GATEWAY, FIRST])
    def test_the_bridge_hangs_on_a_vlan_device_of_the_interface(self, host: str) -> None:
        links = on(host, cloud(self.shape), VLAN).links
        device = links["vlan100"]
        assert (device.kind, device.parent, device.vlan) == ("vlan", "eth1", 100)
        assert device.master == "br100"
        assert device.mac != links["br100"].mac
        assert (links["eth1"].up, links["eth1"].master) == (True, None)

    def test_only_the_gateway_answers(self) -> None:
        assert on_bridge(on(GATEWAY, cloud(self.shape), VLAN)) == ["10.0.0.1/24"]
        assert on_bridge(on(FIRST, cloud(self.shape), VLAN)) == []


class TestTheFenceAroundASharedAddress:
    shape = replace(network(), host=None, multi_host=True, share_address=True)

    def fenced(self, manager: str) -> dict[str, list[str]]:
        state = on(FIRST, cloud(replace(self.shape, bridge_interface="eth1", vlan=100)), manager)
        return {
            key.chain: [rule.spec for rule in held]
            for key, held in state.chains.items()
            if key.family == "bridge"
        }

    @pytest.mark.parametrize(("manager", "uplink"), [(FLATDHCP, "eth1"), (VLAN, "vlan100")])
    def test_it_stands_at_the_interface_to_the_other_hosts(self, manager: str, uplink: str) -> None:
        dhcp = "--ip-proto udp --ip-dport 67:68 -j DROP"
        assert self.fenced(manager) == {
            "INPUT": ["-j nova-network-INPUT"],
            "FORWARD": ["-j nova-network-FORWARD"],
            "OUTPUT": ["-j nova-network-OUTPUT"],
            "nova-network-INPUT": [f"-p ARP -i {uplink} --arp-ip-dst 10.0.0.1 -j DROP"],
            "nova-network-OUTPUT": [f"-p ARP -o {uplink} --arp-ip-src 10.0.0.1 -j DROP"],
            "nova-network-FORWARD": [f"-p IPv4 -i {uplink} {dhcp}", f"-p IPv4 -o {uplink} {dhcp}"],
        }

    def test_there_is_none_around_an_address_that_is_not_shared(self) -> None:
        state = on(FIRST, TestAGatewayOnEveryHost.records)
        assert not [key for key in state.chains if key.family == "bridge"]
