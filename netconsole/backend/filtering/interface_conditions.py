"""What a rule asks of the interface that packets come in by, or go out by. Pure.

In the words of iptables-save(8) such conditions come before all matches and the target; in those
of nft(8) they stand anywhere, with one name, several in braces, or a set or map by its name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.filtering.nft_matches import WORD

Direction = Literal["in", "out"]

_REST = re.compile(r"(?:^|(?<= ))-[mjg] ")
"""Where the conditions that iptables knows without a match end."""
_ASKED = re.compile(r"(?:^|(?<= ))(! )?-([io]) (\S+)(?: |$)")
_NAME = re.compile(r'"([^"]*)"')
_COMMENT = re.compile(r'comment ("[^"]*")')
_NFT_WAYS: dict[str, Direction] = {"iif": "in", "iifname": "in", "oif": "out", "oifname": "out"}
_BEFORE_VALUE = frozenset({"==", "vmap", "map"})
_TWO_WORDS = frozenset({"ct", "ether", "ip", "ip6", "meta", "tcp", "th", "udp"})


@dataclass(frozen=True, slots=True)
class NamedInterface:
    """An interface, or many by a pattern, as a condition has it."""

    name: str
    """`*` at the end stands for any end."""
    begin: int
    end: int
    """Where in the rule it stands, in quotes where it is in some."""


@dataclass(frozen=True, slots=True)
class InterfaceCondition:
    """One condition of a rule."""

    way: Direction
    names: tuple[NamedInterface, ...]
    """Of which it asks for any."""
    of_set: str = ""
    """The set or map of nft that has the names; they are not in the rule then."""
    negated: bool = False
    begin: int = 0
    end: int = 0
    """Where in the rule all of it stands, with the space behind it."""


def iptables_conditions(spec: str) -> tuple[InterfaceCondition, ...]:
    """Read a rule in the words of iptables-save, without `-A CHAIN`."""
    rest = _REST.search(spec)
    return tuple(
        InterfaceCondition(
            "in" if found[2] == "i" else "out",
            (NamedInterface(re.sub(r"\+$", "*", found[3]), found.start(3), found.end(3)),),
            negated=bool(found[1]),
            begin=found.start(),
            end=found.end(),
        )
        for found in _ASKED.finditer(spec, 0, rest.start() if rest else len(spec))
    )


def nft_conditions(text: str) -> tuple[InterfaceCondition, ...]:
    """Read a rule in the words of nft."""
    return tuple(_nft_conditions(text, list(WORD.finditer(text))))


def _nft_conditions(text: str, words: Sequence[re.Match[str]]) -> Iterator[InterfaceCondition]:
    place = 0
    while place < len(words):
        begin, way = words[place].start(), _NFT_WAYS.get(words[place][0])
        place += 1
        if way is None:
            continue
        place = _past_concatenation(words, place)
        negated = False
        while place < len(words) and words[place][0] in ("!=", *_BEFORE_VALUE):
            negated |= words[place][0] == "!="
            place += 1
        if place < len(words):
            value = words[place]
            place += 1
            end = words[place].start() if place < len(words) else len(text)
            names = () if value[0][0] == "@" else tuple(_names(text, value.start(), value.end()))
            of_set = value[0][1:] if value[0][0] == "@" else ""
            yield InterfaceCondition(way, names, of_set, negated, begin, end)


def _past_concatenation(words: Sequence[re.Match[str]], place: int) -> int:
    """Pass `. ip saddr`: the value that follows is of several conditions at once."""
    while place < len(words) and words[place][0] == ".":
        two = place + 1 < len(words) and words[place + 1][0] in _TWO_WORDS
        place += 3 if two else 2
    return place


def _names(text: str, begin: int, end: int) -> Iterator[NamedInterface]:
    """The names between two places; what is said in a comment of an element is none."""
    said = {found.start(1) for found in _COMMENT.finditer(text, begin, end)}
    for found in _NAME.finditer(text, begin, end):
        if found.start() not in said:
            yield NamedInterface(found[1], found.start(), found.end())


def element_names(element: str) -> tuple[NamedInterface, ...]:
    """Return the interfaces in an element of a set or map of nft."""
    return tuple(_names(element, 0, len(element)))


def with_names(text: str, places: Sequence[NamedInterface], name: str) -> str:
    """Return a rule, or an element, with another interface at these places."""
    for each in sorted(places, key=lambda place: -place.begin):
        quoted = f'"{name}"' if text[each.begin] == '"' else name
        text = text[: each.begin] + quoted + text[each.end :]
    return text


def without(text: str, conditions: Sequence[InterfaceCondition]) -> str:
    """Return a rule without these conditions: what else it asks for, and does."""
    for each in sorted(conditions, key=lambda condition: -condition.begin):
        text = text[: each.begin] + text[each.end :]
    return text
