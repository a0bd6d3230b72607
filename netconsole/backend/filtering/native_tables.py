"""Tables of nftables that iptables does not show, as nft(8) lists them. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from netconsole.backend.filtering.nat_order import ChainPlace, Turn

_OPENED = re.compile(r"\s*(\S+)(?: (.+?))? \{(?: # handle \d+)?")
_BASE = re.compile(r"type (\S+) hook (\S+)(?: devices? .+?)? priority ([^;]+);(?: policy (\w+);)?")
_COUNTER = re.compile(r"\bcounter packets (\d+) bytes \d+")
_FLAGS = re.compile(r"flags ([\w,\s]+?);?")
_HANDLE = re.compile(r"(.*) # handle (\d+)")
_COMMENT = re.compile(r'comment "[^"]*"')
"""Of a chain itself: each of its rules ends with its handle."""
_QUOTED = re.compile(r'"[^"]*"')
_SETS: Mapping[str, Literal["set", "map"]] = {"set": "set", "map": "map"}
_OF_INTERFACES = re.compile(r"type .*\b(?:ifname|iface_index)\b.*|typeof .*\b[io]if(?:name)?\b.*")
_TIMEOUT = "timeout "
_POLICY = re.compile(r"(\w+) *: *(\w+)")
_SPAN = re.compile(r"(\d+)([a-z]*)")
_UNITS: Mapping[str, int] = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_ELEMENTS = re.compile(r"\belements = \{(.*?)\}", re.DOTALL)
_ELEMENT = re.compile(r'(?:"[^"]*"|[^",])+')


@dataclass(frozen=True, slots=True)
class NftRule:
    """One rule, in the words of nft(8)."""

    text: str
    packets: int | None = None
    """Where the rule counts."""
    rise: int = 0
    """Packets that it counted between two readings."""
    handle: int = 0
    """By which nft(8) finds it, as no other rule of the table ever gets it; 0 where it was listed
    without."""


@dataclass(frozen=True, slots=True)
class NftChain:
    """One chain; a base chain has a hook (nft(8), chains)."""

    name: str
    rules: tuple[NftRule, ...] = ()
    type: str = ""
    hook: str = ""
    priority: str = ""
    policy: str = ""
    turn: Turn = ""
    """Of a base chain that translates: whether it is asked before iptables' own."""


@dataclass(frozen=True, slots=True)
class NftSet:
    """A set, or a map, of interfaces."""

    kind: Literal["set", "map"]
    name: str
    elements: tuple[str, ...] = ()
    """In the words of nft(8); of a map each with its value."""


@dataclass(frozen=True, slots=True)
class NftTimeout:
    """For how long connections are remembered that a rule gives it (nft(8), ct timeout)."""

    name: str
    protocol: str = ""
    seconds: tuple[tuple[str, int], ...] = ()
    """By state, in the words of nft(8): `unreplied`, `established`."""


@dataclass(frozen=True, slots=True)
class NftTable:
    """A table of nftables that iptables does not show."""

    family: str
    name: str
    chains: tuple[NftChain, ...] = ()
    flags: tuple[str, ...] = ()
    """`owner`: only the process that made it can change it; `dormant`: it is switched off."""
    sets: tuple[NftSet, ...] = ()
    """Those of interfaces alone."""
    timeouts: tuple[NftTimeout, ...] = ()

    def chain(self, name: str) -> NftChain | None:
        """Return a chain, or None."""
        return next((each for each in self.chains if each.name == name), None)

    def with_turns(self, turns: Mapping[ChainPlace, Turn]) -> "NftTable":
        """Return the same with what is known of when its chains are asked."""
        chains = (
            replace(each, turn=turns.get((self.family, self.name, each.name), ""))
            for each in self.chains
        )
        return replace(self, chains=tuple(chains))


def parse_table(family: str, name: str, told: str) -> NftTable:
    """Read one table: flags, chains, timeouts, and sets of interfaces without their elements.

    What a rule has counted is taken out of its text, so that it reads the same later.
    """
    chains: list[NftChain] = []
    sets: list[NftSet] = []
    timeouts: list[NftTimeout] = []
    flags: tuple[str, ...] = ()
    within: list[str] = []
    opened_name = ""
    begun = ""
    for line in told.splitlines():
        text = line.strip()
        is_inside = within[-1:] == ["chain"]
        if not is_inside and (opened := _OPENED.fullmatch(line)):
            within.append(opened[1])
            opened_name = opened[2] or ""
            if opened[1] == "chain":
                chains.append(NftChain(opened[2] or ""))
            elif opened[1] == "ct" and opened_name.startswith(_TIMEOUT):
                timeouts.append(NftTimeout(opened_name.removeprefix(_TIMEOUT)))
        elif text == "}" and not begun:
            within.pop()
        elif within == ["table"] and (found := _FLAGS.fullmatch(text)):
            flags = tuple(found[1].replace(",", " ").split())
        elif within and within[-1] in _SETS and _OF_INTERFACES.fullmatch(text):
            sets.append(NftSet(_SETS[within[-1]], opened_name))
        elif within[-1:] == ["ct"] and opened_name.startswith(_TIMEOUT):
            timeouts[-1] = _with_timeout(timeouts[-1], text)
        elif is_inside and text and (begun or not _COMMENT.fullmatch(text)):
            begun = f"{begun} {text}".strip()  # a long one goes over several lines
            bare = _QUOTED.sub("", begun)
            if bare.count("{") == bare.count("}"):
                chains[-1] = _with_line(chains[-1], begun)
                begun = ""
    return NftTable(family, name, tuple(chains), flags, tuple(sets), tuple(timeouts))


def _with_timeout(timeout: NftTimeout, text: str) -> NftTimeout:
    word, _, rest = text.partition(" ")
    if word == "protocol":
        return replace(timeout, protocol=rest)
    if word != "policy":
        return timeout
    seconds = ((found[1], _seconds(found[2])) for found in _POLICY.finditer(rest))
    return replace(timeout, seconds=tuple(seconds))


def _seconds(told: str) -> int:
    """Return `90`, `90s` and `1m30s` as 90."""
    return sum(
        int(number) * _UNITS.get(unit, 1) for number, unit in _SPAN.findall(told) if unit != "ms"
    )


def parse_elements(told: str) -> tuple[str, ...]:
    """Read what `nft list set` or `nft list map` prints: the elements."""
    found = _ELEMENTS.search(told)
    listed = _ELEMENT.findall(found[1]) if found else ()
    return tuple(each.strip() for each in listed if each.strip())


def _with_line(chain: NftChain, text: str) -> NftChain:
    if found := _BASE.match(text):
        kind, hook, priority, policy = found.groups()
        return NftChain(chain.name, chain.rules, kind, hook, priority, policy or "accept")
    handle = _HANDLE.fullmatch(text)
    text = handle[1] if handle else text
    counted = _COUNTER.search(text)
    packets = int(counted[1]) if counted else None
    bare = _COUNTER.sub("counter", text).rstrip()
    rule = NftRule(bare, packets, handle=int(handle[2]) if handle else 0)
    return replace(chain, rules=(*chain.rules, rule))
