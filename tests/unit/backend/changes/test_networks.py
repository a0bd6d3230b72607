"""Networks as they are made: as nova makes them, and among those there are."""

from dataclasses import replace

import pytest
from network_samples import FLAT, FLAT_DHCP, RANGE, VLAN, create, one
from sqlalchemy import Connection

from netconsole.backend.changes.floating import CreateFloating
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.model.errors import Conflict, Exhausted, InvalidValue
from netconsole.backend.model.records import Network
from netconsole.backend.store import fixed_ips, networks


def reserved(connection: Connection, network: Network) -> list[str]:
    return [row.address for row in fixed_ips.of_network(connection, network.id) if row.reserved]


class TestCreating:
    def test_a_flat_dhcp_network_is_novas(self, connection: Connection) -> None:
        network = one(connection, CreateNetwork("vmnet", RANGE))

        assert network == Network(
            id=network.id,
            uuid=network.uuid,
            label="vmnet",
            cidr=RANGE,
            netmask="255.255.255.0",
            broadcast="10.0.0.255",
            gateway="10.0.0.1",
            dhcp_server="10.0.0.1",
            dhcp_start="10.0.0.2",
            bridge="br100",
            dns1="8.8.4.4",
            host="here",
            manager="flatdhcp",
        )
        assert networks.every(connection) == (network,)
        assert len(fixed_ips.of_network(connection, network.id)) == 256
        assert reserved(connection, network) == ["10.0.0.0", "10.0.0.1", "10.0.0.255"]

    def test_three_vlans_of_sixteen_are_novas(self, connection: Connection) -> None:
        change = CreateNetwork("net", "10.0.0.0/8", num_networks=3, network_size=16)
        made = create(connection, change, VLAN)

        assert [
            (
                each.label,
                each.cidr,
                each.vlan,
                each.bridge,
                each.bridge_interface,
                each.vpn_public_port,
                each.vpn_private_address,
                each.dhcp_start,
            )
            for each in made
        ] == [
            ("net_0", "10.0.0.0/28", 100, "br100", "eth1", 1000, "10.0.0.2", "10.0.0.3"),
            ("net_1", "10.0.0.16/28", 101, "br101", "eth1", 1001, "10.0.0.18", "10.0.0.19"),
            ("net_2", "10.0.0.32/28", 102, "br102", "eth1", 1002, "10.0.0.34", "10.0.0.35"),
        ]
        assert [len(reserved(connection, each)) for each in made] == [4, 4, 4]

    def test_a_floating_address_is_in_no_network(self, connection: Connection) -> None:
        CreateFloating("10.0.0.64/30").write(connection, FLAT_DHCP)
        with pytest.raises(Conflict, match=r"10\.0\.0\.0/24 holds .* address 10\.0\.0\.65"):
            create(connection, CreateNetwork("vmnet", RANGE))
        assert networks.every(connection) == ()
        one(connection, CreateNetwork("vmnet", "10.0.1.0/24"))

    def test_more_of_them_go_on_where_these_end(self, connection: Connection) -> None:
        first = CreateNetwork("net", "10.0.0.0/8", num_networks=3, network_size=16)
        create(connection, first, VLAN)
        more = create(connection, replace(first, label="more", num_networks=2), VLAN)

        assert [(each.cidr, each.vlan, each.vpn_public_port) for each in more] == [
            ("10.0.0.48/28", 103, 1003),
            ("10.0.0.64/28", 104, 1004),
        ]

    def test_every_argument_reaches_its_column(self, connection: Connection) -> None:
        network = one(
            connection,
            CreateNetwork(
                label="vmnet",
                fixed_range_v4=RANGE,
                bridge="br7",
                gateway="10.0.0.254",
                dhcp_server="10.0.0.2",
                dns1="192.0.2.53",
                dns2="192.0.2.54",
                mtu=1450,
                bridge_interface="eth7",
                fixed_range_v6="fd00::/48",
                fixed_cidr="10.0.0.64/26",
                multi_host=True,
                share_address=True,
                enable_dhcp=False,
                project_id="demo",
                priority=3,
                uuid="f5b2c1d8-1f5e-4b58-9f53-2f8f1b9a7c11",
            ),
        )

        assert network == Network(
            id=network.id,
            uuid="f5b2c1d8-1f5e-4b58-9f53-2f8f1b9a7c11",
            label="vmnet",
            cidr=RANGE,
            netmask="255.255.255.0",
            broadcast="10.0.0.255",
            gateway="10.0.0.254",
            dhcp_server="10.0.0.2",
            dhcp_start="10.0.0.1",
            bridge="br7",
            bridge_interface="eth7",
            dns1="192.0.2.53",
            dns2="192.0.2.54",
            mtu=1450,
            multi_host=True,
            share_address=True,
            enable_dhcp=False,
            project_id="demo",
            priority=3,
            host=None,
            cidr_v6="fd00::/64",
            gateway_v6="fd00::1",
            netmask_v6="ffff:ffff:ffff:ffff::",
            manager="flatdhcp",
        )

    def test_options_say_what_is_not_given(self, connection: Connection) -> None:
        options = replace(
            FLAT_DHCP,
            num_networks=2,
            network_size=64,
            flat_interface="eth1",
            multi_host=True,
            share_dhcp_address=True,
        )
        with pytest.raises(Conflict, match="interface eth1 is in bridge br100"):
            create(connection, CreateNetwork("net", RANGE), options)
        made = create(
            connection, CreateNetwork("net", RANGE), replace(options, flat_interface=None)
        )

        assert [(each.cidr, each.bridge) for each in made] == [
            ("10.0.0.0/26", "br100"),
            ("10.0.0.64/26", "br101"),
        ]
        assert all(each.multi_host and each.share_address for each in made)

    def test_one_network_takes_the_whole_range(self, connection: Connection) -> None:
        assert one(connection, CreateNetwork("net", "10.0.0.0/22")).cidr == "10.0.0.0/22"

    def test_several_share_a_range_that_is_no_larger(self, connection: Connection) -> None:
        made = create(connection, CreateNetwork("net", RANGE, num_networks=3))

        assert [each.cidr for each in made] == ["10.0.0.0/26", "10.0.0.64/26", "10.0.0.128/26"]

    def test_each_has_its_ipv6_range(self, connection: Connection) -> None:
        made = create(
            connection, CreateNetwork("net", RANGE, num_networks=2, fixed_range_v6="fd00::/48")
        )
        more = one(connection, CreateNetwork("more", "10.1.0.0/24", fixed_range_v6="fd00::/48"))

        assert [(each.cidr_v6, each.gateway_v6) for each in (*made, more)] == [
            ("fd00::/64", "fd00::1"),
            ("fd00:0:0:1::/64", "fd00:0:0:1::1"),
            ("fd00:0:0:2::/64", "fd00:0:0:2::1"),
        ]

    def test_the_guides_two_networks_of_a_project(self, connection: Connection) -> None:
        for options in (FLAT_DHCP, VLAN):
            first = one(
                connection, CreateNetwork("first-net", "20.20.0.0/24", project_id="demo"), options
            )
            second = one(
                connection, CreateNetwork("second-net", "20.20.10.0/24", project_id="demo"), options
            )
            assert (first.bridge, second.bridge) == ("br100", "br101")
            assert networks.of_project(connection, "demo") == (first, second)
            networks.delete(connection, first)
            networks.delete(connection, second)

    def test_the_guides_part_outside_the_range_is_refused(self, connection: Connection) -> None:
        change = CreateNetwork("vmnet", RANGE, fixed_cidr="10.20.0.0/16", bridge="br100")

        with pytest.raises(InvalidValue) as refused:
            create(connection, change)
        assert (
            str(refused.value)
            == "fixed CIDR '10.20.0.0/16': must be an IPv4 range inside 10.0.0.0/24"
        )
        assert networks.every(connection) == ()

    def test_flat_networks_may_share_the_admins_bridge(self, connection: Connection) -> None:
        made = create(
            connection,
            CreateNetwork("net", RANGE, num_networks=2),
            replace(FLAT, flat_injected=True),
        )

        assert [(each.bridge, each.enable_dhcp, each.injected) for each in made] == [
            ("br100", False, True),
            ("br100", False, True),
        ]

    def test_it_is_one_change_whatever_the_argument(self, connection: Connection) -> None:
        assert (
            CreateNetwork("net", RANGE, bridge="br1", num_networks=2, multi_host=False).title
            == "network create net --fixed-range-v4 10.0.0.0/24 --bridge br1 --num-networks 2 "
            "--multi-host F"
        )


class TestAmongOthers:
    def test_taken_things_are_named(self, connection: Connection) -> None:
        one(connection, CreateNetwork("vmnet", RANGE))
        for change, words in (
            (CreateNetwork("vmnet", "10.1.0.0/24"), "network 'vmnet' exists already"),
            (CreateNetwork("b", "10.1.0.0/24", bridge="br100"), "br100 already carries network"),
            (CreateNetwork("b", "10.0.0.128/25"), "10.0.0.128/25 overlaps 10.0.0.0/24 of network"),
            (CreateNetwork("b", "10.0.0.0/16"), "10.0.0.0/16 overlaps 10.0.0.0/24 of network"),
        ):
            with pytest.raises(Conflict, match=words.replace(".", r"\.")):
                create(connection, change)
        assert len(networks.every(connection)) == 1

    def test_a_vlan_that_is_taken_is_refused_or_passed_over(self, connection: Connection) -> None:
        one(connection, CreateNetwork("a", RANGE, vlan=101), VLAN)
        with pytest.raises(Conflict, match="VLAN 101 belongs to network 'a'"):
            create(connection, CreateNetwork("b", "10.1.0.0/24", vlan=101), VLAN)

        assert one(connection, CreateNetwork("b", "10.1.0.0/24"), VLAN).vlan == 102
        assert one(connection, CreateNetwork("c", "10.2.0.0/24"), VLAN).vlan == 103

    def test_in_place_of_a_taken_vlan_comes_the_one_behind_the_highest(
        self, connection: Connection
    ) -> None:
        for index, number in enumerate((102, 110)):
            change = CreateNetwork(f"n{index}", f"10.{index}.0.0/24", vlan=number)
            one(connection, change, VLAN)
        made = create(connection, CreateNetwork("more", "10.9.0.0/24", num_networks=3), VLAN)

        assert [each.vlan for each in made] == [111, 103, 104]

    def test_of_several_none_gets_anothers_vlan(self, connection: Connection) -> None:
        one(connection, CreateNetwork("n", RANGE, vlan=101), VLAN)
        made = create(connection, CreateNetwork("more", "10.9.0.0/24", num_networks=2), VLAN)

        assert [each.vlan for each in made] == [102, 103]

    def test_behind_the_last_vlan_it_begins_again(self, connection: Connection) -> None:
        one(connection, CreateNetwork("a", RANGE, vlan=4094), VLAN)
        again = CreateNetwork("b", "10.1.0.0/24", vlan_start=4093)

        assert one(connection, again, VLAN).vlan == 4093
        with pytest.raises(Exhausted, match="no VLAN from 4093 on is free"):
            create(connection, replace(again, label="c", fixed_range_v4="10.2.0.0/24"), VLAN)

    def test_the_public_interface_keeps_its_vlan(self, connection: Connection) -> None:
        options = replace(VLAN, public_interface="vlan100")

        assert one(connection, CreateNetwork("a", RANGE), options).vlan == 101
        with pytest.raises(Conflict, match="VLAN 100 is that of the public interface"):
            create(connection, CreateNetwork("b", "10.1.0.0/24", vlan=100), options)

    def test_vpn_ports_are_not_given_twice(self, connection: Connection) -> None:
        made = [
            one(connection, CreateNetwork(f"n{index}", f"10.{index}.0.0/24"), VLAN)
            for index in range(3)
        ]
        networks.delete(connection, made[0])

        assert one(connection, CreateNetwork("n", "10.9.0.0/24"), VLAN).vpn_public_port == 1003

    def test_only_vlans_share_an_interface(self, connection: Connection) -> None:
        one(connection, CreateNetwork("a", RANGE, bridge_interface="eth1"))
        other = CreateNetwork("b", "10.1.0.0/24", bridge_interface="eth1")

        with pytest.raises(Conflict, match="interface eth1 is in bridge br100 of network 'a'"):
            create(connection, other)
        assert one(connection, replace(other, bridge_interface="eth2")).bridge == "br101"

    def test_a_refused_one_leaves_none_of_several(self, connection: Connection) -> None:
        one(connection, CreateNetwork("net_1", "10.9.0.0/24"))

        with pytest.raises(Conflict, match="network 'net_1' exists already"):
            create(connection, CreateNetwork("net", RANGE, num_networks=2))
        assert [each.label for each in networks.every(connection)] == ["net_1"]
