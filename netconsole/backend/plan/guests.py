"""The chains that filter guests, where a change is about ports or groups alone. Pure.

They are looked at and planned whole, as where a guest's rules are depends on those of others. What
else is in their tables stays as it is; that our jumps lead to them is what makes this enough.
"""

from collections.abc import Mapping
from dataclasses import replace

from netconsole.backend.filtering.rules import is_ours, is_own_chain
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, Wanted
from netconsole.backend.wording.groups import FALLBACK, LOCAL, filters_guests, ways_to_guests

_Chains = Mapping[ChainKey, tuple[Rule, ...]]


def filtering(chains: _Chains) -> dict[ChainKey, tuple[Rule, ...]]:
    """Return those chains that filter guests; none where there are no guests."""
    families = {key.family for key in chains if key.chain == FALLBACK}
    return {key: rules for key, rules in chains.items() if key.family in families and _is_of(key)}


def _is_of(key: ChainKey) -> bool:
    return key.table == "filter" and key.family != "bridge" and filters_guests(key.chain)


def stand(observed: Observed, wanted: Wanted) -> bool:
    """Whether the chains of guests are led to, and are there before and after, or never."""
    before = {key.family for key in observed.chains if _is_of(key) and key.chain == FALLBACK}
    after = {key.family for key in wanted.chains if key.chain == FALLBACK}
    return before == after and all(
        rule in observed.chains.get(ChainKey(family, "filter", chain), ())
        for family in after
        for chain, jumps in ways_to_guests().items()
        for rule in jumps
    )


def with_others(observed: Observed, wanted: Wanted) -> Wanted:
    """Return what is wanted, and as wanted what else is observed of ours in these tables."""
    others = {
        key: rules if is_own_chain(key.chain) else jumps
        for key, rules in observed.chains.items()
        if not (_is_of(key) and key.chain != LOCAL)
        for jumps in (tuple(rule for rule in rules if is_ours(key.chain, rule.spec)),)
        if is_own_chain(key.chain) or jumps
    }
    return replace(wanted, chains={**others, **wanted.chains})
