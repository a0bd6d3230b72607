"""Leads: what of others, in the words of nft, leads to a chain of ours that has to go. Pure.

The kernel removes no chain to which something leads. iptables cannot take such a rule away, and it
is not ours to.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from netconsole.backend.filtering.native_rules import native_aims, native_handle, native_text
from netconsole.backend.filtering.rule_order import target_of
from netconsole.backend.filtering.rules import gone
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, Wanted
from netconsole.backend.model.table_names import Family

_NFT_FAMILIES: Mapping[Family, str] = {"ipv4": "ip", "ipv6": "ip6", "bridge": "bridge"}
_Chains = Mapping[ChainKey, tuple[Rule, ...]]


class HeldChain(NamedTuple):
    """A chain of ours that cannot go, and why."""

    chain: ChainKey
    because: str


def leads(observed: Observed, wanted: Wanted) -> Iterator[HeldChain]:
    """Yield each chain of ours that has to go and that something of others leads to."""
    leaving = frozenset(gone(observed.chains, wanted.chains))
    yield from _by_rules(observed.chains, leaving)
    yield from _by_rules(observed.other_chains, frozenset(gone(observed.other_chains, ())))
    for key, name in observed.leading_maps.items():
        if key in leaving:
            place = f"{_NFT_FAMILIES[key.family]} {key.table} {name}"
            because = (
                f"an element of the map {place} leads to {key.chain}, a chain of ours that is to "
                f"be removed: take it away first, `nft list map {place}` shows it"
            )
            yield HeldChain(key, because)


def _by_rules(chains: _Chains, leaving: frozenset[ChainKey]) -> Iterator[HeldChain]:
    for place, rules in chains.items() if leaving else ():
        for rule in rules:
            for aim in sorted(native_aims(rule.spec)):
                key = place._replace(chain=aim)
                if key in leaving:
                    yield HeldChain(key, _because(place, rule.spec))


def _because(place: ChainKey, spec: str) -> str:
    shown = f"{_NFT_FAMILIES[place.family]} {place.table} {place.chain}"
    return (
        f"the rule `{native_text(spec)}` in {shown} leads to a chain of ours that is to be "
        f"removed: take it away first, with `nft delete rule {shown} handle {native_handle(spec)}`"
    )


def without_chains(chains: _Chains, kept: frozenset[ChainKey], wanted: _Chains) -> _Chains:
    """Return chains without those that cannot go, and without what these lead to: it stays too."""
    left = kept.intersection(chains).difference(wanted)
    found = left
    while left:
        aims = {key._replace(chain=target_of(rule.spec)) for key in left for rule in chains[key]}
        left = frozenset(gone(aims.intersection(chains), wanted)) - found
        found |= left
    return {key: rules for key, rules in chains.items() if key not in found} if found else chains
