"""Every table that a packet may pass: those of iptables of both kinds, and those of nft(8) besides.

What is not installed or not allowed raises NetconsoleError; what nft alone could list is told of.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from netconsole.backend.filtering.asking_rules import FAMILIES_ASKED
from netconsole.backend.filtering.nat_order import PRIORITIES, ChainPlace, NatHook, Turn, turns
from netconsole.backend.filtering.native_tables import NftSet, NftTable, parse_elements
from netconsole.backend.filtering.nf_messages import KernelChain
from netconsole.backend.filtering.saved_tables import FilterChain, parse_saved
from netconsole.backend.kernel.iptables_save import kind_of, other_kind, saved, tables_in_use
from netconsole.backend.kernel.mixed_tables import TABLES, is_foreign_base
from netconsole.backend.kernel.nf_tables import ABSENT, NfTables
from netconsole.backend.kernel.other_nat import NO_NFT, listed
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.guards import FAMILY, TABLE
from netconsole.backend.model.table_names import Kind
from netconsole.backend.model.trace_table import is_trace_table
from netconsole.backend.system.programs import PATH, run

IPFamily = Literal["ipv4", "ipv6"]


@dataclass(frozen=True, slots=True)
class NativeTables:
    """The tables that iptables does not show, or why they could not be listed."""

    tables: tuple[NftTable, ...] = ()
    unread: str = ""
    """Empty where they were listed."""
    unread_nat: frozenset[NatHook] = frozenset()
    """The hooks at which chains that were not listed may translate before iptables' own."""


def kinds_in_use(family: IPFamily) -> tuple[Kind, ...]:
    """Return the kinds whose tables exist, that of the machine's own program first."""
    own = kind_of(family)
    other = other_kind(own)
    return (own, other) if tables_in_use(family, other) else (own,)


def iptables_chains(family: IPFamily, kinds: tuple[Kind, ...]) -> tuple[FilterChain, ...]:
    """Return every chain of these kinds, of which the first is that of the machine's program."""
    return tuple(
        chain
        for kind in kinds
        for chain in parse_saved(saved(family, kind, own=kind == kinds[0]).text, kind, family)
    )


def nft_tables(command: Kind, *, elements: bool = True) -> NativeTables:
    """Return the tables that iptables, of this kind, does not show, what is in their sets as well.

    Each set takes an nft of its own: without their `elements` the tables are read much faster.
    Those of families of which nobody asks for an interface (`asking_rules`) are left out anyway, as
    our guards' own.
    The kernel says which there are: nft 1.0.6 prints broken JSON of one that has flags.
    """
    try:
        with NfTables() as kernel:
            names = tuple(each for each in kernel.tables() if not is_trace_table(each[1]))
            chains = kernel.chains()
    except OSError as error:
        if error.errno in ABSENT:
            return NativeTables()  # this kernel has none
        because = f"the kernel does not say which tables of nft it has: {error.strerror or error}"
        return NativeTables((), because, frozenset(PRIORITIES))
    bases = _foreign_bases(chains)
    found = [each for each in names if not _of_iptables(*each)]
    shared = [each for each in names if each in bases]
    asked = {hook: turns(chains, command, hook) for hook in PRIORITIES}
    early = frozenset(hook for hook, each in asked.items() if {*each.values()} - {"after"})
    if shutil.which("nft", path=PATH) is None:
        unread = _unlisted(each for each in (*found, *shared) if each != (FAMILY, TABLE))
        return NativeTables((), unread, early)
    every = {place: turn for each in asked.values() for place, turn in each.items()}
    try:
        beside = [_beside(_table(*each, every, elements), bases) for each in shared]
        return NativeTables((*(_table(*each, every, elements) for each in found), *beside))
    except NetconsoleError as error:
        return NativeTables((), str(error), early)


def _foreign_bases(chains: Iterable[KernelChain]) -> dict[tuple[str, str], frozenset[str]]:
    """Return the base chains in tables of iptables that iptables does not show, by their table."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for chain in chains:
        is_ours = chain.family == "ip" and _of_iptables("ip", chain.table)
        if is_ours and is_foreign_base(chain, "ip"):
            place = "ip", chain.table
            found[place] = found.get(place, frozenset()) | {chain.name}
    return found


def _beside(table: NftTable, bases: Mapping[tuple[str, str], frozenset[str]]) -> NftTable:
    """Leave a table of iptables only those ways in that iptables does not show."""
    own = bases[table.family, table.name]
    chains = (
        each if each.name in own else replace(each, type="", hook="", priority="", policy="")
        for each in table.chains
    )
    return replace(table, chains=tuple(chains))


def _unlisted(names: Iterable[tuple[str, str]]) -> str:
    """Say which tables cannot be listed without nft; empty where there are none."""
    told = ", ".join(" ".join(each) for each in names)
    return f"{NO_NFT}, and there are tables of it: {told}" if told else ""


def _of_iptables(family: str, name: str) -> bool:
    return family in ("ip", "ip6", "bridge") and name in TABLES


def _table(family: str, name: str, asked: Mapping[ChainPlace, Turn], elements: bool) -> NftTable:
    found = listed(family, name).with_turns(asked)
    if not elements or family not in FAMILIES_ASKED:
        return found
    return replace(found, sets=tuple(_filled(found, each) for each in found.sets))


def _filled(table: NftTable, found: NftSet) -> NftSet:
    told = run(["nft", "list", found.kind, table.family, table.name, found.name])
    return replace(found, elements=parse_elements(told))
