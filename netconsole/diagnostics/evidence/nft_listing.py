"""Reads what `nft list table` prints (nft(8)). Pure."""

import re

from netconsole.diagnostics.parts.packet_filter import NftChain, NftRule, NftTable

_OPENED = re.compile(r"\s*(\S+)(?: (.+?))? \{")
_BASE = re.compile(r"type (\S+) hook (\S+)(?: devices? .+?)? priority ([^;]+);(?: policy (\w+);)?")
_COUNTER = re.compile(r"\bcounter packets (\d+) bytes \d+ ?")
_FLAGS = re.compile(r"flags ([\w,\s]+?);?")


def parse_table(family: str, name: str, told: str) -> NftTable:
    """Read one table: its flags and its chains; sets, maps and other objects are passed over.

    Counters are taken out of the texts of the rules, so that a rule reads the same later.
    """
    chains: list[NftChain] = []
    flags: tuple[str, ...] = ()
    within: list[str] = []
    for line in told.splitlines():
        text = line.strip()
        opened = _OPENED.fullmatch(line) if text.endswith("{") else None
        if opened:
            within.append(opened[1])
            if opened[1] == "chain":
                chains.append(NftChain(opened[2] or ""))
        elif text == "}":
            within.pop()
        elif within == ["table"] and (found := _FLAGS.fullmatch(text)):
            flags = tuple(found[1].replace(",", " ").split())
        elif within[-1:] == ["chain"] and text:
            chains[-1] = _with_line(chains[-1], text)
    return NftTable(family, name, tuple(chains), flags)


def _with_line(chain: NftChain, text: str) -> NftChain:
    if found := _BASE.match(text):
        kind, hook, priority, policy = found.groups()
        return NftChain(chain.name, chain.rules, kind, hook, priority, policy or "accept")
    counted = _COUNTER.search(text)
    packets = int(counted[1]) if counted else None
    rule = NftRule(_COUNTER.sub("", text), packets)
    return NftChain(
        chain.name, (*chain.rules, rule), chain.type, chain.hook, chain.priority, chain.policy
    )
