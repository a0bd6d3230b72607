"""Every table that a packet may pass: those of iptables of both kinds, and those of nft(8) besides.

What is not installed or not allowed raises NetconsoleError; what nft alone could list is told of.
"""

import errno
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal, NotRequired, TypedDict, cast

from netconsole.backend.filtering.nat_order import PRIORITIES, Place, Turn, turns
from netconsole.backend.filtering.native_tables import NftSet, NftTable, parse_elements
from netconsole.backend.filtering.nf_messages import KernelChain
from netconsole.backend.filtering.saved_tables import FilterChain, parse_saved
from netconsole.backend.kernel.iptables_save import kind_of, other_kind, saved, tables_in_use
from netconsole.backend.kernel.mixed_tables import TABLES, is_foreign_base
from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.kernel.other_nat import NO_NFT, listed
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.hoststate import Kind
from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import PATH, run

IPFamily = Literal["ipv4", "ipv6"]


class _NftObject(TypedDict):
    family: str
    name: str


class _NftEntry(TypedDict, total=False):
    table: _NftObject


class _NftListing(TypedDict):
    nftables: NotRequired[list[_NftEntry]]


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


def nft_tables(command: Kind) -> tuple[tuple[NftTable, ...], str]:
    """Return the tables that iptables, of this kind, does not show, and why they could not be
    listed."""
    if shutil.which("nft", path=PATH) is None:
        return (), _unlisted()
    try:
        listing = cast(_NftListing, from_json(run(["nft", "-j", "list", "tables"])))
        names = [entry["table"] for entry in listing.get("nftables", ()) if "table" in entry]
        with NfTables() as kernel:
            chains = kernel.chains()
        bases = _foreign_bases(chains)
        asked = {k: v for hook in PRIORITIES for k, v in turns(chains, command, hook).items()}
        found = [each for each in names if not _of_iptables(each["family"], each["name"])]
        shared = [each for each in names if (each["family"], each["name"]) in bases]
        beside = (_beside(_table(each, asked), bases) for each in shared)
        return (*(_table(each, asked) for each in found), *beside), ""
    except NetconsoleError as error:
        return (), str(error)
    except OSError as error:
        return (), error.strerror or str(error)


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


def _unlisted() -> str:
    """Say which tables cannot be listed without nft; empty where the kernel has none."""
    try:
        with NfTables() as kernel:
            names = [" ".join(each) for each in kernel.tables() if not _of_iptables(*each)]
    except OSError as error:
        if error.errno == errno.EPROTONOSUPPORT:
            return ""
        return f"{NO_NFT}, and the kernel does not say which tables it has: {error}"
    return f"{NO_NFT}, and there are tables of it: {', '.join(names)}" if names else ""


def _of_iptables(family: str, name: str) -> bool:
    return family in ("ip", "ip6", "bridge") and name in TABLES


def _table(table: _NftObject, asked: Mapping[Place, Turn]) -> NftTable:
    found = listed(table["family"], table["name"]).with_turns(asked)
    return replace(found, sets=tuple(_filled(found, each) for each in found.sets))


def _filled(table: NftTable, found: NftSet) -> NftSet:
    told = run(["nft", "list", found.kind, table.family, table.name, found.name])
    return replace(found, elements=parse_elements(told))
