"""Reads the packet filter, twice: iptables of both kinds, and the tables of nftables besides."""

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, TypeVar, cast

from netconsole.backend import files
from netconsole.backend.errors import NetconsoleError
from netconsole.backend.programs import PATH, run
from netconsole.backend.text import from_json
from netconsole.diagnostics.evidence.counters import SECONDS
from netconsole.diagnostics.evidence.nft_listing import parse_table
from netconsole.diagnostics.evidence.nft_tables import read_table_names
from netconsole.diagnostics.parts.packet_filter import (
    FilterChain,
    FilterRule,
    Kind,
    NftRule,
    NftTable,
    PacketFilter,
)

_Rule = TypeVar("_Rule")

LEGACY_NAMES = Path("/proc/self/net/ip_tables_names")
"""The legacy tables in use in this network namespace; readable by root."""

_DECLARED = re.compile(r":(\S+) (\S+)(?: \[(\d+):\d+\])?")
_RULE = re.compile(r"(?:\[(\d+):(\d+)\] )?-A (\S+)(?: (.*))?")
_OF_IPTABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
"""Tables that iptables-save lists already, in the families ip, ip6 and bridge."""


class _NftObject(TypedDict):
    family: str
    name: str


class _NftEntry(TypedDict, total=False):
    table: _NftObject


class _NftListing(TypedDict):
    nftables: NotRequired[list[_NftEntry]]


def read_packet_filter() -> PacketFilter:
    """Read every chain, and its counters again. Raises what `run` raises, as for a user who may
    not."""
    command: Kind = "nft" if "nf_tables" in run(["iptables", "--version"]) else "legacy"
    kinds = _kinds_in_use(command)
    before, tables_before, began = _read(kinds), _foreign(), time.monotonic()
    ipv6 = parse(run(["ip6tables-save", "--counters"]), command, "ipv6")
    time.sleep(max(0.0, SECONDS - (time.monotonic() - began)))
    chains = with_rises(before, _read(kinds))
    tables, unread = _foreign()
    return PacketFilter(command, (*chains, *ipv6), nft_with_rises(tables_before[0], tables), unread)


def _kinds_in_use(command: Kind) -> dict[Kind, str]:
    """Answer the kinds whose tables exist, each with the program that lists it; asking for those
    of the other kind would make none, but finds its program missing on some hosts."""
    kinds: dict[Kind, str] = {command: "iptables-save"}
    if command == "nft" and _legacy_in_use():
        kinds["legacy"] = "iptables-legacy-save"
    elif command == "legacy" and shutil.which("iptables-nft-save", path=PATH):
        kinds["nft"] = "iptables-nft-save"
    return kinds


def _legacy_in_use() -> bool:
    try:
        return bool(files.read_text(LEGACY_NAMES).split())
    except OSError:
        return False


def _read(kinds: Mapping[Kind, str]) -> tuple[FilterChain, ...]:
    return tuple(
        chain
        for kind, program in kinds.items()
        for chain in parse(run([program, "--counters"]), kind, "ipv4")
    )


def with_rises(
    before: tuple[FilterChain, ...], after: tuple[FilterChain, ...]
) -> tuple[FilterChain, ...]:
    """Answer the later reading, with how far each counter rose.

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
    """Answer the later reading of the tables of nftables, with how far each counter rose."""
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


def _foreign() -> tuple[tuple[NftTable, ...], str]:
    if shutil.which("nft", path=PATH) is None:
        return (), _unlisted()
    try:
        listing = cast(_NftListing, from_json(run(["nft", "-j", "list", "tables"])))
        names = [entry["table"] for entry in listing.get("nftables", ()) if "table" in entry]
        found = [each for each in names if not _of_iptables(each["family"], each["name"])]
        return tuple(_table(each) for each in found), ""
    except NetconsoleError as error:
        return (), str(error)


def _unlisted() -> str:
    """Say which tables cannot be listed without nft; empty where the kernel has none."""
    missing = "nft is not installed (Debian package nftables)"
    try:
        names = [" ".join(each) for each in read_table_names() if not _of_iptables(*each)]
    except OSError as error:
        return f"{missing}, and the kernel does not say which tables it has: {error}"
    return f"{missing}, and there are tables of it: {', '.join(names)}" if names else ""


def _of_iptables(family: str, name: str) -> bool:
    return family in ("ip", "ip6", "bridge") and name in _OF_IPTABLES


def _table(table: _NftObject) -> NftTable:
    told = run(["nft", "--numeric-priority", "list", "table", table["family"], table["name"]])
    return parse_table(table["family"], table["name"], told)
