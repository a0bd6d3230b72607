"""Which rules a host should hold: nova's, as iptables-save prints them."""

from dataclasses import replace

import pytest
from core_samples import FIXED, FLOATING, network, options, wanted_chains

from netconsole.backend.configuration.options import Options
from netconsole.backend.model import subject
from netconsole.backend.model.meaning import Translation
from netconsole.backend.model.records import Network
from netconsole.backend.model.table_names import TableName
from netconsole.backend.wording.iptables import floating_rules

TRANSLATION = Translation(FLOATING, FIXED, "eth0")

REFERENCE = """\
-A PREROUTING -j nova-network-PREROUTING
-A OUTPUT -j nova-network-OUTPUT
-A POSTROUTING -j nova-network-POSTROUTING
-A POSTROUTING -j nova-postrouting-bottom
-A nova-network-OUTPUT -d 203.0.113.10/32 -j DNAT --to-destination 10.0.0.3
-A nova-network-POSTROUTING -s 10.0.0.0/24 -d 192.168.1.10/32 -j ACCEPT
-A nova-network-POSTROUTING -s 10.0.0.0/24 -d 10.0.0.0/24 -m conntrack ! --ctstate DNAT -j ACCEPT
-A nova-network-POSTROUTING -s 10.0.0.3/32 -m conntrack --ctstate DNAT -j SNAT \
--to-source 203.0.113.10
-A nova-network-PREROUTING -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT \
--to-destination 192.168.1.10:8775
-A nova-network-PREROUTING -d 203.0.113.10/32 -j DNAT --to-destination 10.0.0.3
-A nova-network-floating-snat -s 10.0.0.3/32 -d 10.0.0.3/32 -j SNAT --to-source 203.0.113.10
-A nova-network-floating-snat -s 10.0.0.3/32 -o eth0 -j SNAT --to-source 203.0.113.10
-A nova-network-snat -j nova-network-floating-snat
-A nova-network-snat -s 10.0.0.0/24 -o eth0 -j SNAT --to-source 192.168.1.10
-A nova-postrouting-bottom -j nova-network-snat
"""
"""What nova-network 14.0.0 put in the nat table, with the guide's name of the floating chain."""


def _listed(
    table: TableName,
    settings: Options,
    *networks: Network,
    translations: tuple[Translation, ...] = (),
) -> dict[str, list[str]]:
    return {
        key.chain: [rule.spec for rule in rules]
        for key, rules in wanted_chains(networks, translations, settings).items()
        if (key.family, key.table) == ("ipv4", table)
    }


def test_the_nat_table_is_nova_networks() -> None:
    found = _listed("nat", options(), network(), translations=(TRANSLATION,))

    expected: dict[str, list[str]] = {}
    for line in REFERENCE.splitlines():
        _, chain, spec = line.split(" ", 2)
        expected.setdefault(chain, []).append(spec)
    assert found == expected


def test_the_filter_and_mangle_tables_are_nova_networks() -> None:
    assert _listed("filter", options(), network()) == {
        "INPUT": ["-j nova-network-INPUT"],
        "FORWARD": ["-j nova-filter-top", "-j nova-network-FORWARD"],
        "OUTPUT": ["-j nova-filter-top", "-j nova-network-OUTPUT"],
        "nova-filter-top": ["-j nova-network-local"],
        "nova-network-local": [],
        "nova-network-INPUT": [
            "-i br100 -p udp -m udp --dport 67 -j ACCEPT",
            "-i br100 -p tcp -m tcp --dport 67 -j ACCEPT",
            "-i br100 -p udp -m udp --dport 53 -j ACCEPT",
            "-i br100 -p tcp -m tcp --dport 53 -j ACCEPT",
            "-i br100 -p tcp -m tcp --dport 8775 -j ACCEPT",
        ],
        "nova-network-FORWARD": ["-i br100 -j ACCEPT", "-o br100 -j ACCEPT"],
        "nova-network-OUTPUT": [],
    }
    assert _listed("mangle", options(), network()) == {
        "POSTROUTING": ["-j nova-network-POSTROUTING"],
        "nova-network-POSTROUTING": [
            "-o br100 -p udp -m udp --dport 68 -j CHECKSUM --checksum-fill"
        ],
    }


VLAN = replace(
    network(),
    vlan=100,
    vpn_private_address="10.0.0.2",
    vpn_public_address="192.168.1.10",
    vpn_public_port=1001,
)


def test_the_vpn_of_a_vlan_is_reached_before_anything_of_its_bridge_is_dropped() -> None:
    settings = replace(options(forward_bridge_interface=("eth1",)), vpn_ip="192.168.1.10")
    forward = _listed("filter", settings, network(1), VLAN)["nova-network-FORWARD"]
    nat = _listed("nat", settings, VLAN)

    assert forward[0] == "-d 10.0.0.2/32 -p udp -m udp --dport 1194 -j ACCEPT"
    led = "-d 192.168.1.10/32 -p udp -m udp --dport 1001 -j DNAT --to-destination 10.0.0.2:1194"
    assert nat["nova-network-OUTPUT"] == [led]
    assert nat["nova-network-PREROUTING"][1:] == [led]


@pytest.mark.parametrize(
    ("vlan", "vpn_ip"),
    [
        (replace(VLAN, vpn_public_address="192.0.2.1"), "192.168.1.10"),
        (replace(VLAN, vpn_public_address=None), None),
        (replace(VLAN, vpn_public_port=None), "192.168.1.10"),
        (replace(VLAN, vlan=None), "192.168.1.10"),
    ],
)
def test_a_vpn_that_is_reached_elsewhere_has_no_rule_here(
    vlan: Network, vpn_ip: str | None
) -> None:
    settings = replace(options(), vpn_ip=vpn_ip)
    plain = _listed("nat", settings, network()), _listed("filter", settings, network())
    assert (_listed("nat", settings, vlan), _listed("filter", settings, vlan)) == plain


def test_only_the_source_nat_comes_behind_what_others_exempt() -> None:
    behind = {
        (key.table, key.chain, rule.spec)
        for key, rules in wanted_chains((network(),), (TRANSLATION,), options()).items()
        for rule in rules
        if rule.at_end
    }

    assert behind == {("nat", "POSTROUTING", "-j nova-postrouting-bottom")}


def test_without_a_network_there_are_no_chains() -> None:
    assert wanted_chains((), (), options()) == {}


@pytest.mark.parametrize(
    ("metadata_host", "rules"),
    [
        ("192.0.2.7", ["DNAT --to-destination 192.0.2.7:8775"]),
        ("127.0.0.1", ["REDIRECT --to-ports 8775"]),
        (None, []),
    ],
)
def test_metadata_is_led_to_its_service(metadata_host: str | None, rules: list[str]) -> None:
    found = _listed("nat", options(metadata_host=metadata_host), network())

    match = "-d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j "
    assert found["nova-network-PREROUTING"] == [match + rule for rule in rules]


@pytest.mark.parametrize(
    ("interfaces", "gateway", "texts"),
    [
        (("all",), "10.0.0.1", ["-i br100 -j ACCEPT", "-o br100 -j ACCEPT"]),
        (("eth1", "all"), "10.0.0.1", ["-i br100 -j ACCEPT", "-o br100 -j ACCEPT"]),
        (
            ("eth1", "eth3"),
            "10.0.0.1",
            [
                "-i br100 -o eth1 -j ACCEPT",
                "-i eth1 -o br100 -j ACCEPT",
                "-i br100 -o eth3 -j ACCEPT",
                "-i eth3 -o br100 -j ACCEPT",
                "-i br100 -o br100 -j ACCEPT",
                "-i br100 -j REJECT",
                "-o br100 -j REJECT",
            ],
        ),
        (("all",), None, ["-i br100 -j REJECT", "-o br100 -j REJECT"]),
    ],
)
def test_forwarding_is_what_forward_bridge_interface_and_the_gateway_allow(
    interfaces: tuple[str, ...], gateway: str | None, texts: list[str]
) -> None:
    settings = options(forward_bridge_interface=interfaces, iptables_drop_action="REJECT")
    found = _listed("filter", settings, replace(network(), gateway=gateway))

    assert found["nova-network-FORWARD"] == texts


def test_traffic_to_the_dmz_keeps_its_source() -> None:
    settings = options(dmz_cidr=("10.128.0.0/24", "192.0.2.7/32", "0.0.0.0/0"))
    found = _listed("nat", settings, network())

    assert found["nova-network-POSTROUTING"][1:-1] == [
        "-s 10.0.0.0/24 -d 10.128.0.0/24 -j ACCEPT",
        "-s 10.0.0.0/24 -d 192.0.2.7/32 -j ACCEPT",
        "-s 10.0.0.0/24 -j ACCEPT",
        "-s 10.0.0.0/24 -m conntrack --ctorigdst 10.128.0.0/24 -j ACCEPT",
        "-s 10.0.0.0/24 -m conntrack --ctorigdst 192.0.2.7 -j ACCEPT",
    ]


def test_a_range_named_twice_makes_one_rule() -> None:
    settings = options(dmz_cidr=("10.128.0.0/24", "192.168.1.10/32", "10.128.0.0/24"))
    found = _listed("nat", settings, network())["nova-network-POSTROUTING"]

    assert found == list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("settings", "texts"),
    [
        (options(), ["-s 10.0.0.0/24 -o eth0 -j SNAT --to-source 192.168.1.10"]),
        (options(public_interface=""), ["-s 10.0.0.0/24 -j SNAT --to-source 192.168.1.10"]),
        (options(routing_source_ip=""), []),
        (options(routing_source_ip=None), []),
    ],
)
def test_what_leaves_the_network_takes_the_routing_source(
    settings: Options, texts: list[str]
) -> None:
    found = _listed("nat", settings, network())

    assert found["nova-network-snat"][1:] == texts


def test_behind_a_gateway_of_others_only_force_snat_range_is_translated() -> None:
    external = replace(network(), gateway="10.0.0.254")
    settings = options(force_snat_range=("198.51.100.0/24", "0.0.0.0/0"))

    assert _listed("nat", options(), external)["nova-network-snat"][1:] == []
    assert _listed("nat", settings, external)["nova-network-snat"][1:] == [
        "-s 10.0.0.0/24 -d 198.51.100.0/24 -j SNAT --to-source 192.168.1.10",
        "-s 10.0.0.0/24 -j SNAT --to-source 192.168.1.10",
    ]


def test_a_floating_address_on_no_interface_is_translated_on_any() -> None:
    rules = floating_rules(Translation(FLOATING, FIXED, ""))

    assert [(chain, rule.spec) for chain, rule in rules] == [
        ("PREROUTING", "-d 203.0.113.10/32 -j DNAT --to-destination 10.0.0.3"),
        ("OUTPUT", "-d 203.0.113.10/32 -j DNAT --to-destination 10.0.0.3"),
        (
            "POSTROUTING",
            "-s 10.0.0.3/32 -m conntrack --ctstate DNAT -j SNAT --to-source 203.0.113.10",
        ),
        ("floating-snat", "-s 10.0.0.3/32 -j SNAT --to-source 203.0.113.10"),
    ]
    assert {rule.subject for _, rule in rules} == {subject.floating(FLOATING)}


def test_the_rules_of_two_networks_stand_side_by_side() -> None:
    both = _listed("nat", options(), network(), network(1))

    for chain, texts in _listed("nat", options(), network(1)).items():
        assert [text for text in both[chain] if text in texts] == texts
    assert len(both["nova-network-snat"]) == 3
