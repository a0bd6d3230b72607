"""The way of a flow through the chains of the packet filter, rule by rule. Pure.

Each table is passed by itself: what one accepts the next can still drop (nft(8), base chains).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from typing import Literal

from netconsole.backend.filtering.matches import Flow, RuleReading
from netconsole.backend.filtering.native_rules import is_native, native_handle
from netconsole.backend.filtering.native_tables import NftTable
from netconsole.backend.filtering.nft_matches import read_nft, read_rule
from netconsole.backend.model.hoststate import Kind
from netconsole.diagnostics.parts.packet_filter import PacketFilter

Hook = Literal["prerouting", "input", "forward"]
"""Where in the kernel a table is passed: what comes in, then what ends here or goes on."""

TABLES: Mapping[Hook, tuple[str, ...]] = {
    "prerouting": ("raw", "mangle"),
    "input": ("mangle", "filter", "security"),
    "forward": ("mangle", "filter", "security"),
}
"""The tables of iptables that can drop something there, in the order in which they are passed."""
_DEEPEST = 32
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

    kind: Kind | Literal["native"]
    """`native`: of nftables, and not shown by iptables."""
    family: str
    table: str
    entry: str
    chains: Mapping[str, Chain]
    read: Callable[[str, Flow], RuleReading]
    locked: bool = False
    """Only the process that made it can change it."""

    @property
    def name(self) -> str:
        """Return what an admin would call it."""
        if self.kind == "native":
            return f"nftables, {self.family} {self.table}"
        return f"iptables, {self.kind} kind, {self.table}"


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
        what = f"rule {self.position}" if self.position else "the policy"
        return f"{what} of {self.chain} ({self.ruleset.name})"


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
    index = _Index(ruleset)
    return tuple(drop for flow in flows for drop in _Walk(ruleset, index, flow).to_its_end())


_Rule = tuple[int, WalkStep]
"""With its position in the chain, from 1."""


class _Index:
    """Which rules of a chain can concern a flow at all: with many networks they are few.

    A rule that names one interface is found by it; every other rule can concern every flow.
    """

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._chains: dict[str, dict[tuple[str, str], list[_Rule]]] = {}

    def of(self, chain: Chain, flow: Flow) -> Iterator[_Rule]:
        """Return these rules, in their order."""
        if chain.name not in self._chains:
            found: dict[tuple[str, str], list[_Rule]] = {}
            for rule in enumerate(chain.steps, start=1):
                found.setdefault(self._key(rule[1].text), []).append(rule)
            self._chains[chain.name] = found
        found = self._chains[chain.name]
        keys = (("", ""), ("i", flow.into), ("o", flow.out))
        return merge(*(found.get(key, ()) for key in keys), key=itemgetter(0))

    def _key(self, text: str) -> tuple[str, str]:
        native = self._ruleset.kind == "native" or is_native(text)
        if not native and '"' in text:
            return "", ""  # a comment could say anything
        found = (_NATIVE_INTERFACE if native else _INTERFACE).search(text)
        return (found[1], found[2]) if found else ("", "")


class _Walk:
    """One flow on its way through one table."""

    def __init__(self, ruleset: Ruleset, index: _Index, flow: Flow) -> None:
        self._ruleset = ruleset
        self._index = index
        self._flow = flow
        self._excepted = False
        self._way: list[WalkPlace] = []
        self._found: list[Drop] = []

    def to_its_end(self) -> list[Drop]:
        """Walk from the entry to the policy; answer where packets are dropped."""
        entry = self._ruleset.chains[self._ruleset.entry]
        if not self._through(entry.name, True, 0) and entry.drops:
            policy = WalkStep("policy DROP", entry.packets, entry.rise)
            self._drop(WalkPlace(entry.name, 0, policy), True, False)
        return self._found

    def _through(self, name: str, certain: bool, depth: int) -> bool:
        """Pass a chain; return whether that decided on every packet that came in."""
        chain = self._ruleset.chains.get(name)
        if chain is None or depth > _DEEPEST:
            return False  # a target that is no chain, as LOG
        for position, step in self._index.of(chain, self._flow):
            rule = self._ruleset.read(step.text, self._flow)
            if rule.fit is False or rule.action in ("pass", "translate"):
                continue
            if rule.action == "return":
                if rule.fit:
                    return False
                self._excepted = True
                continue
            sure = certain and rule.fit is True
            if self._decided(rule, WalkPlace(name, position, step), sure, depth) and rule.fit:
                return True
            if rule.action == "goto" and rule.fit:
                return False
        return False

    def _decided(self, rule: RuleReading, at: WalkPlace, sure: bool, depth: int) -> bool:
        if rule.action == "accept":
            self._excepted |= not sure
            return True
        if rule.action == "drop":
            self._drop(at, sure, rule.named)
            return True
        self._way.append(at)
        try:
            return self._through(rule.aim, sure, depth + 1)
        finally:
            self._way.pop()

    def _drop(self, at: WalkPlace, certain: bool, named: bool) -> None:
        way = tuple(self._way)
        self._found.append(Drop(self._flow, self._ruleset, at, way, self._excepted, certain, named))
