"""The way of a flow through the chains of the packet filter, rule by rule. Pure.

Each table is passed by itself: what one accepts the next can still drop (nft(8), base chains).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from typing import Literal

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.native_rules import is_native, native_handle
from netconsole.backend.filtering.native_tables import NftTable
from netconsole.backend.filtering.nft_matches import read_nft, read_rule
from netconsole.backend.filtering.places import TableKind, rule_in_words, table_in_words
from netconsole.backend.filtering.walk import Reader, WalkedRule, decisions
from netconsole.backend.model.table_names import Kind
from netconsole.diagnostics.parts.packet_filter import PacketFilter

Hook = Literal["prerouting", "input", "forward", "output", "postrouting"]
"""Where in the kernel a table is passed: what comes in, then what ends here or goes on, what this
host itself sends, and all that leaves."""

TABLES: Mapping[Hook, tuple[str, ...]] = {
    "prerouting": ("raw", "mangle"),
    "input": ("mangle", "filter", "security"),
    "forward": ("mangle", "filter", "security"),
    "output": ("raw", "mangle", "filter", "security"),
    "postrouting": ("mangle",),
}
"""The tables of iptables that can drop something there, in the order in which they are passed."""
_INTERFACE = re.compile(r"(?<!! )-([io]) ([^ +]+)(?= |$)")
_NATIVE_INTERFACE = re.compile(r'\b([io])ifname "([^"*]+)"')
"""A rule that asks for one interface by its whole name."""


@dataclass(frozen=True, slots=True)
class WalkStep:
    """A rule of a chain, of either language."""

    text: str
    packets: int | None = None
    rise: int = 0
    handle: int = 0
    """Of a rule in the words of nft, by which it is found."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain, of either language."""

    name: str
    steps: tuple[WalkStep, ...]
    drops: bool = False
    """Its policy, where it has one."""
    packets: int | None = None
    rise: int = 0


@dataclass(frozen=True, slots=True)
class Ruleset:
    """One table of one kind, as packets enter it at the chain `entry`."""

    kind: TableKind
    family: str
    table: str
    entry: str
    chains: Mapping[str, Chain]
    read: Reader
    locked: bool = False
    """Only the process that made it can change it."""

    @property
    def name(self) -> str:
        """Return what an admin would call it."""
        return table_in_words(self.kind, self.family, self.table)

    def place(self, rule: WalkedRule) -> "WalkPlace":
        """Return where a rule of one of its chains stands."""
        step = self.chains[rule.chain].steps[rule.place]
        return WalkPlace(rule.chain, rule.place + 1, step)


@dataclass(frozen=True, slots=True)
class WalkPlace:
    """Where a rule stands."""

    chain: str
    position: int
    """From 1; 0 for the policy."""
    rule: WalkStep


@dataclass(frozen=True, slots=True)
class Drop:
    """Where a flow is dropped."""

    flow: Flow
    ruleset: Ruleset
    at: WalkPlace
    """Of the rule that drops, or of the policy; it counts this flow and others."""
    way: tuple[WalkPlace, ...] = ()
    """The rules that lead there, from the entry on."""
    excepted: bool = False
    """Whether rules before it accept some packets of the flow, or lead them around it."""
    certain: bool = True
    """Whether it drops all that gets there, or only what a condition picks."""
    named: bool = False
    """Whether it asks for an interface or an address of this very flow."""

    @property
    def chain(self) -> str:
        """Return the chain that drops."""
        return self.at.chain

    @property
    def position(self) -> int:
        """Return the place of the rule in it, from 1; 0 for the policy."""
        return self.at.position

    @property
    def text(self) -> str:
        """Return the rule."""
        return self.at.rule.text

    @property
    def packets(self) -> int | None:
        """Return how many it has dropped, of this flow and others; None where none are counted."""
        return self.at.rule.packets

    @property
    def rise(self) -> int:
        """Return how many of them it dropped between the two readings."""
        return self.at.rule.rise

    @property
    def place(self) -> str:
        """Return where that is, in words."""
        return rule_in_words(self.position, self.chain, self.ruleset.name)


def rulesets(seen: PacketFilter, hook: Hook = "forward") -> Iterator[Ruleset]:
    """Return every table that IPv4 packets pass there."""
    kinds: tuple[Kind, ...] = ("nft", "legacy")
    entry = hook.upper()
    for kind in kinds:
        for table in TABLES[hook]:
            chains = {
                each.chain: Chain(
                    each.chain,
                    tuple(
                        WalkStep(rule.spec, rule.packets, rule.rise, native_handle(rule.spec))
                        for rule in each.rules
                    ),
                    each.policy == "DROP",
                    each.packets,
                    each.rise,
                )
                for each in seen.of(table, kind)
            }
            if entry in chains:
                yield Ruleset(kind, "ip", table, entry, chains, read_rule)
    for native in seen.foreign_tables:
        yield from _native(native, hook)


def _native(table: NftTable, hook: Hook) -> Iterator[Ruleset]:
    if table.family not in ("ip", "inet") or "dormant" in table.flags:
        return
    chains = {
        each.name: Chain(
            each.name,
            tuple(WalkStep(rule.text, rule.packets, rule.rise, rule.handle) for rule in each.rules),
            each.policy == "drop",
        )
        for each in table.chains
    }
    for each in table.chains:
        if each.hook == hook and each.type == "filter":
            locked = "owner" in table.flags
            yield Ruleset("native", table.family, table.name, each.name, chains, read_nft, locked)


def drops(ruleset: Ruleset, flows: Iterable[Flow]) -> tuple[Drop, ...]:
    """Return where flows are dropped: of each what conditions pick first, what all meets last."""
    index = RuleIndex(ruleset)
    return tuple(drop for flow in flows for drop in _drops(ruleset, index, flow))


def _drops(ruleset: Ruleset, index: "RuleIndex", flow: Flow) -> Iterator[Drop]:
    entry, spared = ruleset.chains[ruleset.entry], False
    for each in decisions(entry.name, index.candidates, ruleset.read, flow):
        if each.outcome == "drop":
            *way, at = map(ruleset.place, each.way)
            excepted, named = each.is_spared or each.is_escaped, each.way[-1].is_named
            yield Drop(flow, ruleset, at, tuple(way), excepted, each.fits, named)
        if each.is_whole and each.outcome != "return":
            return
        spared |= each.outcome in ("accept", "return")
    if entry.drops:
        policy = WalkStep("policy DROP", entry.packets, entry.rise)
        yield Drop(flow, ruleset, WalkPlace(entry.name, 0, policy), (), spared)


_Rule = tuple[int, str]
"""With its place in the chain, from 0."""


class RuleIndex:
    """Which rules of a chain can concern a flow at all: with many networks they are few.

    A rule that names one interface is found by it; every other rule can concern every flow.
    """

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._chains: dict[str, dict[tuple[str, str], list[_Rule]]] = {}

    def candidates(self, name: str, flow: Flow) -> Iterator[_Rule]:
        """Return these rules, in their order; none of a target that is no chain, as LOG."""
        chain = self._ruleset.chains.get(name)
        if chain is None:
            return iter(())
        if name not in self._chains:
            found: dict[tuple[str, str], list[_Rule]] = {}
            for place, rule in enumerate(chain.steps):
                found.setdefault(self._key(rule.text), []).append((place, rule.text))
            self._chains[name] = found
        found = self._chains[name]
        keys = (("", ""), ("i", flow.into), ("o", flow.out))
        return merge(*(found.get(key, ()) for key in keys), key=itemgetter(0))

    def _key(self, text: str) -> tuple[str, str]:
        native = self._ruleset.kind == "native" or is_native(text)
        if not native and '"' in text:
            return "", ""  # a comment could say anything
        found = (_NATIVE_INTERFACE if native else _INTERFACE).search(text)
        return (found[1], found[2]) if found else ("", "")
