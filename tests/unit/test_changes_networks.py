"""Networks as the store keeps them: made, given to projects and hosts, deleted."""

from dataclasses import asdict, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from store_samples import a_network, an_instance

from netconsole.backend.changes.networks import (
    CreateNetwork,
    DeleteNetwork,
    ModifyNetwork,
    network_for_project,
)
from netconsole.backend.changes.projects import ScrubProject
from netconsole.backend.errors import Conflict, Exhausted, InvalidValue
from netconsole.backend.options import Options
from netconsole.backend.records import Network
from netconsole.backend.store import fixed_ips, networks

FLAT_DHCP = Options(host="here", flat_network_bridge="br100")
FLAT = replace(FLAT_DHCP, network_manager="nova.network.manager.FlatManager")
VLAN = replace(FLAT_DHCP, network_manager="nova.network.manager.VlanManager", vlan_interface="eth1")
RANGE = "10.0.0.0/24"


def create(
    connection: Connection, change: CreateNetwork, options: Options = FLAT_DHCP
) -> tuple[Network, ...]:
    return change.write(connection, options).result


def one(connection: Connection, change: CreateNetwork, options: Options = FLAT_DHCP) -> Network:
    (network,) = create(connection, change, options)
    return network


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


REFUSED: list[tuple[CreateNetwork, Options, str]] = [
    (CreateNetwork("n", RANGE), replace(FLAT_DHCP, flat_network_bridge=None), "bridge '': name"),
    (CreateNetwork("n", RANGE), replace(VLAN, vlan_interface=None), "bridge interface '': name"),
    (CreateNetwork("n", RANGE, bridge="eth0"), FLAT_DHCP, "is the public interface"),
    (CreateNetwork("n", RANGE, bridge="a/b"), FLAT_DHCP, "bridge 'a/b'"),
    (CreateNetwork("n", RANGE, bridge_interface="a b"), FLAT_DHCP, "bridge interface 'a b'"),
    (CreateNetwork("n", RANGE, bridge_interface="br100"), FLAT_DHCP, "is the bridge itself"),
    (CreateNetwork("n", RANGE, bridge="br7"), VLAN, "names bridges after their VLANs: br100"),
    (CreateNetwork("n", RANGE, vlan=7), FLAT_DHCP, "vlan '7': needs the VLAN manager"),
    (CreateNetwork("n", RANGE, vlan_start=7), FLAT, "vlan start '7': needs the VLAN manager"),
    (CreateNetwork("n", RANGE, vlan=0), VLAN, "VLAN '0': must be 1 to 4094"),
    (CreateNetwork("n", RANGE, vlan=4095), VLAN, "VLAN '4095': must be 1 to 4094"),
    (CreateNetwork("n", RANGE, vlan_start=4095), VLAN, "first VLAN '4095'"),
    (CreateNetwork("n", RANGE, num_networks=2, vlan_start=4094), VLAN, "first VLAN '4094'"),
    (CreateNetwork("n", RANGE, vpn_start=0), VLAN, "first VPN port '0'"),
    (CreateNetwork("n", RANGE, num_networks=0), FLAT_DHCP, "number of networks '0'"),
    (CreateNetwork("n", RANGE, num_networks=99999), FLAT_DHCP, "must be 1 to 4094"),
    (CreateNetwork("n", RANGE, network_size=512), FLAT_DHCP, "is more than the 256"),
    (CreateNetwork("n", RANGE, network_size=-1), FLAT_DHCP, "network size '-1'"),
    (CreateNetwork("n", "10.0.0.0/8"), FLAT_DHCP, "must be at most 1048576"),
    (CreateNetwork("n", RANGE, num_networks=2, vlan=7), VLAN, "fits one network, not 2"),
    (CreateNetwork("n", RANGE, num_networks=2, gateway="10.0.0.1"), FLAT_DHCP, "fits one"),
    (CreateNetwork("n", RANGE, gateway_v6="fd00::1"), FLAT_DHCP, "needs an IPv6 range"),
    (CreateNetwork("n", RANGE, enable_dhcp=True), FLAT, "serves none"),
    (CreateNetwork("n", RANGE, mtu=67), FLAT_DHCP, "MTU '67': must be 68 to 65535"),
    (CreateNetwork("n", RANGE, mtu=65536), FLAT_DHCP, "MTU '65536'"),
    (CreateNetwork("n", RANGE, mtu=0), FLAT_DHCP, "MTU '0'"),
    (
        CreateNetwork("n", RANGE, mtu=1279, fixed_range_v6="fd00::/64"),
        FLAT_DHCP,
        "must be 1280 to 65535",
    ),
    (CreateNetwork("n", RANGE, priority=-1), FLAT_DHCP, "priority '-1'"),
    (CreateNetwork("n", RANGE, uuid="../etc"), FLAT_DHCP, "uuid '../etc'"),
    (CreateNetwork("n", RANGE, project_id="a\nb"), FLAT_DHCP, "project 'a\\nb'"),
    (CreateNetwork("n" * 254, RANGE, num_networks=2), FLAT_DHCP, "network label"),
]


@pytest.mark.parametrize(("change", "options", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_is_refused_and_nothing_stored(
    change: CreateNetwork, options: Options, words: str, connection: Connection
) -> None:
    with pytest.raises(InvalidValue) as refused:
        create(connection, change, options)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert networks.every(connection) == ()


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


TEXT = st.text(max_size=300) | st.text(
    st.sampled_from("0123456789.:/,;'\"\n\0 -abr%$"), max_size=20
)
NUMBER = st.integers(-(2**70), 2**70)
SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/")
ARGUMENTS = {
    "label": TEXT,
    "fixed_range_v4": TEXT,
    "bridge": TEXT,
    "gateway": TEXT,
    "dhcp_server": TEXT,
    "dns1": TEXT,
    "dns2": TEXT,
    "bridge_interface": TEXT,
    "fixed_range_v6": TEXT,
    "gateway_v6": TEXT,
    "fixed_cidr": TEXT,
    "allowed_start": TEXT,
    "allowed_end": TEXT,
    "project_id": TEXT,
    "uuid": TEXT,
    "mtu": NUMBER,
    "num_networks": NUMBER,
    "network_size": NUMBER,
    "vlan": NUMBER,
    "vlan_start": NUMBER,
    "vpn_start": NUMBER,
    "priority": NUMBER,
}


def attempted(
    connection: Connection, change: CreateNetwork, options: Options
) -> tuple[str, tuple[Network, ...]]:
    """The line that refuses a change, or what it made."""
    try:
        return "", create(connection, change, options)
    except InvalidValue as refused:
        return str(refused), ()


@pytest.mark.parametrize("options", [FLAT, FLAT_DHCP, VLAN])
@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_hostile_values_are_refused_in_a_line_or_come_out_clean(
    options: Options, connection: Connection, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(ARGUMENTS)))
    change = replace(
        CreateNetwork("net", "10.0.0.0/27", fixed_range_v6="fd00::/64"),
        **{name: data.draw(ARGUMENTS[name])},  # type: ignore[arg-type]  # its strategy fits
    )
    with connection.begin_nested() as attempt:
        line, made = attempted(connection, change, options)
        assert len(line.splitlines()) <= 1
        assert made == networks.every(connection)
        for network in made:
            texts = [value for value in asdict(network).values() if isinstance(value, str)]
            assert all(text and set(text) <= SAFE for text in texts)
        attempt.rollback()


class TestDeleting:
    def test_that_of_a_project_is_kept(self, connection: Connection) -> None:
        network = one(connection, CreateNetwork("vmnet", RANGE, project_id="demo"))
        with pytest.raises(Conflict, match="belongs to project demo: disassociate it first"):
            DeleteNetwork("vmnet").write(connection, FLAT_DHCP)

        ScrubProject("demo").write(connection, FLAT_DHCP)
        DeleteNetwork("vmnet").write(connection, FLAT_DHCP)
        assert networks.every(connection) == ()
        assert fixed_ips.of_network(connection, network.id) == ()

    def test_one_with_instances_is_kept(self, connection: Connection) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        fixed_ips.allocate(connection, network, port.instance_uuid, port.id)

        with pytest.raises(Conflict, match="has 1 address allocated to instances"):
            DeleteNetwork(network.label).write(connection, FLAT_DHCP)


class TestModifying:
    def test_a_project_and_a_host_come_and_go(self, connection: Connection) -> None:
        one(connection, CreateNetwork("vmnet", RANGE))

        def modified(**arguments: str | bool) -> tuple[str | None, str | None]:
            change = ModifyNetwork("vmnet", **arguments)  # type: ignore[arg-type]  # they are called as its fields
            network = change.write(connection, FLAT_DHCP).result
            assert networks.find(connection, "vmnet") == network
            return network.project_id, network.host

        assert modified(project="demo") == ("demo", "here")
        assert modified(host="other") == ("demo", "other")
        assert modified(disassociate_project=True) == (None, "other")
        assert modified(project="new", disassociate_host=True) == ("new", None)

    def test_what_the_former_host_held_is_released(self, connection: Connection) -> None:
        network = one(connection, CreateNetwork("vmnet", RANGE))

        away = ModifyNetwork("vmnet", host="other").write(connection, FLAT_DHCP)
        assert [address.address for address in away.released] == ["10.0.0.1/24"]
        back = ModifyNetwork("vmnet", host="here").write(connection, FLAT_DHCP)
        assert back.result == network
        assert not back.released

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (ModifyNetwork("vmnet"), "name one"),
            (ModifyNetwork("vmnet", "demo", disassociate_project=True), "at once"),
            (ModifyNetwork("vmnet", host="a", disassociate_host=True), "at once"),
            (ModifyNetwork("vmnet", project="a b"), "project 'a b'"),
            (ModifyNetwork("vmnet", host="a\nb"), "host"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, connection: Connection, change: ModifyNetwork, words: str
    ) -> None:
        network = one(connection, CreateNetwork("vmnet", RANGE))

        with pytest.raises(InvalidValue, match=words):
            change.write(connection, FLAT_DHCP)
        assert networks.every(connection) == (network,)

    def test_another_projects_network_is_not_taken(self, connection: Connection) -> None:
        one(connection, CreateNetwork("vmnet", RANGE, project_id="demo"))

        with pytest.raises(Conflict, match="belongs to project demo"):
            ModifyNetwork("vmnet", project="other").write(connection, FLAT_DHCP)

    def test_where_every_host_is_the_gateway_none_is_named(self, connection: Connection) -> None:
        one(connection, CreateNetwork("vmnet", RANGE, multi_host=True))

        with pytest.raises(Conflict, match="every host as its gateway"):
            ModifyNetwork("vmnet", host="other").write(connection, FLAT_DHCP)

    def test_instances_keep_their_gateway(self, connection: Connection) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        fixed_ips.allocate(connection, network, port.instance_uuid, port.id)

        with pytest.raises(Conflict, match="need their gateway"):
            ModifyNetwork(network.label, disassociate_host=True).write(connection, FLAT_DHCP)

    def test_a_host_claims_only_what_has_none(self, connection: Connection) -> None:
        network = one(connection, CreateNetwork("vmnet", RANGE))
        assert networks.claim(connection, network, "other") == network

        idle = ModifyNetwork("vmnet", disassociate_host=True).write(connection, FLAT_DHCP).result
        assert networks.claim(connection, idle, "other").host == "other"
        assert networks.find(connection, "vmnet").host == "other"

        many = one(connection, CreateNetwork("many", "10.1.0.0/24", multi_host=True))
        assert networks.claim(connection, many, "other").host is None


class TestScrubbing:
    def test_all_networks_of_the_project_are_free_again(self, connection: Connection) -> None:
        for number, project in enumerate(("demo", "other", "demo")):
            change = CreateNetwork(f"n{number}", f"10.{number}.0.0/24", project_id=project)
            one(connection, change, VLAN)

        scrubbed = ScrubProject("demo").write(connection, VLAN).result

        assert [(each.label, each.project_id, each.host) for each in scrubbed] == [
            ("n0", None, None),
            ("n2", None, None),
        ]
        assert [each.label for each in networks.of_project(connection, "other")] == ["n1"]
        assert network_for_project(connection, "third", VLAN).label == "n0"

    def test_with_instances_it_keeps_its_host_and_meets_no_other_project(
        self, connection: Connection
    ) -> None:
        network = one(connection, CreateNetwork("n", RANGE, project_id="demo"), VLAN)
        port = an_instance(connection, network)
        fixed_ips.allocate(connection, network, port.instance_uuid, port.id)

        (scrubbed,) = ScrubProject("demo").write(connection, VLAN).result

        assert (scrubbed.project_id, scrubbed.host) == (None, "here")
        with pytest.raises(Exhausted):
            network_for_project(connection, "other", VLAN)

    def test_a_project_without_networks_has_nothing_to_lose(self, connection: Connection) -> None:
        assert ScrubProject("nobody").write(connection, VLAN).result == ()
        with pytest.raises(InvalidValue, match="project"):
            ScrubProject("a b").write(connection, VLAN)


def a_vlan(connection: Connection, number: int) -> Network:
    network = replace(a_network(connection, f"10.0.{number}.0/29", number), vlan=100 + number)
    networks.update(connection, network)
    return network


class TestGivingNetworksToProjects:
    def test_each_project_gets_the_first_free_one_and_keeps_it(
        self, connection: Connection
    ) -> None:
        a_network(connection, number=9)
        first, second = a_vlan(connection, 1), a_vlan(connection, 2)

        given = [network_for_project(connection, name, VLAN) for name in ("demo", "other", "demo")]

        assert [network.id for network in given] == [first.id, second.id, first.id]
        assert networks.of_project(connection, "demo") == (replace(first, project_id="demo"),)

    def test_when_none_is_left_that_is_said(self, connection: Connection) -> None:
        a_vlan(connection, 1)
        network_for_project(connection, "demo", VLAN)

        with pytest.raises(Exhausted, match="no network is left for project 'other'"):
            network_for_project(connection, "other", VLAN)

    @pytest.mark.parametrize("kind", ["Flat", "FlatDHCP"])
    def test_other_managers_give_none(self, connection: Connection, kind: str) -> None:
        shared: Options = replace(VLAN, network_manager=f"nova.network.manager.{kind}Manager")
        a_vlan(connection, 1)

        with pytest.raises(Conflict, match="gives no networks to projects"):
            network_for_project(connection, "demo", shared)
        assert networks.of_project(connection, "demo") == ()
