"""Which rules and policies of others have dropped packets between two readings. Pure."""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.filtering.matches import ANYTHING
from netconsole.backend.filtering.nft_matches import read_nft, read_rule
from netconsole.backend.filtering.places import rule_in_words
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model.guards import FAMILY, TABLE
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.traffic import DroppingRule

MOST: Final = 8


def dropping_rules(seen: PacketFilter | None) -> Iterator[DroppingRule]:
    """Yield those whose counter rose, the busiest first. Rules without a counter show nothing."""
    found = sorted(_all(seen), key=lambda each: -each.packets) if seen else ()
    yield from list(found)[:MOST]


def _all(seen: PacketFilter) -> Iterator[DroppingRule]:
    yield from _of_iptables(seen)
    for table in seen.foreign_tables:
        if (table.family, table.name) == (FAMILY, TABLE):
            continue  # our guards, which drop what guests send in names of others
        name = f"table {table.family} {table.name}"
        for chain in table.chains:
            for place, rule in enumerate(chain.rules, 1):
                if rule.rise and read_nft(rule.text, ANYTHING).action == "drop":
                    where = rule_in_words(place, chain.name, name)
                    yield DroppingRule(where, rule.text, rule.rise)


def _of_iptables(seen: PacketFilter) -> Iterator[DroppingRule]:
    for chain in seen.chains:
        if chain.family != "ipv4" or chain.chain.startswith(CHAIN_PREFIX):
            continue
        name = f"table {chain.table}"
        if chain.rise and chain.policy == "DROP":
            yield DroppingRule(rule_in_words(0, chain.chain, name), "policy DROP", chain.rise)
        for place, each in enumerate(chain.rules, 1):
            if each.rise and read_rule(each.spec, ANYTHING).action == "drop":
                yield DroppingRule(rule_in_words(place, chain.chain, name), each.spec, each.rise)
