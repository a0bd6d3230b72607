"""Under which source packets leave: rules of others that decide before ours are asked. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering import rule_words
from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.nat_order import Turn
from netconsole.backend.filtering.native_tables import NftTable
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, Wanted
from netconsole.backend.model.records import Network
from netconsole.backend.model.subject import floating
from netconsole.backend.model.table_names import Kind
from netconsole.backend.plan.nat_ways import (
    OUT,
    SOMEWHERE,
    Rules,
    ahead,
    before_ours,
    iptables_chain,
    native_chains,
)

CURE = "`netconsole playbook run egress_source` has the cure"
_SAID: Final[Mapping[Turn, tuple[str, str]]] = {
    "before": ("does not leave", "is asked"),
    "likely before": ("probably does not leave", "is probably asked"),
    "unknown": ("may not leave", "may be asked"),
}
"""What an association says of a chain that takes its packets, by when that is asked."""


@dataclass(frozen=True, slots=True)
class Others:
    """What of others the kernel asks beside iptables' own table nat, as far as it was read."""

    tables: tuple[NftTable, ...] = ()
    kind: Kind = "legacy"
    """Of which iptables is not."""
    chains: Mapping[ChainKey, tuple[Rule, ...]] = field(default_factory=dict)
    """Of the tables of that kind."""
    unread: str = ""
    """Why `tables` are not all; empty where they are."""


def leaving(source: str, bridges: Mapping[IPv4Network, str], interface: str) -> Flow:
    """Return what is sent from an address out of an interface into the world, whatever it is.

    `bridges` are those of the networks, by which it comes.
    """
    within = IPv4Network(source)
    bridge = next((name for network, name in bridges.items() if within.subnet_of(network)), "")
    return Flow(f"what is sent from {source}", bridge, bridge, interface, within, SOMEWHERE)


def sent(address: str, wanted: Wanted, networks: Iterable[Network]) -> Flow | None:
    """Return what an association sends, by its own rule; None where it sends nothing."""
    for rules in wanted.chains.values():
        for rule in rules:
            words = rule_words.words(rule.spec) if rule.subject == floating(address) else []
            if "SNAT" in words and "-s" in words and "-o" in words:
                source = words[words.index("-s") + 1].removesuffix("/32")
                bridges = {IPv4Network(each.cidr): each.bridge for each in networks}
                return leaving(source, bridges, words[words.index("-o") + 1])
    return None


def note_of_association(
    address: str, flow: Flow, observed: Observed, others: Others
) -> tuple[str, ...]:
    """Say that a rule of others takes what a floating address is to send, if one comes first."""
    rules = _specs(observed.chains)
    if OUT.jumps[-1] in rules(OUT.chain) and (found := ahead(before_ours(rules, OUT), flow, OUT)):
        rule = rules(OUT.chain)[found.entry]
        return (
            f"{flow.words} does not leave as {address}: in nat {OUT.chain} the rule `{rule}` comes "
            f"before ours; {CURE}",
        )
    # ours come first in their own chain when they come
    chains = (
        *native_chains(others.tables, OUT),
        iptables_chain(others.kind, _specs(others.chains), OUT),
    )
    for each in chains:
        taking = each.taking(flow)
        if taking and taking.is_certain and each.turn in _SAID:
            rule = each.rules(taking.chain)[taking.place]
            leaves, asked = _SAID[each.turn]
            return (
                f"{flow.words} {leaves} as {address}: the rule `{rule}` in {each.words} {asked} "
                f"before ours; {CURE}",
            )
    if others.unread:
        return (f"whether {flow.words} leaves as {address} is not known: {others.unread}",)
    return ()


def _specs(chains: Mapping[ChainKey, tuple[Rule, ...]]) -> Rules:
    return lambda chain: [rule.spec for rule in chains.get(ChainKey("ipv4", "nat", chain), ())]
