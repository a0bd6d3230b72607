"""Which chains and rules a host should hold (nova's linux_net and l3 driver). Pure.

The texts are in the form in which iptables-save(8) prints them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netconsole.backend.configuration.options import Options
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.managers import flatdhcp, vlan
from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import ChainKey, Rule, TableName
from netconsole.backend.model.records import Network
from netconsole.backend.model.subject import HOST, METADATA
from netconsole.backend.wording.rule_subjects import METADATA_MATCH

FLOATING_CHAINS = ("PREROUTING", "OUTPUT", "POSTROUTING", "floating-snat")
"""Where the rules of a floating address are, without the prefix of our chains."""


@dataclass(frozen=True, slots=True)
class Association:
    """A floating address in use: where it points and which interface carries it."""

    floating: str
    fixed: str
    interface: str


def wanted_chains(
    networks: tuple[Network, ...], associations: tuple[Association, ...], options: Options
) -> dict[ChainKey, tuple[Rule, ...]]:
    """Every chain that these networks and floating addresses want; none without a network."""
    if not networks:
        return {}
    return {
        **_table("filter", _filter(networks, options)),
        **_table("nat", _nat(networks, associations, options)),
        **_table("mangle", _mangle(networks)),
    }


def floating_rules(association: Association) -> tuple[tuple[str, Rule], ...]:
    """The rules of one floating address, each with its chain (without the prefix)."""
    floating, fixed = association.floating, association.fixed
    about = subject.floating(floating)
    to_fixed = Rule(f"-d {floating}/32 -j DNAT --to-destination {fixed}", about)
    to_floating = f"-j SNAT --to-source {floating}"
    of_either = (
        ("PREROUTING", to_fixed),
        ("OUTPUT", to_fixed),
        ("POSTROUTING", Rule(f"-s {fixed}/32 -m conntrack --ctstate DNAT {to_floating}", about)),
    )
    if not association.interface:
        return (*of_either, ("floating-snat", Rule(f"-s {fixed}/32 {to_floating}", about)))
    device = f"-o {association.interface}"
    return (
        *of_either,
        ("floating-snat", Rule(f"-s {fixed}/32 -d {fixed}/32 {to_floating}", about)),
        ("floating-snat", Rule(f"-s {fixed}/32 {device} {to_floating}", about)),
    )


_Chains = Mapping[str, Iterable[Rule]]


def _table(table: TableName, chains: _Chains) -> dict[ChainKey, tuple[Rule, ...]]:
    return {ChainKey("ipv4", table, name): tuple(rules) for name, rules in chains.items()}


def _once(rules: Iterable[Rule]) -> list[Rule]:
    """Rules of networks; one asked for twice, as by a range named twice, is one rule."""
    return list(dict.fromkeys(rules))


def _jump(chain: str, at_end: bool = False) -> Rule:
    return Rule(f"-j {chain}", HOST, at_end)


def _own(chain: str) -> str:
    return CHAIN_PREFIX + chain


def _filter(networks: tuple[Network, ...], options: Options) -> _Chains:
    return {
        "INPUT": (_jump(_own("INPUT")),),
        "FORWARD": (_jump("nova-filter-top"), _jump(_own("FORWARD"))),
        "OUTPUT": (_jump("nova-filter-top"), _jump(_own("OUTPUT"))),
        "nova-filter-top": (_jump(_own("local")),),
        _own("local"): (),
        _own("INPUT"): _once(
            rule for network in networks for rule in flatdhcp.filter_input(network)
        ),
        _own("FORWARD"): _once(
            (
                *(rule for network in networks for rule in vlan.vpn_forward(network, options)),
                *(
                    rule
                    for network in networks
                    for rule in flatdhcp.filter_forward(network, options)
                ),
            )
        ),
        _own("OUTPUT"): (),
    }


def _nat(
    networks: tuple[Network, ...], associations: tuple[Association, ...], options: Options
) -> _Chains:
    to_vpns = _once(rule for network in networks for rule in vlan.vpn_translation(network, options))
    chains: dict[str, list[Rule]] = {
        "PREROUTING": [_jump(_own("PREROUTING"))],
        "OUTPUT": [_jump(_own("OUTPUT"))],
        "POSTROUTING": [
            _jump(_own("POSTROUTING")),
            _jump("nova-postrouting-bottom", at_end=True),
        ],
        "nova-postrouting-bottom": [_jump(_own("snat"))],
        _own("PREROUTING"): [*_metadata(options), *to_vpns],
        _own("OUTPUT"): list(to_vpns),
        _own("POSTROUTING"): _once(
            rule for network in networks for rule in flatdhcp.nat_postrouting(network, options)
        ),
        _own("snat"): [
            _jump(_own("floating-snat")),
            *_once(rule for network in networks for rule in flatdhcp.nat_snat(network, options)),
        ],
        _own("floating-snat"): [],
    }
    of_floating = {chain: chains[_own(chain)] for chain in FLOATING_CHAINS}
    for association in associations:
        for chain, rule in floating_rules(association):
            of_floating[chain].append(rule)
    return chains


def _mangle(networks: tuple[Network, ...]) -> _Chains:
    return {
        "POSTROUTING": (_jump(_own("POSTROUTING")),),
        _own("POSTROUTING"): _once(
            rule for network in networks for rule in flatdhcp.mangle_postrouting(network)
        ),
    }


def _metadata(options: Options) -> tuple[Rule, ...]:
    """Lead 169.254.169.254:80 to the metadata service."""
    if options.metadata_host is None:
        return ()
    if options.metadata_host == "127.0.0.1":
        aim = f"-j REDIRECT --to-ports {options.metadata_port}"
    else:
        aim = f"-j DNAT --to-destination {options.metadata_host}:{options.metadata_port}"
    return (Rule(f"{METADATA_MATCH} {aim}", METADATA),)
