"""Looks up the rules that a packet met: the kernel tells their handles, admins know their words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from netconsole.backend.filtering.native_rules import is_native, native_text
from netconsole.backend.filtering.nf_messages import NfFamily, parse_rules
from netconsole.backend.filtering.rules import is_ours
from netconsole.backend.filtering.saved_tables import FilterChain, parse_saved
from netconsole.backend.kernel.iptables_save import kind_of, saved
from netconsole.backend.kernel.mixed_tables import TABLES
from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.kernel.other_nat import listed
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.guards import FAMILY, TABLE
from netconsole.diagnostics.parts.journey import Lister, TracedRule

ChainOfTable = tuple[NfFamily, str, str]
"""Family, table and chain."""
_IPTABLES: Final[dict[NfFamily, Literal["ipv4", "ipv6"]]] = {"ip": "ipv4", "ip6": "ipv6"}


@dataclass(frozen=True, slots=True)
class RuleTexts:
    """Where each rule stands, and how it is written."""

    found: Mapping[tuple[NfFamily, str, str, int], TracedRule]
    unread: tuple[str, ...] = ()
    """Why the words of some are not known."""

    def rule(self, place: ChainOfTable, handle: int) -> TracedRule:
        """Return a rule by its chain and handle; where it has gone since, without its words."""
        return self.found.get((*place, handle), TracedRule(*place, handle))


def read_rule_texts(chains: Iterable[ChainOfTable]) -> RuleTexts:
    """Read the rules of these chains. What cannot be read is told of."""
    wanted = sorted(set(chains))
    found: dict[tuple[NfFamily, str, str, int], TracedRule] = {}
    unread: dict[str, None] = {}
    shown: _Shown = {}
    for family, table in dict.fromkeys(place[:2] for place in wanted):
        names = [chain for each, its, chain in wanted if (each, its) == (family, table)]
        try:
            rules = _of_table(family, table, names, shown)
            found.update(
                {(rule[0], table, rule[1].chain, rule[1].handle): rule[1] for rule in rules}
            )
        except (NetconsoleError, OSError) as error:
            unread[f"rules of table {family} {table}: {error}"] = None
    return RuleTexts(found, tuple(unread))


def _of_table(
    family: NfFamily, table: str, chains: Iterable[str], shown: "_Shown"
) -> Iterator[tuple[NfFamily, TracedRule]]:
    with NfTables() as kernel:
        handles = {
            chain: [each.handle for each in parse_rules(kernel.raw_rules(family, table, chain))]
            for chain in chains
        }
    texts = dict(_texts(family, table, shown))
    for chain, found in handles.items():
        words = texts.get(chain, ())
        for position, handle in enumerate(found, 1):
            told = words[position - 1] if len(words) == len(found) else _Words()
            ours = (family, table) == (FAMILY, TABLE) or (
                family in (*_IPTABLES, "bridge") and is_ours(chain, told.text)
            )
            yield (
                family,
                TracedRule(family, table, chain, handle, position, told.text, ours, told.listed_by),
            )


@dataclass(frozen=True, slots=True)
class _Words:
    """How a rule is written, and by which program; none where it could not be read."""

    text: str = ""
    listed_by: Lister = "nft"


_Shown = dict[NfFamily, tuple[FilterChain, ...]]
"""What iptables has shown of a family: all its tables at once."""


def _texts(family: NfFamily, table: str, shown: _Shown) -> Iterator[tuple[str, tuple[_Words, ...]]]:
    """Yield each chain with the words of its rules, those of iptables where it has them."""
    if family in _IPTABLES and table in TABLES:
        if family not in shown:
            asked = _IPTABLES[family]
            told = saved(asked, "nft", own=kind_of(asked) == "nft").text
            shown[family] = tuple(parse_saved(told, "nft", asked))
        for found in shown[family]:
            if found.table == table:
                yield found.chain, tuple(_written(rule.spec) for rule in found.rules)
        return
    for each in listed(family, table).chains:
        yield each.name, tuple(_Words(rule.text) for rule in each.rules)


def _written(spec: str) -> _Words:
    return _Words(native_text(spec)) if is_native(spec) else _Words(spec, "iptables")
