"""Bypass: the rules of others that let packets in to instances before their groups are asked. Pure.

Our jumps are put first and stay where they are (`filtering/rules`), so that what is inserted above
them later is asked first. Only the table and the kind in which they stand counts: an ACCEPT ends
the way of a packet through its own table alone, and every other one is passed as well (nft(8)).
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.native_rules import is_native, native_text
from netconsole.backend.filtering.places import rule_in_words
from netconsole.backend.filtering.rules import is_ours
from netconsole.backend.filtering.walk import Decision, WalkedRule, decisions
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.records import Network
from netconsole.backend.survey.status import Bypass
from netconsole.backend.survey.ways_in import read_any_way_in
from netconsole.backend.wording.groups import LOCAL

Chains = Mapping[ChainKey, tuple[Rule, ...]]
_Family = Literal["ipv4", "ipv6"]

_PROGRAMS: Final[tuple[tuple[_Family, str], ...]] = (("ipv4", "iptables"), ("ipv6", "ip6tables"))
_JUMP: Final = "-j nova-filter-top"
_NEXT: Final = f"-j {LOCAL}"
_WAY: Final = (_JUMP, _NEXT)
_BEGINS: Final = frozenset({"NEW"})
_GOES_ON: Final = frozenset({"ESTABLISHED", "RELATED"})


def bypasses(chains: Chains, networks: Iterable[Network]) -> tuple[Bypass, ...]:
    """Return these rules; none where nothing is filtered. Each chain's first stand first."""
    sent = tuple(networks)
    found = (
        each
        for family, program in _PROGRAMS
        if chains.get(ChainKey(family, "filter", LOCAL))
        for chain in ("FORWARD", "OUTPUT")
        if not _asks_first(chains, family, chain)
        for each in _of_chain(chains, family, program, chain, sent)
    )
    return tuple(dict.fromkeys(found))


def _asks_first(chains: Chains, family: _Family, chain: str) -> bool:
    """Whether nothing stands before our jumps, as is nearly always so."""
    first = (chains.get(ChainKey(family, "filter", each)) for each in (chain, "nova-filter-top"))
    return all(rules and rules[0].spec == jump for rules, jump in zip(first, _WAY, strict=True))


def _of_chain(
    chains: Chains, family: _Family, program: str, chain: str, networks: Iterable[Network]
) -> tuple[Bypass, ...]:
    def rules_of(name: str, _: Flow) -> Iterator[tuple[int, str]]:
        rules = chains.get(ChainKey(family, "filter", name), ())
        return enumerate(rule.spec for rule in rules)

    def text_at(rule: WalkedRule) -> str:
        return chains[ChainKey(family, "filter", rule.chain)][rule.place].spec

    found: dict[tuple[str, int], Bypass] = {}
    for flow in _flows(family, networks):
        for each in decisions(chain, rules_of, read_any_way_in, flow):
            spec = text_at(each.way[-1])
            if each.outcome not in ("accept", "return") or is_ours(each.chain, spec):
                continue
            is_behind = len(each.way) > 1 and text_at(each.way[0]) == _JUMP
            above, jump = (each.way[1], _NEXT) if is_behind else (each.way[0], _JUMP)
            known = found.get((each.chain, each.place))
            whole = _is_whole(each, flow) or (known is not None and known.whole)
            place = rule_in_words(each.place + 1, each.chain, f"{program} table filter")
            rule = native_text(spec) if is_native(spec) else spec
            bypass = Bypass(family, above.chain, jump, above.place + 1, place, rule, whole)
            found[each.chain, each.place] = bypass
    return tuple(sorted(found.values(), key=lambda each: (each.entry, not each.whole)))


def _is_whole(decision: Decision, flow: Flow) -> bool:
    return decision.outcome == "accept" and decision.is_whole and flow.states == _BEGINS


def _flows(family: _Family, networks: Iterable[Network]) -> Iterator[Flow]:
    """What is sent to the instances of each network: what begins there, and what goes on."""
    for network in networks:
        cidr = network.cidr if family == "ipv4" else network.cidr_v6
        if cidr is None:
            continue
        everywhere = IPv4Network("0.0.0.0/0") if family == "ipv4" else IPv6Network("::/0")
        there = IPv4Network(cidr) if family == "ipv4" else IPv6Network(cidr)
        for states in (_BEGINS, _GOES_ON):
            words = f"what is sent to instances of {network.label}"
            yield Flow(words, network.bridge, "", network.bridge, everywhere, there, states)
