"""What the kernel tells of its tables of nftables: netlink messages, taken apart. Pure.

The formats are those of linux/netlink.h and linux/netfilter/nf_tables.h.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from netconsole.backend.model.text import decoded, encoded

NfFamily = Literal["inet", "ip", "arp", "netdev", "bridge", "ip6"]
FAMILIES: Final[dict[int, NfFamily]] = {
    1: "inet",
    2: "ip",
    3: "arp",
    5: "netdev",
    7: "bridge",
    10: "ip6",
}
"""Of linux/netfilter.h, as nft(8) names them."""
HOOKS: Final = ("prerouting", "input", "forward", "output", "postrouting")
"""By their numbers in linux/netfilter.h, but for the families netdev and arp."""
ERROR, DONE = 2, 3
"""Kinds of messages: a refusal or its absence, and the end of what there is."""
HEADER = struct.Struct("=IHHII")
"""nlmsghdr of linux/netlink.h: length, type, flags, sequence, port."""
FAMILY = struct.Struct("=BBH")
"""nfgenmsg of linux/netfilter/nfnetlink.h: family, version, resource."""
VERDICTS: Final = {
    0: "drop",
    1: "accept",
    -1: "continue",
    -3: "jump",
    -4: "goto",
    -5: "return",
}
"""By their numbers in linux/netfilter.h and linux/netfilter/nf_tables.h."""
_ATTRIBUTE = struct.Struct("=HH")


@dataclass(frozen=True, slots=True)
class KernelChain:
    """A chain; one with a hook is a base chain, where packets enter."""

    family: NfFamily
    table: str
    name: str
    type: str = ""
    hook: str = ""
    """Of netdev and arp its number: these have hooks of their own."""
    priority: int = 0
    drops: bool = False
    """Its policy."""
    uses: int = field(default=0, compare=False)
    """How many rules it has, and how many lead to it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One instruction of a rule; what it is about is taken apart when it is asked for."""

    name: str
    data: bytes

    def number(self, attribute: int) -> int:
        """Return a number that it has among its attributes; -1 where it has none."""
        value = _parsed(self.data).get(attribute)
        return -1 if value is None else int.from_bytes(value, "big")


@dataclass(frozen=True, slots=True)
class KernelRule:
    """A rule, known by its handle as long as it is there."""

    handle: int
    expressions: tuple[Expression, ...]


def parse_generation(message: bytes) -> int:
    """Return the generation that the content of a message tells."""
    return int.from_bytes(dict(attributes(message[FAMILY.size :]))[1], "big")


def parse_tables(pieces: Iterable[bytes]) -> tuple[tuple[NfFamily, str], ...]:
    """Return family and name of every table of a dump."""
    return tuple(
        (FAMILIES[message[0]], text(dict(attributes(message[FAMILY.size :]))[1]))
        for message in contents(pieces)
        if message[0] in FAMILIES
    )


def parse_chains(pieces: Iterable[bytes]) -> tuple[KernelChain, ...]:
    """Return the chains of a dump."""
    return tuple(
        _chain(FAMILIES[message[0]], dict(attributes(message[FAMILY.size :])))
        for message in contents(pieces)
        if message[0] in FAMILIES
    )


_COUNTER: Final = 1
"""NFT_OBJECT_COUNTER of linux/netfilter/nf_tables.h."""
_NAME, _TYPE, _DATA = 2, 3, 4
"""NFTA_OBJ_*."""
_PACKETS: Final = 2
"""NFTA_COUNTER_PACKETS."""


def parse_counters(pieces: Iterable[bytes]) -> dict[str, int]:
    """Return how many packets each named counter of a dump of objects has seen."""
    found: dict[str, int] = {}
    for message in contents(pieces):
        told = dict(attributes(message[FAMILY.size :]))
        if int.from_bytes(told.get(_TYPE, b""), "big") == _COUNTER:
            seen = dict(attributes(told[_DATA]))
            found[text(told[_NAME])] = int.from_bytes(seen[_PACKETS], "big")
    return found


def parse_rules(raw: Iterable[bytes]) -> tuple[KernelRule, ...]:
    """Return the rules of a dump, as `NfTables.raw_rules` returns it."""
    return tuple(_rule(message[FAMILY.size :]) for message in contents(raw))


def verdict(expression: Expression) -> tuple[str, str]:
    """Return the verdict of an expression `immediate`, with the chain it leads to; nothing where
    it is data."""
    data = _parsed(_parsed(expression.data).get(2, b""))
    if 2 not in data:
        return "", ""
    told = _parsed(data[2])
    (code,) = struct.unpack(">i", told[1])
    return VERDICTS.get(code, "unknown"), text(told.get(2, b""))


def named(kind: int, name: str) -> bytes:
    """Return an attribute that holds a name, as a question carries it."""
    return attribute(kind, encoded(name) + b"\0")


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute: length, kind, value, and what fills four bytes up (nlattr)."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def headers(answer: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Return kind and flags of each message received, and where its content begins and ends."""
    at = 0
    while at + HEADER.size <= len(answer):
        length, kind, flags, _, _ = HEADER.unpack_from(answer, at)
        yield kind, flags, at + HEADER.size, at + length
        at += length + 3 & ~3


def error_code(answer: bytes, begin: int) -> int:
    """Return the error number that a message tells, 0 for none."""
    return -int(struct.unpack_from("=i", answer, begin)[0])


def _rule(raw: bytes) -> KernelRule:
    told = dict(attributes(raw))
    parts = (dict(attributes(element)) for _, element in attributes(told.get(4, b"")))
    expressions = tuple(Expression(text(part[1]), part.get(2, b"")) for part in parts)
    return KernelRule(int.from_bytes(told[3], "big"), expressions)


def _chain(family: NfFamily, told: dict[int, bytes]) -> KernelChain:
    table, name = text(told[1]), text(told[3])
    uses = int.from_bytes(told.get(6, b""), "big")
    if 4 not in told:
        return KernelChain(family, table, name, uses=uses)
    hook = dict(attributes(told[4]))
    number = int.from_bytes(hook[1], "big")
    (priority,) = struct.unpack(">i", hook[2])
    has_own_hooks = family in ("arp", "netdev") or number >= len(HOOKS)
    return KernelChain(
        family,
        table,
        name,
        text(told.get(7, b"")),
        str(number) if has_own_hooks else HOOKS[number],
        priority,
        int.from_bytes(told.get(5, b"\1"), "big") == 0,
        uses,
    )


def contents(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of each message but the one that says that these are all."""
    return (
        piece[begin:end]
        for piece in pieces
        for kind, _, begin, end in headers(piece)
        if kind not in (ERROR, DONE)
    )


@lru_cache(maxsize=1024)
def _parsed(data: bytes) -> dict[int, bytes]:
    """Attributes by number; the same expressions come again and again."""
    return dict(attributes(data))


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and value of each attribute in a piece of a message."""
    at, end = 0, len(data) - _ATTRIBUTE.size
    while at <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += length + 3 & ~3 or 4


def text(value: bytes) -> str:
    """Return a string of a message, which ends with a zero byte."""
    return decoded(value.rstrip(b"\0"))
