"""The documents of a config drive."""

import json
from dataclasses import replace

import pytest
from core_samples import network, options
from injection_samples import flat_options, on_network, view

from netconsole.backend.configuration.options import Options
from netconsole.backend.injection.metadata import (
    EVERYWHERE,
    EVERYWHERE_V6,
    VERSIONS,
    documents,
    network_data,
)


def test_the_first_version_has_one_document_and_later_ones_have_more() -> None:
    found = [path for path, _ in documents(view(), flat_options(), "auto lo\n")]
    assert [path for path in found if "2012-08-10" in path] == [
        "openstack/2012-08-10/meta_data.json"
    ]
    assert {path for path in found if "/latest/" in path} == {
        f"openstack/latest/{name}.json"
        for name in ("meta_data", "network_data", "vendor_data", "vendor_data2")
    }
    assert {path.split("/")[1] for path in found} == {*VERSIONS, "content"}


def test_the_instance_is_told_who_it_is_and_where_its_interfaces_are() -> None:
    files = dict(documents(view(), flat_options(), "auto lo\n"))
    latest = json.loads(files["openstack/latest/meta_data.json"])
    assert latest == {
        "uuid": "instance-0",
        "name": "web0",
        "hostname": "web0.novalocal",
        "launch_index": 0,
        "network_config": {"name": "network_config", "content_path": "/content/0000"},
        "project_id": "demo",
        "devices": [],
    }
    assert files["openstack/content/0000"] == "auto lo\n"
    first = json.loads(files["openstack/2012-08-10/meta_data.json"])
    assert set(latest) - set(first) == {"project_id", "devices"}


def test_without_an_interfaces_file_none_is_pointed_at() -> None:
    files = dict(documents(view(), options(), None))
    assert "openstack/content/0000" not in files
    assert "network_config" not in files["openstack/latest/meta_data.json"]


def test_a_host_name_is_the_one_that_dns_answers_to() -> None:
    seen = view()
    long = replace(seen, instance=replace(seen.instance, hostname="a" * 70))
    files = dict(documents(long, replace(flat_options(), dhcp_domain=""), None))
    hostname = json.loads(files["openstack/latest/meta_data.json"])["hostname"]
    assert hostname == f"aa-{'a' * 60}"


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
