"""Reads the packet filter, twice: iptables of both kinds, and the tables of nftables besides."""

import errno
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import repeat
from typing import Literal, NotRequired, TypedDict, TypeVar, cast

from netconsole.backend.filtering.nat_order import PRIORITIES, Place, Turn, turns
from netconsole.backend.filtering.native_tables import NftRule, NftTable
from netconsole.backend.filtering.nf_messages import KernelChain
from netconsole.backend.kernel.iptables_save import kind_of, other_kind, saved, tables_in_use
from netconsole.backend.kernel.mixed_tables import TABLES, is_foreign_base
from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.kernel.other_nat import NO_NFT, listed
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.hoststate import Kind
from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import PATH, run
from netconsole.diagnostics.evidence.counters import SECONDS
from netconsole.diagnostics.parts.packet_filter import FilterChain, FilterRule, PacketFilter

_Rule = TypeVar("_Rule")

_DECLARED = re.compile(r":(\S+) (\S+)(?: \[(\d+):\d+\])?")
_RULE = re.compile(r"(?:\[(\d+):(\d+)\] )?-A (\S+)(?: (.*))?")


class _NftObject(TypedDict):
    family: str
    name: str


class _NftEntry(TypedDict, total=False):
    table: _NftObject


class _NftListing(TypedDict):
    nftables: NotRequired[list[_NftEntry]]


def read_packet_filter() -> PacketFilter:
    """Read every chain, and its counters again. Raises NetconsoleError where one that is there
    cannot be read, as by a user who may not."""
    command = kind_of("ipv4")
    kinds = _kinds_in_use(command)
    before, tables_before, began = _read(kinds, command), _foreign(command), time.monotonic()
    own = kind_of("ipv6")
    ipv6 = parse(saved("ipv6", own, own=True).text, own, "ipv6")
    time.sleep(max(0.0, SECONDS - (time.monotonic() - began)))
    chains = with_rises(before, _read(kinds, command))
    tables, unread = _foreign(command)
    return PacketFilter(command, (*chains, *ipv6), nft_with_rises(tables_before[0], tables), unread)


def _kinds_in_use(command: Kind) -> tuple[Kind, ...]:
    """Return the kinds whose tables exist, that of `iptables` first."""
    other = other_kind(command)
    return (command, other) if tables_in_use("ipv4", other) else (command,)


def _read(kinds: Iterable[Kind], command: Kind) -> tuple[FilterChain, ...]:
    return tuple(
        chain
        for kind in kinds
        for chain in parse(saved("ipv4", kind, own=kind == command).text, kind, "ipv4")
    )


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


def parse(text: str, kind: Kind, family: Literal["ipv4", "ipv6"]) -> Iterator[FilterChain]:
    """Read what iptables-save with counters prints."""
    table = ""
    declared: dict[str, tuple[str, int]] = {}
    rules: dict[str, list[FilterRule]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            table, declared, rules = line[1:].strip(), {}, {}
        elif found := _DECLARED.match(line):
            name, policy, packets = found.groups()
            declared[name] = ("" if policy == "-" else policy, int(packets or 0))
        elif found := _RULE.fullmatch(line):
            packets, octets, name, spec = found.groups()
            rule = FilterRule(spec or "", int(packets or 0), int(octets or 0))
            rules.setdefault(name, []).append(rule)
        elif line.startswith("COMMIT"):
            for name, (policy, count) in declared.items():
                held = tuple(rules.get(name, ()))
                yield FilterChain(kind, family, table, name, policy, held, count)


def _foreign(command: Kind) -> tuple[tuple[NftTable, ...], str]:
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
    return listed(table["family"], table["name"]).with_turns(asked)
