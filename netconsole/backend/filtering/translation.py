"""Which rules of a chain decide what becomes of a connection's source or destination. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from netconsole.backend.filtering.matches import TRANSLATIONS, Flow, RuleReading

_DEEPEST: Final = 8
"""Chains that are followed; real ones do not nest deeper."""

Rules = Callable[[str], Sequence[str]]
"""The rules of a chain, in their order; none of one that is not there."""
Reader = Callable[[str, Flow], RuleReading]


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule that ends the way of a flow, or of some of it, through a table that translates."""

    target: str
    """What becomes of it, as iptables names it: MASQUERADE, SNAT; ACCEPT where it stays as it
    is."""
    chain: str
    place: int
    """Of the rule in its chain, from 0."""
    entry: int
    """Of the rule of the first chain that it is, or that leads to it, from 0."""
    is_whole: bool
    """Whether it takes all that gets so far, and not only what a condition picks."""
    is_spared: bool
    """Whether rules before it may have let some of the flow out of the table as it is."""
    is_named: bool
    """Whether it, or a rule that leads to it, asks for an interface or an address of this flow."""

    @property
    def is_certain(self) -> bool:
        """Return whether it takes the flow, whatever its packets are."""
        return self.is_whole and not self.is_spared

    @property
    def translates(self) -> bool:
        """Return whether it gives the connection another source or destination."""
        return self.target in TRANSLATIONS


def decisions(chain: str, rules: Rules, read: Reader, flow: Flow) -> tuple[Decision, ...]:
    """Return the rules that decide about a flow, in their order; the last may take all of it.

    Chains of ours are passed over: they exempt what is not to be translated.
    """
    walk = _Walk(rules, read, flow)
    walk.through(chain, 0, None, True, False)
    return tuple(walk.found)


class _Walk:
    """One flow on its way through one table."""

    def __init__(self, rules: Rules, read: Reader, flow: Flow) -> None:
        self._rules = rules
        self._read = read
        self._flow = flow
        self._spared = False
        self.found: list[Decision] = []

    def through(self, chain: str, depth: int, entry: int | None, whole: bool, named: bool) -> bool:
        """Pass a chain; return whether nothing that came in comes out of it again."""
        escaped = False
        for place, text in enumerate(self._rules(chain)):
            rule = self._read(text, self._flow)
            if rule.fit is False or rule.action == "pass" or rule.aim.startswith("nova-"):
                continue
            at = place if entry is None else entry
            takes = whole and not escaped and rule.fit is True
            names = named or rule.named
            target = _target(rule, depth)
            if target:
                found = Decision(target, chain, place, at, takes, self._spared, names)
                self.found.append(found)
                self._spared |= not found.translates
            inner = rule.action in ("jump", "goto") and depth < _DEEPEST
            if target or (inner and self.through(rule.aim, depth + 1, at, takes, names)):
                if rule.fit:
                    return not escaped
            elif rule.action in ("return", "goto"):
                if rule.fit:
                    return False
                escaped = True
        return False


def _target(rule: RuleReading, depth: int) -> str:
    """What a rule makes of what it takes; empty where it only leads elsewhere."""
    if rule.action == "translate":
        return rule.aim
    if rule.action == "drop":
        return "DROP"
    ends = rule.action == "accept" or (rule.action == "return" and depth == 0)
    return "ACCEPT" if ends else ""
