"""The table of the guards as nft(8) lists it, and the counters of ebtables, taken apart. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from netconsole.backend.model.guards import TABLE, GuardObject, GuardTable

_KINDS: Mapping[str, Literal["counter", "set", "chain"]] = {
    "counter": "counter",
    "set": "set",
    "map": "set",
    "chain": "chain",
}
_COUNTED = re.compile(r"packets \d+ bytes \d+")
_DEVICE = re.compile(r'.*?"([^"]*)"')
"""The first of a base chain's hook, and of an element."""
_CHAIN = re.compile(r"Bridge chain: (\S+), ")
_SEEN = re.compile(r", pcnt = (\d+) -- bcnt = \d+$")
_OPENED = re.compile(r"\t(\w+) (\S+) \{")


def parse_guards(told: str) -> GuardTable:
    """Read what `nft list table` prints; of no text, no table.

    What no guard has, a flag or a quota, is read as a line that none has either.
    """
    lines = told.splitlines()
    return frozenset(_objects(lines)) if lines else frozenset()


def counted_in_chains(told: str) -> dict[str, int]:
    """Return how many packets the rules of each chain have seen, as `ebtables -L --Lc` prints."""
    found: dict[str, int] = {}
    chain = ""
    for line in told.splitlines():
        if opened := _CHAIN.match(line):
            chain = opened[1]
            found[chain] = 0
        elif seen := _SEEN.search(line):
            found[chain] += int(seen[1])
    return found


def _objects(lines: list[str]) -> Iterator[GuardObject]:
    loose: list[str] = []
    block: list[str] = []
    opened: re.Match[str] | None = None
    for line in lines[1:-1]:
        if opened is None:
            opened, block = _OPENED.fullmatch(line), []
            if opened is None and line.strip():
                loose.append(line.strip())
        elif line == "\t}":
            yield from _of_block(opened[1], opened[2], block)
            opened = None
        elif line.strip():
            block.append(line.strip())
    yield GuardObject("table", TABLE, tuple(loose))


def _of_block(word: str, name: str, block: list[str]) -> Iterator[GuardObject]:
    kind = _KINDS.get(word, "chain")
    if kind == "counter":
        yield GuardObject(kind, name, tuple(each for each in block if not _COUNTED.fullmatch(each)))
    elif kind == "set":
        start = next((at for at, each in enumerate(block) if each.startswith("elements = {")), None)
        yield GuardObject(kind, name, tuple(block[:start]))
        if start is not None:
            text = " ".join(block[start:]).removeprefix("elements = {").removesuffix("}")
            for element in filter(None, map(str.strip, text.split(","))):
                yield GuardObject("element", name, (element,), _device(element))
    else:
        is_hooked = bool(block) and block[0].startswith("type ")
        device = _device(block[0]) if is_hooked else ""
        yield GuardObject("chain", name, tuple(block), device)


def _device(text: str) -> str:
    found = _DEVICE.match(text)
    return found[1] if found else ""
