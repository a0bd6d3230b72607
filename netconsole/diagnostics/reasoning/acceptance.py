"""The ACCEPT that lets through what is dropped: where it goes, and what it asks for. Pure.

It goes right before the rule that drops, so that whatever stands above still decides first. It
asks for the guests, and for all that this rule asks for: what stands below loses nothing but
packets that would not have got there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from netconsole.backend.filtering.matches import EVERYTHING, Addresses, Aspect, Flow
from netconsole.backend.filtering.native_rules import aims, is_native, target
from netconsole.backend.filtering.saved_tables import FilterRule
from netconsole.backend.model.table_names import Kind
from netconsole.backend.steps import ChangeRules, InsertNftRule, Plan, Step
from netconsole.diagnostics.reasoning.filter_walk import Drop, Ruleset, WalkPlace, WalkStep

FILTER_TABLES: Final[Mapping[str, Literal["raw", "mangle", "filter", "security"]]] = {
    "raw": "raw",
    "mangle": "mangle",
    "filter": "filter",
    "security": "security",
}
_GOING_ON = frozenset({"", "CONNMARK", "LOG", "MARK", "NFLOG"})
"""Targets after which a packet goes on to the next rule."""
_BOTH_ENDS: Final[frozenset[Aspect]] = frozenset({"into", "out", "destination"})
_TRACKED = ("NEW", "RELATED", "ESTABLISHED")
"""The states of what belongs to connections, in the order in which iptables-save has them."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an ACCEPT asks for; what is empty it does not ask for."""

    into: str = ""
    out: str = ""
    source: Addresses = EVERYTHING
    destination: Addresses = EVERYTHING
    protocol: str = ""
    port: int = 0
    bridged: bool | None = None
    states: tuple[str, ...] = ()
    translated: bool = False
    """Whether their destination was changed."""

    @property
    def iptables(self) -> str:
        """Return them as iptables-save(8) prints them."""
        bridged = {None: "", True: "--physdev-is-bridged", False: "! --physdev-is-bridged"}
        asked = (
            ("-s", _unless_all(self.source)),
            ("-d", _unless_all(self.destination)),
            ("-i", self.into),
            ("-o", self.out),
            ("-p", self.protocol),
            (f"-m {self.protocol} --dport", str(self.port or "")),
            ("-m physdev", bridged[self.bridged]),
            ("-m conntrack --ctstate", ",".join(self.states)),
            ("-m conntrack --ctstate", "DNAT" if self.translated else ""),
        )
        return " ".join(f"{option} {value}" for option, value in asked if value)

    def nft(self, family: str) -> str:
        """Return them in the words of nft(8), which knows nothing of `bridged`, for IPv4 alone."""
        source, destination = _unless_all(self.source), _unless_all(self.destination)
        every_version = family == "inet" and not source and not destination
        asked = (
            ("meta nfproto", "ipv4" if every_version else ""),
            ("iifname", self.into and f'"{self.into}"'),
            ("oifname", self.out and f'"{self.out}"'),
            ("ip saddr", source),
            ("ip daddr", destination),
            (f"{self.protocol} dport", str(self.port or "")),
            ("ct state", ",".join(self.states).lower()),
            ("ct status", "dnat" if self.translated else ""),
        )
        return " ".join(f"{name} {value}" for name, value in asked if value)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A rule that accepts, and its place."""

    ruleset: Ruleset = field(compare=False)
    at: WalkPlace
    """Of the rule in front of which it goes; of the policy, at the end of the chain."""
    conditions: Conditions
    words: str
    """What it lets through, short enough for a comment of nft."""

    @property
    def rule(self) -> str:
        """Return it in the words of iptables."""
        return f"{self.conditions.iptables} -j ACCEPT"

    @property
    def is_of_nft(self) -> bool:
        """Return whether it is put in by nft: iptables cannot show what stands there either."""
        if self.ruleset.kind == "native" or self.at.rule.handle:
            return True
        steps = self.ruleset.chains[self.at.chain].steps
        return not self.at.position and any(step.handle for step in steps)


class Leads:
    """From where the chains of one table are led to."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._found: dict[str, tuple[str, ...]] = {}

    def several(self, chain: str) -> bool:
        """Whether packets get to a chain by more than one way."""
        passed = {chain}
        ahead = [chain]
        while ahead:
            leading = self._to(ahead.pop())
            if len(leading) > 1:
                return True
            ahead += [each for each in leading if each not in passed]
            passed.update(leading)
        return False

    def _to(self, chain: str) -> tuple[str, ...]:
        """Return the chain of each rule that leads to this one."""
        if chain not in self._found:
            self._found[chain] = tuple(
                each.name
                for each in self._ruleset.chains.values()
                for step in each.steps
                if chain in step.text and chain in self._aims(step.text)
            )
        return self._found[chain]

    def _aims(self, text: str) -> frozenset[str]:
        if self._ruleset.kind == "native" or is_native(text):
            return aims(text)
        return frozenset((FilterRule(text).target,))


def let_pass(
    found: Iterable[Drop],
    command: Kind,
    unasked: frozenset[Aspect] = frozenset(),
    elsewhere: Callable[[Drop], Acceptance | None] = lambda drop: None,
) -> Plan | None:
    """Return the steps that let through what is certainly dropped, right before that happens, or
    `elsewhere` where that answers; None where a table is locked.

    Of `unasked` they ask only where the rule that drops does. `command` is the kind of which
    `iptables` is on the host.
    """
    known: dict[tuple[str, ...], Leads] = {}
    tables: dict[tuple[str, ...], dict[Acceptance, None]] = {}
    for drop in found:
        ruleset = drop.ruleset
        if ruleset.locked:
            return None
        key = (ruleset.kind, ruleset.family, ruleset.table)
        leads = known.setdefault(key, Leads(ruleset))
        accepted = elsewhere(drop) or _before(drop, leads, unasked)
        tables.setdefault(key, {})[accepted] = None
    return Plan(tuple(step for each in tables.values() for step in _steps(tuple(each), command)))


def _before(drop: Drop, leads: Leads, unasked: frozenset[Aspect]) -> Acceptance:
    """Return what lets a flow through right before it is dropped.

    In a chain to which others lead as well it asks for both ends of the way, as what they send
    there is not to be let through.
    """
    passed = (drop.at, *reversed(drop.way))
    place = next(each for each in passed if not _is_only_led_through(each, drop, leads))
    met = passed[: passed.index(place) + 1]
    texts = [each.rule.text for each in met if each.position]
    read, flow = drop.ruleset.read, drop.flow
    asked = frozenset(aspect for text in texts for aspect in read(text, flow).asks)
    if leads.several(place.chain):
        asked |= _BOTH_ENDS
    return acceptance(drop, place, asked, unasked - asked, texts)


def _is_only_led_through(place: WalkPlace, drop: Drop, leads: Leads) -> bool:
    """Whether a chain drops all that several rules lead to it, as one that logs before it drops.

    Then the rule that leads there is the one that drops: the others were meant for other packets.
    """
    ruleset = drop.ruleset
    earlier = ruleset.chains[place.chain].steps[: place.position - 1] if place.position else ()
    return (
        bool(place.position)
        and place.chain != ruleset.entry
        and leads.several(place.chain)
        and all(_goes_on(step, ruleset) for step in earlier)
    )


def _goes_on(step: WalkStep, ruleset: Ruleset) -> bool:
    """Whether a rule decides nothing, of whichever packet."""
    native = ruleset.kind == "native"
    return (target(step.text) if native else FilterRule(step.text).target) in _GOING_ON


def acceptance(
    drop: Drop,
    place: WalkPlace,
    asked: frozenset[Aspect] = frozenset(),
    unasked: frozenset[Aspect] = frozenset(),
    texts: Iterable[str] = (),
) -> Acceptance:
    """Return what lets a flow through at a place.

    It asks for the guests' own end and for what is `asked`, and of connections for those states
    alone in which all rules of these texts drop them.
    """
    flow, ruleset = drop.flow, drop.ruleset
    conditions = Conditions(
        flow.into if flow.into == flow.bridge or "into" in asked else "",
        flow.out if flow.out == flow.bridge or "out" in asked else "",
        EVERYTHING if "source" in unasked else flow.source,
        EVERYTHING if "destination" in unasked else flow.destination,
        flow.protocol,
        flow.port,
        flow.bridged if flow.bridged or "bridged" in asked else None,
        tuple(_states(drop, tuple(texts))) if "states" in asked or "NEW" not in flow.states else (),
        "DNAT" in flow.states,
    )
    return Acceptance(ruleset, place, conditions, _words(flow))


def _states(drop: Drop, texts: tuple[str, ...]) -> Iterator[str]:
    """Return the states of connections of a flow in which all of these rules fit."""
    flow, read = drop.flow, drop.ruleset.read
    for state in _TRACKED:
        packet = replace(flow, states=(flow.states & {"DNAT"}) | {state})
        possible = state != "NEW" or "NEW" in flow.states
        if possible and all(read(text, packet).fit for text in texts):
            yield state


def _words(flow: Flow) -> str:
    if flow.port:
        return f"port {flow.port} from {flow.bridge}"
    if flow.bridged:
        return f"within {flow.bridge}"
    if flow.into == flow.bridge:
        return f"from {flow.source} on {flow.bridge}"
    what = "new connections" if "NEW" in flow.states else "replies"
    return f"{what} to {flow.destination} on {flow.bridge}"


def _unless_all(addresses: Addresses) -> str:
    return "" if addresses == EVERYTHING else str(addresses)


def _steps(found: tuple[Acceptance, ...], command: Kind) -> Iterator[Step]:
    """Those with handles come last, as they do not count places."""
    ruleset = found[0].ruleset
    counted = tuple(each for each in found if not each.is_of_nft)
    if counted and ruleset.kind != "native":
        yield ChangeRules(
            "ipv4",
            FILTER_TABLES[ruleset.table],
            tuple(_lines(counted)),
            tuple(f"-D {each.at.chain} {each.rule}" for each in reversed(counted)),
            "" if ruleset.kind == command else ruleset.kind,
        )
    for each in found:
        if each.is_of_nft:
            rule = f"{each.conditions.nft(ruleset.family)} accept"
            comment = f"netconsole: {each.words}"
            place = (ruleset.family, ruleset.table, each.at.chain)
            yield InsertNftRule(*place, rule, comment, each.at.rule.handle)


def _lines(found: tuple[Acceptance, ...]) -> Iterator[str]:
    """The last place of a chain comes first, so that none moves before it is its turn."""
    places: dict[tuple[str, int], list[str]] = {}
    for each in found:
        places.setdefault((each.at.chain, each.at.position), []).append(each.rule)
    for (chain, position), rules in sorted(places.items(), key=lambda each: -each[0][1]):
        for number, rule in enumerate(rules):
            yield f"-I {chain} {position + number} {rule}" if position else f"-A {chain} {rule}"
