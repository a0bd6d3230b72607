"""The chains that filter guests, where a change is about ports or groups alone. Pure.

They are looked at and planned whole, as where a guest's rules are depends on those of others, or,
where a change of groups names those that it is about (`intent/regrouping.py`), these alone. What
else is in their tables stays as it is; that our jumps lead to them is what makes this enough.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from netconsole.backend.filtering.rule_order import target_of
from netconsole.backend.filtering.rules import CHAIN_PREFIX, is_ours, is_own_chain
from netconsole.backend.intent.bridged import WITHIN_BRIDGES
from netconsole.backend.model.guards import BY_EBTABLES, NO_GUARDS
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, Wanted
from netconsole.backend.model.subject import GuestChain
from netconsole.backend.model.table_names import Family
from netconsole.backend.steps import AddLink, Plan
from netconsole.backend.wording.groups import FALLBACK, LOCAL, filters_guests, ways_to_guests

_Chains = Mapping[ChainKey, tuple[Rule, ...]]


def filtering(chains: _Chains) -> dict[ChainKey, tuple[Rule, ...]]:
    """Return those chains that filter guests; none where there are no guests."""
    families = {key.family for key in chains if key.chain == FALLBACK}
    return {key: rules for key, rules in chains.items() if key.family in families and _is_of(key)}


def _is_of(key: ChainKey) -> bool:
    return key.table == "filter" and key.family != "bridge" and filters_guests(key.chain)


def stand(observed: Observed, wanted: Wanted) -> bool:
    """Whether the chains of guests are led to, before and after.

    With the first guest those that lead there may come, and go with the last, unless the host's
    networks have them in any case.
    """
    before = {key.family for key in observed.chains if _is_of(key) and key.chain == FALLBACK}
    after = {key.family for key in wanted.chains if key.chain == FALLBACK}
    served = all(_serves(observed, family) for family in before ^ after)
    return served and are_led_to(observed, (key for key in wanted.chains if key.chain == FALLBACK))


def are_led_to(observed: Observed, chains: Iterable[ChainKey]) -> bool:
    """Whether packets to guests meet the first of the chains that filter them."""
    return all(
        rule in observed.chains.get(ChainKey(family, "filter", chain), ())
        for family in {key.family for key in chains}
        for chain, jumps in ways_to_guests().items()
        for rule in jumps
    )


def new_aims(observed: Observed, wanted: Wanted) -> frozenset[GuestChain]:
    """Return the chains of ours to which rules lead that are not there yet.

    Of those that are there the kernel keeps the aims.
    """
    return frozenset(
        (key.family, aim)
        for key, rules in wanted.chains.items()
        for rule in frozenset(rules) - frozenset(observed.chains.get(key, ()))
        for aim in (target_of(rule.spec),)
        if key.family != "bridge"
        and is_own_chain(aim)
        and key._replace(chain=aim) not in wanted.chains
    )


def leaving(observed: Observed, wanted: Wanted) -> dict[GuestChain, int]:
    """Return the chains that go, with the rules that each has and those of ours that lead there.

    A rule besides, of others, keeps its chain: only a look at all tells which it is.
    """
    gone = {
        key
        for key in observed.chains
        if _is_of(key) and key.chain != LOCAL and key not in wanted.chains
    }
    aims = Counter(
        key._replace(chain=target_of(rule.spec))
        for key, rules in observed.chains.items()
        for rule in rules
    )
    return {
        (key.family, key.chain): len(observed.chains[key]) + aims[key]
        for key in gone
        if key.family != "bridge"
    }


def _serves(observed: Observed, family: Family) -> bool:
    return ChainKey(family, "filter", f"{CHAIN_PREFIX}FORWARD") in observed.chains


def with_others(observed: Observed, wanted: Wanted) -> Wanted:
    """Return what is wanted, and as wanted what else is observed of ours in these tables."""
    others = {
        key: rules if is_own_chain(key.chain) else jumps
        for key, rules in observed.chains.items()
        if not (_is_of(key) and key.chain != LOCAL)
        for jumps in (tuple(rule for rule in rules if is_ours(key.chain, rule.spec)),)
        if is_own_chain(key.chain) or jumps
    }
    emptied = {key: () for key in others if _is_of(key)}
    return replace(wanted, chains={**others, **emptied, **wanted.chains})


def notes_of_guests(steps: Plan, wanted: Wanted) -> tuple[str, ...]:
    """Say of ports that are made what security groups and guards do not hold for them."""
    if not any(isinstance(step, AddLink) and step.kind in ("tap", "veth") for step in steps.steps):
        return ()
    parts = (WITHIN_BRIDGES, NO_GUARDS, BY_EBTABLES)
    reasons = {part: wanted.unsupported[part] for part in parts if part in wanted.unsupported}
    return tuple(f"{part} do not hold: {reason}" for part, reason in reasons.items())
