"""The way of a flow through the chains of one table: the rules that decide about it. Pure."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from netconsole.backend.filtering.matches import Flow, RuleReading

_DEEPEST: Final = 32
"""Chains that are followed. The kernel follows 16 (NFT_JUMP_STACK_SIZE, linux/netfilter/
nf_tables.h); of the legacy kind it depends on the table."""

Outcome = Literal["accept", "drop", "return", "translate"]
"""`return`: the flow leaves the first chain, whose policy decides; some of it, where another takes
it, who may end it or not."""

Reader = Callable[[str, Flow], RuleReading]
Candidates = Callable[[str, Flow], Iterable[tuple[int, str]]]
"""The rules of a chain that may concern a flow, each with its place from 0; none of one that is
not there."""


@dataclass(frozen=True, slots=True)
class WalkedRule:
    """A rule that a flow meets."""

    chain: str
    place: int
    """From 0."""
    is_named: bool = False
    """Whether it asks for an interface or an address of this flow."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule that ends the way of a flow, or of some of it, through a table."""

    outcome: Outcome
    aim: str
    """Of a translation its name, as iptables has it."""
    way: tuple[WalkedRule, ...]
    """The rules that lead there, from the first chain on, and the rule itself."""
    fits: bool
    """Whether it and all that lead there take whatever of the flow they meet, and not only what a
    condition picks."""
    is_escaped: bool
    """Whether rules before may have led some of the flow around it."""
    is_spared: bool
    """Whether rules before may have ended the way of some of the flow, as it is."""

    @property
    def chain(self) -> str:
        """Return the chain of the rule."""
        return self.way[-1].chain

    @property
    def place(self) -> int:
        """Return the place of the rule in its chain, from 0."""
        return self.way[-1].place

    @property
    def entry(self) -> int:
        """Return the place of the rule of the first chain that it is, or that leads to it."""
        return self.way[0].place

    @property
    def is_whole(self) -> bool:
        """Return whether it takes all that gets so far, and not only what a condition picks."""
        return self.fits and not self.is_escaped

    @property
    def is_certain(self) -> bool:
        """Return whether it takes the flow, whatever its packets are."""
        return self.is_whole and not self.is_spared

    @property
    def is_named(self) -> bool:
        """Return whether a rule of the way asks for an interface or an address of this flow."""
        return any(rule.is_named for rule in self.way)


def decisions(chain: str, candidates: Candidates, read: Reader, flow: Flow) -> tuple[Decision, ...]:
    """Return the rules that decide about a flow, in their order; the last may take all of it."""
    walk = _Walk(candidates, read, flow)
    walk.through(chain, True, False)
    return tuple(walk.found)


class _Walk:
    """One flow on its way through one table."""

    def __init__(self, candidates: Candidates, read: Reader, flow: Flow) -> None:
        self._candidates = candidates
        self._read = read
        self._flow = flow
        self._way: list[WalkedRule] = []
        self._is_spared = False
        self.found: list[Decision] = []

    def through(self, chain: str, fits: bool, is_escaped: bool) -> bool:
        """Pass a chain; return whether nothing that came in comes out of it again."""
        left = False
        for place, text in self._candidates(chain, self._flow):
            rule = self._read(text, self._flow)
            if rule.fit is False or rule.action == "pass":
                continue
            with self._at(WalkedRule(chain, place, rule.named)):
                if self._is_ended(rule, fits and rule.fit is True, is_escaped or left):
                    if rule.fit:
                        return not left
                elif rule.action in ("return", "goto"):
                    if rule.fit:
                        return False
                    left |= rule.action == "goto" or len(self._way) > 1
        return False

    @contextmanager
    def _at(self, rule: WalkedRule) -> Iterator[None]:
        self._way.append(rule)
        yield
        self._way.pop()

    def _is_ended(self, rule: RuleReading, fits: bool, is_escaped: bool) -> bool:
        """Whether what a rule takes comes back to no rule behind it."""
        way = tuple(self._way)
        match rule.action:
            case "jump" | "goto":
                return len(way) <= _DEEPEST and self.through(rule.aim, fits, is_escaped)
            case "return" if len(way) > 1:
                return False
            case "hand":  # it may end there, or come back to the next rule
                spared, self._is_spared = self._is_spared, True
                self.found.append(Decision("return", "", way, False, is_escaped, spared))
            case "accept" | "drop" | "return" | "translate" as outcome:
                spared = self._is_spared
                decision = Decision(outcome, rule.aim, way, fits, is_escaped, spared)
                self.found.append(decision)
                self._is_spared |= outcome in ("accept", "return")
                return outcome != "return"
        return False
