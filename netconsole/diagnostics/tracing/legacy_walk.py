"""The way of a packet through the legacy tables of one hook, by reasoning and by counters. Pure.

A rule whose counter did not move took nothing. Of one whose counter moved the words say whether it
takes the packet; where it asks for what words do not tell, it may have been another packet's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from netconsole.backend.filtering.matches import ANYTHING, QUEUES, Flow, RuleReading, read_iptables
from netconsole.backend.filtering.rules import is_ours
from netconsole.backend.filtering.saved_tables import FilterChain, FilterRule
from netconsole.backend.filtering.walk import WalkedRule, decisions
from netconsole.diagnostics.parts.journey import TracedRule
from netconsole.diagnostics.reasoning.filter_walk import Hook

TABLES: Final[Mapping[Hook, tuple[str, ...]]] = {
    "prerouting": ("raw", "mangle", "nat"),
    "input": ("mangle", "filter", "security", "nat"),
    "forward": ("mangle", "filter", "security"),
    "output": ("raw", "mangle", "nat", "filter", "security"),
    "postrouting": ("mangle", "nat"),
}
"""In the order in which packets pass them (linux/netfilter_ipv4.h, nf_ip_hook_priorities)."""
_EVERY_STATE: Final = frozenset(
    {"NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "DNAT", "SNAT"}
)
"""Which one a packet has is for conntrack to say: a rule that asks for one depends on it."""


@dataclass(frozen=True, slots=True)
class LegacyStep:
    """A rule that a packet met, or the policy of a chain, and what that says."""

    rule: TracedRule
    verdict: str
    rise: int


@dataclass(frozen=True, slots=True)
class LegacyDecision:
    """A rule that may have decided about the packet, or a policy."""

    way: tuple[LegacyStep, ...]
    """The rules that lead there, and itself."""
    outcome: str
    """accept, drop, return or translate."""
    is_sure: bool
    """Whether it takes the packet by its words alone, and no rule before may have."""
    is_whole: bool
    """Whether nothing of the packet's kind gets past it."""

    @property
    def last(self) -> LegacyStep:
        """Return the one that decides."""
        return self.way[-1]


Chains = Mapping[str, FilterChain]


def decided(table: str, chains: Chains, hook: Hook, flow: Flow) -> Iterator[LegacyDecision]:
    """Yield what may have decided about a packet in one table, in its order: of the rules whose
    counters moved those that its words do not rule out, and the policy where it drops."""
    entry = chains.get(hook.upper())
    if entry is None:
        return

    def candidates(name: str, _: Flow) -> Iterator[tuple[int, str]]:
        chain = chains.get(name)
        for place, rule in enumerate(chain.rules if chain is not None else ()):
            if rule.rise:
                yield place, rule.spec

    spared = False
    for each in decisions(entry.chain, candidates, _read, flow):
        way = tuple(_step(table, chains, rule) for rule in each.way)
        yield LegacyDecision(way, each.outcome, each.is_certain, each.is_whole)
        if each.is_whole and each.outcome != "return":
            return
        spared |= each.outcome in ("accept", "translate")
    if entry.policy == "DROP" and entry.rise:
        yield LegacyDecision((_policy(entry),), "drop", not spared, True)


def dropping(table: str, chains: Chains, hook: Hook) -> Iterator[LegacyStep]:
    """Yield every rule that drops or takes something away at a hook and whose counter moved,
    whatever it asks for."""
    own = {each.upper() for each in TABLES}
    for name, chain in chains.items():
        if name in own and name != hook.upper():
            continue
        for place, rule in enumerate(chain.rules):
            if rule.rise and _read(rule.spec, ANYTHING).action == "drop":
                yield _step(table, chains, WalkedRule(name, place))
        if name == hook.upper() and chain.policy == "DROP" and chain.rise:
            yield _policy(chain)


def _read(spec: str, flow: Flow) -> RuleReading:
    found = read_iptables(spec, flow)
    if "states" in found.asks:
        of_any = read_iptables(spec, replace(flow, states=_EVERY_STATE)).fit
        found = replace(found, fit=found.fit or (False if of_any is False else None))
    if found.aim in QUEUES:
        return replace(found, action="drop")
    return found


def _step(table: str, chains: Chains, at: WalkedRule) -> LegacyStep:
    rule = chains[at.chain].rules[at.place]
    told = TracedRule(
        *("ip", table, at.chain, 0, at.place + 1, rule.spec),
        ours=is_ours(at.chain, rule.spec),
        listed_by="iptables-legacy",
    )
    return LegacyStep(told, _verdict(rule), rule.rise)


def _policy(chain: FilterChain) -> LegacyStep:
    told = TracedRule("ip", chain.table, chain.chain, listed_by="iptables-legacy")
    return LegacyStep(told, "drop", chain.rise)


def _verdict(rule: FilterRule) -> str:
    """In the words of the kernel's own trace."""
    if rule.target in QUEUES:
        words = rule.words
        asked = "--queue-num" in words[:-1]
        return f"queue {words[words.index('--queue-num') + 1] if asked else 0}"
    found = read_iptables(rule.spec, ANYTHING)
    if found.action in ("jump", "goto"):
        return f"{found.action} {found.aim}"
    return {"translate": "accept", "hand": "stolen"}.get(found.action, found.action)
