"""Which rules of the packet filter mark packets before their route is looked up. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.filtering.matches import Flow, RuleReading, read_iptables
from netconsole.backend.filtering.native_rules import is_native
from netconsole.backend.filtering.nft_matches import read_nft
from netconsole.backend.filtering.saved_tables import FilterChain
from netconsole.backend.filtering.walk import Reader
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.known_conditions import KnownCondition, knowing

_SETTING = ("--set-mark", "--set-xmark", "--or-mark")
_NFT_MARK = re.compile(r"\bmeta mark set (?:meta mark (?:or|\|) )?(0x[0-9a-f]+|\d+)\b")
_FAMILIES = ("ip", "inet")


@dataclass(frozen=True, slots=True)
class MarkingRule:
    """A rule that marks, as a flow meets it."""

    mark: int
    place: str
    rule: str
    is_certain: bool
    """Whether it marks all of the flow; if not, that hangs on the packet."""


def marking_rules(seen: PacketFilter, flow: Flow) -> Iterator[MarkingRule]:
    """Return the rules that mark packets of a flow on their way in, in the order of tables."""
    yield from _rules_at(seen, flow, "prerouting", read_iptables, read_nft)


def marks_of_own(
    seen: PacketFilter, flow: Flow, known: Sequence[KnownCondition]
) -> Iterator[MarkingRule]:
    """Return the rules that mark what this host itself sends before its route is looked up once
    more; `known` is what rules may ask of the sender.

    Of nftables a chain of the type `route` alone has that done (nft(8)).
    """
    readers = (knowing(read_iptables, known), knowing(read_nft, known))
    yield from _rules_at(seen, flow, "output", *readers)


def _rules_at(
    seen: PacketFilter,
    flow: Flow,
    hook: Literal["prerouting", "output"],
    of_iptables: Reader,
    of_nft: Reader,
) -> Iterator[MarkingRule]:
    for chain in seen.of("mangle"):
        if chain.chain == hook.upper():
            yield from _of_iptables(seen, chain, flow, (chain.chain,), of_iptables, whole=True)
    for table in seen.foreign_tables:
        if table.family not in _FAMILIES or "dormant" in table.flags:
            continue
        for native in table.chains:
            if native.hook != hook or (hook == "output" and native.type != "route"):
                continue
            place = f"table {table.family} {table.name}, chain {native.name}"
            for rule in native.rules:
                if found := _NFT_MARK.search(rule.text):
                    fit = of_nft(rule.text[: found.start()], flow).fit  # what it asks for
                    if fit is not False:
                        yield MarkingRule(int(found[1], 0), place, rule.text, fit is True)


def _of_iptables(
    seen: PacketFilter,
    chain: FilterChain,
    flow: Flow,
    way: tuple[str, ...],
    read: Reader,
    *,
    whole: bool,
) -> Iterator[MarkingRule]:
    for rule in chain.rules:
        if is_native(rule.spec):
            continue
        reading: RuleReading = read(rule.spec, flow)
        if reading.fit is False:
            continue
        certain = whole and reading.fit is True
        if (mark := _mark(rule.words)) is not None:
            yield MarkingRule(mark, f"mangle {chain.chain}", rule.spec, certain)
        below = seen.chain("mangle", rule.target, chain.kind)
        if below is not None and below.chain not in way:
            further = (*way, below.chain)
            yield from _of_iptables(seen, below, flow, further, read, whole=certain)


def _mark(words: list[str]) -> int | None:
    for option in _SETTING:
        if "MARK" in words and option in words[:-1]:
            return int(words[words.index(option) + 1].partition("/")[0], 0)
    return None
