"""Reads the packet filter: iptables of the kind in use, the legacy tables, and foreign nftables."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast

from netconsole.backend.errors import NetconsoleError
from netconsole.backend.programs import PATH, run
from netconsole.diagnostics.parts.packet_filter import (
    FilterChain,
    FilterRule,
    Kind,
    NftTable,
    PacketFilter,
)

LEGACY_NAMES = Path("/proc/self/net/ip_tables_names")
"""The legacy tables in use in this network namespace; readable by root."""

_DECLARED = re.compile(r":(\S+) (\S+)(?: \[(\d+):\d+\])?")
_RULE = re.compile(r"(?:\[(\d+):(\d+)\] )?-A (\S+)(?: (.*))?")
_OF_IPTABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
"""Tables that iptables-save lists already, in the families ip, ip6 and bridge."""


class _NftObject(TypedDict):
    family: str
    name: str
    table: NotRequired[str]
    hook: NotRequired[str]
    type: NotRequired[str]
    policy: NotRequired[str]


class _NftEntry(TypedDict, total=False):
    table: _NftObject
    chain: _NftObject


def read_packet_filter() -> PacketFilter:
    """Read every chain. Raises what `run` raises, as for a user who may not."""
    command: Kind = "nft" if "nf_tables" in run(["iptables", "--version"]) else "legacy"
    chains = [*parse(run(["iptables-save", "--counters"]), command, "ipv4")]
    chains += parse(run(["ip6tables-save", "--counters"]), command, "ipv6")
    if command == "nft" and _legacy_in_use():
        chains += parse(run(["iptables-legacy-save", "--counters"]), "legacy", "ipv4")
    tables, unread = _foreign()
    return PacketFilter(command, tuple(chains), tables, unread)


def _legacy_in_use() -> bool:
    try:
        return bool(LEGACY_NAMES.read_text(encoding="ascii").split())
    except OSError:
        return False


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
        return (), "nft is not installed (Debian package nftables)"
    try:
        told = json.loads(run(["nft", "-j", "list", "chains"]))
    except NetconsoleError as error:
        return (), str(error)
    entries = cast(list[_NftEntry], told["nftables"])
    return tuple(_tables(entries)), ""


def _tables(entries: Iterable[_NftEntry]) -> Iterator[NftTable]:
    hooked: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if (chain := entry.get("chain")) is None:
            continue
        key = (chain["family"], chain.get("table", ""))
        if key[0] in ("ip", "ip6", "bridge") and key[1] in _OF_IPTABLES:
            continue
        chains = hooked.setdefault(key, [])
        if hook := chain.get("hook"):
            chains.append(f"{hook} {chain.get('type', '')} {chain.get('policy', 'accept')}")
    for (family, name), chains in hooked.items():
        yield NftTable(family, name, tuple(chains))
