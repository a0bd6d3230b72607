"""Reads the legacy tables of IPv4, whose rules the kernel does not trace: their counters tell which
of them packets met meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from netconsole.backend.filtering.saved_tables import FilterChain, FilterRule, parse_saved
from netconsole.backend.kernel.iptables_save import kind_of, legacy_tables, saved
from netconsole.backend.model.errors import NetconsoleError

_WHERE = "tables of iptables-legacy, which the kernel does not trace"


@dataclass(frozen=True, slots=True)
class LegacyTables:
    """The legacy tables that have a rule or a policy; none where nothing in them acts."""

    tables: Mapping[str, Mapping[str, FilterChain]] = field(default_factory=dict)
    """The chains of each, by their names."""
    unread: tuple[str, ...] = ()
    """Why it is not known which of their rules packets met, in a sentence."""

    @property
    def untold(self) -> tuple[str, ...]:
        """Return a sentence on them, for where their counters do not tell enough."""
        if self.unread or not self.tables:
            return self.unread
        return (f"{_WHERE}, have rules: {', '.join(self.tables)}",)

    def since(self, before: Self) -> Self:
        """Return them with how far each counter rose since an earlier reading.

        Where a rule came, went or moved in between, its counter cannot be told from another's.
        """
        if self.unread or before.unread:
            return replace(self, tables={}, unread=self.unread or before.unread)
        if _words(self) != _words(before):
            return replace(self, tables={}, unread=(f"{_WHERE}, were changed meanwhile",))
        risen = {
            table: {
                name: _risen(chain, before.tables[table][name]) for name, chain in chains.items()
            }
            for table, chains in self.tables.items()
        }
        return replace(self, tables=risen)


def read_legacy_tables() -> LegacyTables:
    """Return those of IPv4 with their counters; where there are none no program is asked."""
    try:
        if not legacy_tables("ipv4"):
            return LegacyTables()
        text = saved("ipv4", "legacy", own=kind_of("ipv4") == "legacy").text
    except NetconsoleError as error:
        return LegacyTables(unread=(f"{_WHERE}: {error}",))
    tables: dict[str, dict[str, FilterChain]] = {}
    for found in parse_saved(text, "legacy", "ipv4"):
        tables.setdefault(found.table, {})[found.chain] = found
    filled = {name: chains for name, chains in tables.items() if any(map(_acts, chains.values()))}
    return LegacyTables(filled)


def _acts(chain: FilterChain) -> bool:
    return bool(chain.rules) or chain.policy == "DROP"


def _words(read: LegacyTables) -> list[tuple[str, str, str, list[str]]]:
    return [
        (table, name, chain.policy, [rule.spec for rule in chain.rules])
        for table, chains in read.tables.items()
        for name, chain in chains.items()
    ]


def _risen(now: FilterChain, then: FilterChain) -> FilterChain:
    rules = tuple(map(_rule_risen, now.rules, then.rules))
    return replace(now, rules=rules, rise=max(0, now.packets - then.packets))


def _rule_risen(now: FilterRule, then: FilterRule) -> FilterRule:
    return replace(now, rise=max(0, now.packets - then.packets))
