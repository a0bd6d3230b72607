"""network_data.json."""

import pytest
from core_samples import network, options
from injection_samples import flat_options, on_network, view

from netconsole.backend.configuration.options import Options
from netconsole.backend.injection.network_data import EVERYWHERE, EVERYWHERE_V6, network_data


def test_static_addresses_and_their_routes() -> None:
    assert network_data(on_network(view(), 0, mtu=1450), flat_options()) == {
        "links": [
            {
                "id": "interface0",
                "type": "bridge",
                "mtu": 1450,
                "ethernet_mac_address": "fa:16:3e:00:00:00",
                "vif_id": "port-0",
            }
        ],
        "networks": [
            {
                "id": "network0",
                "link": "interface0",
                "type": "ipv4",
                "network_id": network().uuid,
                "ip_address": "10.0.0.3",
                "netmask": "255.255.255.0",
                "routes": [EVERYWHERE | {"gateway": "10.0.0.1"}],
            }
        ],
        "services": [
            {"type": "dns", "address": "8.8.4.4"},
            {"type": "dns", "address": "192.0.2.53"},
        ],
    }


def test_dhcp_is_named_and_brings_its_addresses_itself() -> None:
    found = network_data(view(2), options())
    assert found["networks"] == [
        {
            "id": f"network{number}",
            "link": f"interface{number}",
            "type": "ipv4_dhcp",
            "network_id": network(number).uuid,
        }
        for number in (0, 1)
    ]
    assert found["services"] == [
        {"type": "dns", "address": "8.8.4.4"},
        {"type": "dns", "address": "192.0.2.53"},
    ]


def test_an_instance_without_a_port_has_nothing_to_be_told() -> None:
    assert network_data(view(0), options()) == {}


def test_routes_follow_the_gateways() -> None:
    without = network_data(on_network(view(2), 0, gateway=None), flat_options())
    assert [each["routes"] == [] for each in without["networks"]] == [True, False]
    single = network_data(view(2), flat_options(single_gateway=True))
    assert [each["routes"] == [] for each in single["networks"]] == [False, True]


@pytest.mark.parametrize("chosen", [options(), flat_options()], ids=["dhcp", "static"])
def test_the_ipv6_address_is_named_whoever_hands_out_the_others(chosen: Options) -> None:
    both = on_network(
        view(),
        0,
        cidr_v6="fd00:7::/64",
        gateway_v6="fd00:7::1",
        netmask_v6="ffff:ffff:ffff:ffff::",
    )
    assert network_data(both, chosen)["networks"][1] == {
        "id": "network1",
        "link": "interface0",
        "type": "ipv6",
        "network_id": network().uuid,
        "ip_address": "fd00:7::f816:3eff:fe00:0",
        "netmask": "ffff:ffff:ffff:ffff::",
        "routes": [EVERYWHERE_V6 | {"gateway": "fd00:7::1"}],
    }
