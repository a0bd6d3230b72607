"""Scope: a change about some subjects looks at those alone, and plans those alone. Pure.

How it is with ports and groups, the modules `ports` and `guests` say. With floating addresses, what
others have in the nat table is kept where it is, so the difference must not touch it; that our
jumps and the rules of networks, on which those of the addresses stand, are as wanted is what makes
the narrow look enough.
"""

from collections.abc import Iterable, Mapping, Sequence

from netconsole.backend.filtering.rules import gone, is_own_chain, specs
from netconsole.backend.intent.bridged import keeps_sources
from netconsole.backend.managers.flatdhcp import has_external_gateway
from netconsole.backend.model.hoststate import ChainKey, HostState, Observed, Rule, Wanted
from netconsole.backend.model.kernel_settings import IP_FORWARD
from netconsole.backend.model.records import Network
from netconsole.backend.model.subject import Scope, Subject
from netconsole.backend.plan import guests, plan, ports
from netconsole.backend.steps import Plan
from netconsole.backend.wording.rule_subjects import subject_of


def difference(observed: Observed, wanted: Wanted, scope: Scope) -> Plan:
    """Return the steps between two states, as far as the scope goes."""
    if scope.is_whole:
        return plan(observed, wanted)
    if scope.is_of_ports or scope.is_of_groups:  # both states are narrow
        return plan(observed, _with_others(observed, wanted, scope))
    present, goal = _differing(_nat(observed), _nat(wanted), scope)
    return plan(
        Observed(
            sysctls=observed.sysctls,
            addresses=observed.addresses,
            chains=present,
            unreadable=observed.unreadable,
        ),
        Wanted(
            sysctls={key: value for key, value in wanted.sysctls.items() if key == IP_FORWARD},
            addresses=tuple(
                address for address in wanted.addresses if address.subject in scope.subjects
            ),
            chains=goal,
            networks_path=wanted.networks_path,
            released=wanted.released,
            former_addresses=wanted.former_addresses,
        ),
    )


def is_enough(
    observed: Observed, wanted: Wanted, scope: Scope, networks: Iterable[Network]
) -> bool:
    """Whether all that the subjects stand on is as wanted; nothing else is repaired.

    Of floating addresses that is rules. Where a network has another router, they have some in the
    bridge tables as well; where a bridge's frames have to meet iptables, its first address makes
    them.
    """
    if scope.is_whole:
        return True
    if scope.chains is not None and scope.vicinity is None:
        return guests.are_led_to(observed, wanted.chains)
    if scope.is_of_groups:
        return guests.stand(observed, wanted)
    if scope.vicinity is not None:
        return ports.stand(observed, wanted, scope.vicinity, (name for _, name in scope.subjects))
    chains = _nat(wanted)
    return (
        bool(chains)
        and all(observed.sysctls.get(key, value) == value for key, value in wanted.sysctls.items())
        and not keeps_sources(wanted)
        and not any(map(has_external_gateway, networks))
        and all(
            key in observed.chains and _stands(observed.chains[key], _ground(rules, scope))
            for key, rules in chains.items()
        )
    )


def leaving_chains(observed: Observed, wanted: Wanted, scope: Scope) -> tuple[ChainKey, ...]:
    """Return the chains of ours that go, as far as the scope goes.

    Of those of a guest that are named the kernel has been asked whether anything else leads there.
    """
    if scope.is_of_ports or scope.is_of_groups:
        found = gone(observed.chains, _with_others(observed, wanted, scope).chains)
        is_asked = scope.is_of_ports and scope.chains is not None
        return tuple(key for key in found if not is_asked or key.family == "bridge")
    return gone(observed.chains if scope.is_whole else _nat(observed), wanted.chains)


def _with_others(observed: Observed, wanted: Wanted, scope: Scope) -> Wanted:
    if scope.is_of_ports:
        return ports.with_others(observed, wanted, (name for _, name in scope.subjects))
    return guests.with_others(observed, wanted)


_Chains = Mapping[ChainKey, tuple[Rule, ...]]


def _nat(state: HostState) -> _Chains:
    return {
        key: rules
        for key, rules in state.chains.items()
        if key.family == "ipv4" and key.table == "nat"
    }


def _ground(rules: Sequence[Rule], scope: Scope) -> list[Rule]:
    """The wanted rules that are not the addresses' own: jumps, networks', metadata's."""
    return [rule for rule in rules if rule.subject not in scope.subjects]


def _stands(present: Sequence[Rule], ground: Sequence[Rule]) -> bool:
    wanted = frozenset(specs(ground))
    return not wanted or [rule.spec for rule in present if rule.spec in wanted] == specs(ground)


def _differing(present: _Chains, goal: _Chains, scope: Scope) -> tuple[_Chains, _Chains]:
    """The nat table as it is, and as wanted if all but the addresses' rules is as it should be.

    A chain of ours in which rules only come to the end is told of from there on: the ten thousand
    before them, none of which is like one of theirs, are not compared.
    """
    here, there = dict(present), dict(goal)
    for key, found in present.items():
        if is_own_chain(key.chain):
            wanted = _with_own(key, found, goal.get(key, ()), scope)
            same = len(found) if wanted[: len(found)] == found else 0
            here[key], there[key] = found[same:], wanted[same:]
    return here, there


def _with_own(
    key: ChainKey, present: tuple[Rule, ...], goal: tuple[Rule, ...], scope: Scope
) -> tuple[Rule, ...]:
    """The rules of a chain with those of each address put right; new ones go to the end.

    There `intent` puts them too: it has associations in the order in which they were made.
    """
    old, new = _own(key, present, scope), _wanted_own(goal, scope)
    moved = {each for each in scope.subjects if old.get(each) != new.get(each)}
    gone = {rule.spec for each in moved for rule in old.get(each, ())}
    kept = tuple([rule for rule in present if rule.spec not in gone]) if gone else present
    missing = [rule for rule in _ground(goal, scope) if rule not in kept]
    if not (moved or missing):
        return present
    return (*missing, *kept, *(rule for rule in goal if rule.subject in moved))


def _own(key: ChainKey, present: Sequence[Rule], scope: Scope) -> dict[Subject, list[Rule]]:
    """The rules of each address that are there; most of a chain's are out at one look."""
    found: dict[Subject, list[Rule]] = {}
    for about in scope.subjects:
        name = about.name
        named = [rule for rule in present if name in rule.spec]
        if rules := [rule for rule in named if subject_of(key.chain, rule.spec) == about]:
            found[about] = rules
    return found


def _wanted_own(goal: Sequence[Rule], scope: Scope) -> dict[Subject, list[Rule]]:
    wanted: dict[Subject, list[Rule]] = {}
    for rule in goal:
        if rule.subject is not None and rule.subject in scope.subjects:
            wanted.setdefault(rule.subject, []).append(rule)
    return wanted
