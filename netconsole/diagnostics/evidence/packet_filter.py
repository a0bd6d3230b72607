"""The packet filter at two moments: iptables of both kinds, and the tables of nftables besides."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat
from typing import TypeVar

from netconsole.backend.filtering.native_tables import NftRule, NftTable
from netconsole.backend.filtering.saved_tables import FilterChain, parse_saved
from netconsole.backend.kernel.whole_filter import iptables_chains, kinds_in_use, nft_tables
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.hoststate import Observed, SavedTables
from netconsole.backend.model.table_names import Kind
from netconsole.diagnostics.evidence.counters import SECONDS
from netconsole.diagnostics.parts.packet_filter import PacketFilter

_Rule = TypeVar("_Rule")


def read_packet_filter(known: Observed | None = None) -> PacketFilter:
    """Read every chain, and how far its counter has risen since it was looked at.

    Who has not looked at the host anyway has it read twice. Raises NetconsoleError where one that
    is there cannot be read, as by a user who may not.
    """
    kinds = kinds_in_use("ipv4")
    before, began = _first_reading(kinds, () if known is None else known.saved)
    native_before = nft_tables(kinds[0], elements=False)
    ipv6 = iptables_chains("ipv6", kinds_in_use("ipv6"))
    time.sleep(max(0.0, SECONDS - (time.monotonic() - began)))
    chains = with_rises(before, iptables_chains("ipv4", kinds))
    native = nft_tables(kinds[0])
    tables = nft_with_rises(native_before.tables, native.tables)
    return PacketFilter(kinds[0], (*chains, *ipv6), tables, native.unread, native.unread_nat)


def _first_reading(
    kinds: tuple[Kind, ...], listings: Iterable[SavedTables]
) -> tuple[tuple[FilterChain, ...], float]:
    """Return the chains as they were looked at, and when."""
    found = [each for each in listings if each.family == "ipv4" and each.kind in kinds]
    if {each.kind for each in found} != {*kinds}:
        return iptables_chains("ipv4", kinds), time.monotonic()
    chains = (chain for each in found for chain in parse_saved(each.text, each.kind, "ipv4"))
    return tuple(chains), max(each.read_at for each in found)


def read_counters() -> PacketFilter | None:
    """Read every chain for IPv4 once; None where that cannot be read."""
    try:
        kinds = kinds_in_use("ipv4")
        native = nft_tables(kinds[0], elements=False)
        return PacketFilter(kinds[0], iptables_chains("ipv4", kinds), native.tables)
    except NetconsoleError:
        return None


def risen(before: PacketFilter | None, after: PacketFilter | None) -> PacketFilter | None:
    """Return the later reading, with how far each counter rose; None where one lacks."""
    if before is None or after is None:
        return None
    chains = with_rises(before.chains, after.chains)
    tables = nft_with_rises(before.foreign_tables, after.foreign_tables)
    return replace(after, chains=chains, foreign_tables=tables)


def with_rises(
    before: tuple[FilterChain, ...], after: tuple[FilterChain, ...]
) -> tuple[FilterChain, ...]:
    """Return the later reading, with how far each counter rose.

    A rule that has come or moved meanwhile has not risen: identical ones could be confused.
    """
    earlier = {(each.kind, each.table, each.chain): each for each in before}
    found = []
    for chain in after:
        if former := earlier.get((chain.kind, chain.table, chain.chain)):
            rules = tuple(
                replace(now, rise=max(0, now.packets - then.packets))
                if then and now.spec == then.spec
                else now
                for now, then in _paired(chain.rules, former.rules)
            )
            found.append(replace(chain, rules=rules, rise=max(0, chain.packets - former.packets)))
        else:
            found.append(chain)
    return tuple(found)


def nft_with_rises(
    before: tuple[NftTable, ...], after: tuple[NftTable, ...]
) -> tuple[NftTable, ...]:
    """Return the later reading of the tables of nftables, with how far each counter rose."""
    earlier = {
        (table.family, table.name, chain.name): chain.rules
        for table in before
        for chain in table.chains
    }
    return tuple(
        replace(
            table,
            chains=tuple(
                replace(
                    chain,
                    rules=_risen(
                        earlier.get((table.family, table.name, chain.name), ()), chain.rules
                    ),
                )
                for chain in table.chains
            ),
        )
        for table in after
    )


def _risen(before: tuple[NftRule, ...], after: tuple[NftRule, ...]) -> tuple[NftRule, ...]:
    return tuple(
        replace(now, rise=max(0, (now.packets or 0) - (then.packets or 0)))
        if then and now.text == then.text
        else now
        for now, then in _paired(after, before)
    )


def _paired(
    now: tuple[_Rule, ...], then: tuple[_Rule, ...]
) -> Iterator[tuple[_Rule, _Rule | None]]:
    """Pair the rules of a chain with those at the same places before."""
    yield from zip(now, (*then, *repeat(None, len(now))), strict=False)
