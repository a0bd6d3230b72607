"""Names the rules of legacy tables that a packet met, by their words and their counters. Pure.

The kernel does not trace these. A rule whose words take the packet and whose counter rose met it.
Where it ended at a hook, a rule is named as what ended it when its counter rose by as many as came
there, and its words say so, or the kernel says that a rule did and no other can have; else it is
said to have done so probably.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from netconsole.backend.filtering.matches import ANYTHING, read_iptables
from netconsole.backend.filtering.nft_matches import read_nft
from netconsole.backend.filtering.places import rule_in_words
from netconsole.backend.filtering.rule_words import words
from netconsole.diagnostics.parts.journey import Hop, KernelDrop, TracedRule, Way
from netconsole.diagnostics.tracing.hooks_passed import PassedHook
from netconsole.diagnostics.tracing.legacy_counters import LegacyTables
from netconsole.diagnostics.tracing.legacy_walk import (
    TABLES,
    LegacyDecision,
    LegacyStep,
    decided,
    dropping,
)
from netconsole.diagnostics.tracing.outcome import Hindrance

BY_FILTER: Final = "NETFILTER_DROP"
"""The kernel's reason where the packet filter dropped it (linux/net/dropreason-core.h)."""
_MOST_NAMED: Final = 3
_TRANSLATING: Final = ("--to-destination", "--to-source", "--to-ports", "--to")


@dataclass(frozen=True, slots=True)
class MetAtHook:
    """The rules of legacy tables that a packet met at a hook."""

    at: PassedHook
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class LostThere:
    """What is known of the loss of a packet, beside the hops."""

    copies: int
    """How many of it came to where it was lost."""
    dropped: KernelDrop | None
    """Where the kernel says that it gave it up."""
    is_filtered: bool = False
    """Whether its sender's kernel says that the packet filter did it."""

    def is_by_filter(self, way: Way) -> bool:
        """Whether a rule is known to have ended it, whichever."""
        drop = self.dropped
        return self.is_filtered or (
            drop is not None and drop.way == way and drop.reason == BY_FILTER
        )

    def is_elsewhere(self, way: Way) -> bool:
        """Whether something else than a rule is known to have ended it."""
        drop = self.dropped
        is_its = drop is not None and drop.way == way and drop.is_certain
        return drop is not None and is_its and drop.reason not in ("", BY_FILTER)


@dataclass(frozen=True, slots=True)
class MetLegacy:
    """All that legacy tables did to a packet, as far as it is known."""

    met: tuple[MetAtHook, ...] = ()
    suspects: tuple[Hindrance, ...] = ()
    """Those of which one ended it probably."""


def met_legacy(
    tables: LegacyTables, hooks: Sequence[PassedHook], hops: Sequence[Hop], lost: LostThere | None
) -> MetLegacy:
    """Return what it met at these hooks; `lost` where it is to be said what ended it, and `hops`
    what the kernel traced."""
    met = [
        MetAtHook(at, tuple(_passed(tables, at, hops)))
        for at in hooks
        if at.is_past or lost is not None
    ]
    open_hooks = [at for at in hooks if not at.is_past]
    if lost is None or not open_hooks or lost.is_elsewhere(open_hooks[0].way):
        return MetLegacy(tuple(met))
    found = [(at, each) for at in open_hooks for each in _ending(tables, at)]
    if not found:
        return MetLegacy(tuple(met), _whatever_dropped(tables, open_hooks, lost))
    at, first = found[0]
    is_alone = len(found) == 1 and lost.is_by_filter(at.way)
    if first.last.rise >= lost.copies and (is_alone or first.is_sure):
        until = open_hooks.index(at)
        met = [each for each in met if each.at not in open_hooks[until:]]
        before = tuple(_passed(tables, at, hops, first.last.rule.table))
        met.append(MetAtHook(at, (*before, *_hops(at, first.way))))
        return MetLegacy(tuple(met))
    met = [each for each in met if each.at.is_past]
    return MetLegacy(tuple(met), _suspects([each.last for _, each in found]))


def _ending(tables: LegacyTables, at: PassedHook) -> Iterator[LegacyDecision]:
    """What may have ended it at a hook."""
    for table in TABLES[at.hook]:
        for each in decided(table, tables.tables.get(table, {}), at.hook, at.flow):
            if each.outcome == "drop":
                yield each


def _whatever_dropped(
    tables: LegacyTables, hooks: Sequence[PassedHook], lost: LostThere
) -> tuple[Hindrance, ...]:
    """Those whose counters moved with the packets though their words say otherwise, where a rule
    is known to have ended it."""
    if not lost.is_by_filter(hooks[0].way):
        return ()
    found = (
        each
        for at in hooks
        for table in TABLES[at.hook]
        for each in dropping(table, tables.tables.get(table, {}), at.hook)
        if each.rise >= lost.copies
    )
    return _suspects(list(dict.fromkeys(found)))


def _suspects(found: Sequence[LegacyStep]) -> tuple[Hindrance, ...]:
    if not 0 < len(found) <= _MOST_NAMED:
        return ()
    said = ", or ".join(_in_words(each) for each in found)
    remedy = f"`{shlex.join(found[0].rule.listing)}`"
    return (Hindrance(f"probably by {said}", remedy, is_cause=False),)


def _in_words(step: LegacyStep) -> str:
    rule = step.rule
    text = f" `{rule.text}`" if rule.text else ""
    place = rule_in_words(rule.position, rule.chain, rule.table_words)
    return f"{place}{text}, whose counter rose by {step.rise} meanwhile"


def _passed(
    tables: LegacyTables, at: PassedHook, hops: Sequence[Hop], until: str = ""
) -> Iterator[Hop]:
    """Yield what certainly let it by, or translated it, in the tables of a hook; `until` one."""
    for table in TABLES[at.hook]:
        if table == until:
            return
        found = [
            each
            for each in decided(table, tables.tables.get(table, {}), at.hook, at.flow)
            if each.outcome != "drop"
        ]
        if table == "nat":
            chosen = _translation(found, at, hops)
        else:
            chosen = found[0] if found and found[0].is_sure else None
        if chosen is not None:
            yield from _hops(at, chosen.way)


def _translation(
    found: Sequence[LegacyDecision], at: PassedHook, hops: Sequence[Hop]
) -> LegacyDecision | None:
    """What gave it its other address there: the nat tables are asked of the first packet of a
    connection alone, and the first that translates decides, of either kind."""
    if at.way == "back" or (at.source, at.destination) == at.after:
        return None
    is_source = at.source != at.after[0]
    if any(_translates(hop.rule, is_source=is_source) for hop in hops if hop.rule is not None):
        return None
    able = [each for each in found if _aim(each) in (_SOURCES if is_source else _DESTINATIONS)]
    new = at.after[0] if is_source else at.after[1]
    named = [each for each in able if new in _to(each.last.rule.text)]
    certain = named or able
    return certain[0] if len(certain) == 1 or (certain and certain[0].is_sure) else None


_SOURCES: Final = frozenset({"SNAT", "MASQUERADE", "NETMAP"})
_DESTINATIONS: Final = frozenset({"DNAT", "REDIRECT", "NETMAP"})


def _aim(each: LegacyDecision) -> str:
    return read_iptables(each.last.rule.text, ANYTHING).aim


def _translates(rule: TracedRule, *, is_source: bool) -> bool:
    """Whether a rule that the kernel traced did it."""
    read = read_nft if rule.listed_by == "nft" else read_iptables
    return read(rule.text, ANYTHING).aim in (_SOURCES if is_source else _DESTINATIONS)


def _to(spec: str) -> str:
    """The first address that a translation gives; empty where it names none."""
    found = words(spec)
    for option, value in pairwise(found):
        if option in _TRANSLATING:
            return value.partition(":")[0].partition("-")[0]
    return ""


def _hops(at: PassedHook, way: Sequence[LegacyStep]) -> Iterator[Hop]:
    for each in way:
        yield Hop(
            at.way,
            "policy" if each.rule.is_policy else "rule",
            at.interface,
            at.source,
            at.destination,
            each.rule,
            each.verdict,
            counted=each.rise,
        )


def with_legacy(hops: Sequence[Hop], found: MetLegacy) -> tuple[Hop, ...]:
    """Return the hops of one way with those of legacy tables between them: those of a packet that
    comes in behind that, all others before it leaves."""
    left = list(hops)
    for each in found.met:
        if not each.hops:
            continue
        came = max((n for n, hop in enumerate(left) if hop.kind == "arrived"), default=-1)
        out = next((n for n, hop in enumerate(left) if n > came and hop.kind == "left"), len(left))
        place = came + 1 if each.at.hook == "prerouting" else out
        left[place:place] = each.hops
    return tuple(left)
