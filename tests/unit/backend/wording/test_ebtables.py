"""Which chains of ebtables a host should hold, as ebtables-save prints them."""

from dataclasses import replace

import pytest
from core_samples import FIXED, FLOATING, network, options, wanted_chains

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.meaning import Translation
from netconsole.backend.model.records import Network
from netconsole.backend.model.subject import HOST, floating

OWN = ChainKey("bridge", "nat", "nova-network-PREROUTING")
JUMP = ChainKey("bridge", "nat", "PREROUTING")
EXTERNAL = replace(network(), gateway="10.0.0.254")
TRANSLATION = Translation(FLOATING, FIXED, "eth0")


def redirection(
    networks: tuple[Network, ...], translations: tuple[Translation, ...], settings: Options
) -> dict[ChainKey, tuple[Rule, ...]]:
    chains = wanted_chains(networks, translations, settings)
    return {key: rules for key, rules in chains.items() if key.family == "bridge"}


@pytest.mark.parametrize(
    ("ranges", "texts"),
    [
        ((), []),
        (("198.51.100.0/24",), [" --ip-dst 198.51.100.0/24"]),
        (("198.51.100.9/24",), [" --ip-dst 198.51.100.0/24"]),
        (("198.51.100.7/32", "198.51.100.7"), [" --ip-dst 198.51.100.7"]),
        (("0.0.0.0/0",), [""]),
    ],
)
def test_a_forced_range_is_routed_here(ranges: tuple[str, ...], texts: list[str]) -> None:
    chains = redirection((EXTERNAL, network(1)), (), options(force_snat_range=ranges))
    specs = [rule.spec for rule in chains.get(OWN, ())]
    assert specs == [f"-p IPv4 --ip-src 10.0.0.0/24{text} -j redirect" for text in texts]


def test_a_floating_address_is_translated_here() -> None:
    chains = redirection((network(1), EXTERNAL), (TRANSLATION,), options())
    match = "-p IPv4 --logical-in br100 --ip-src 10.0.0.3 --ip-dst ! 10.0.0.0/24"
    assert {
        key: [(rule.spec, rule.subject) for rule in rules] for key, rules in chains.items()
    } == {
        JUMP: [("-j nova-network-PREROUTING", HOST)],
        OWN: [(f"{match} -j redirect", floating(FLOATING))],
    }


@pytest.mark.parametrize(("gateway", "interface"), [("10.0.0.1", "eth0"), ("10.0.0.254", "br100")])
def test_where_the_host_is_the_router_or_the_address_on_the_bridge_nothing_is(
    gateway: str, interface: str
) -> None:
    served = replace(network(), gateway=gateway)
    assert redirection((served,), (replace(TRANSLATION, interface=interface),), options()) == {}
