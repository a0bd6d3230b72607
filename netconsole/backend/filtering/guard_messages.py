"""The table of the guards as the kernel tells of it over netlink, in the words of nft(8). Pure.

Of thousands of elements those of one port are found by its name. What is not of the form that
guards have is not put into words here: nft has all.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Final

from netconsole.backend.filtering.nf_messages import (
    FAMILY,
    attributes,
    contents,
    parse_rules,
    text,
)
from netconsole.backend.filtering.rule_shapes import jump
from netconsole.backend.model.text import encoded

_NAME_BYTES: Final = 16
"""Of an interface: IFNAMSIZ."""
_ELEMENTS: Final = 3
"""NFTA_SET_ELEM_LIST_ELEMENTS."""
_KEY, _KEY_END, _VALUE = 1, 10, 1
"""NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_KEY_END, NFTA_DATA_VALUE."""
_BEFORE_KEY: Final = 12
"""Bytes from the head of an element to its key: the heads of three attributes within each other."""
_SET_NAME, _SET_FLAGS, _ANONYMOUS = 2, 3, 1
_OF_ITS_SET: Final = frozenset({1, 10, 16, 20})
"""Attributes that say nothing of what a set is: its table, numbers and how many elements it has."""
_OF_ITS_CHAIN: Final = frozenset({1, 2, 6, 8})
"""The same of a chain: its table and handle, how many jumps lead there and what it counted."""
_HOOK, _POLICY, _TYPE, _FLAGS = 4, 5, 7, 10
_IS_BASE: Final = b"\0\0\0\1"
_TOLD = struct.Struct("=HI")
"""What a form has before each attribute: its kind, and the length of its value."""
_END: Final = _TOLD.pack(0, 0)
"""What ends a message in a form, as no attribute has the kind 0."""


class UnclearError(Exception):
    """What the kernel tells is not of the form that guards have."""


def elements_of(pieces: Iterable[bytes], device: str, words: str) -> Iterator[str]:
    """Yield those elements of a set that are a port's, as nft lists them.

    `words` is the type of what follows the port. Raises UnclearError where one has more than a key.
    """
    name = encoded(device).ljust(_NAME_BYTES, b"\0")
    for piece in pieces:
        at = piece.find(name)
        while at >= 0:
            start = at - _BEFORE_KEY
            if _begins(piece, start):
                yield _worded(piece[start + 4 : start + _length(piece, start)], device, words)
            at = piece.find(name, at + 1)


def is_port_chain(chain: bytes, rules: Iterable[bytes], device: str, aim: str) -> bool:
    """Whether a chain drops what comes in at a port, but for what another accepts.

    `chain` is the message that tells of it, `rules` those of its rules.
    """
    (content,) = contents((chain,))
    told = {k: v for k, v in attributes(content[FAMILY.size :]) if k not in _OF_ITS_CHAIN | {3}}
    hook = dict(attributes(told.pop(_HOOK, b"")))
    devices = [text(name) for _, name in attributes(hook.pop(4, b""))]
    hook.pop(3, None)  # the same device once more, where there is one
    jumps = [(jump(rule), len(rule.expressions)) for rule in parse_rules(rules)]
    return (
        told == {_POLICY: bytes(4), _TYPE: b"filter\0", _FLAGS: _IS_BASE}
        and hook == {1: bytes(4), 2: bytes(4)}
        and devices == [device]
        and jumps == [(f"-j {aim}", 1)]
    )


def anonymous(sets: Iterable[bytes]) -> tuple[str, ...]:
    """Return the names of the sets that are a part of a rule."""
    told = (dict(attributes(each[FAMILY.size :])) for each in contents(sets))
    return tuple(
        text(each[_SET_NAME])
        for each in told
        if int.from_bytes(each.get(_SET_FLAGS, b"\0"), "big") & _ANONYMOUS
    )


def form(
    chains: Mapping[str, tuple[bytes | None, tuple[bytes, ...]]],
    sets: Iterable[bytes],
    elements: Iterable[bytes],
    objects: Iterable[bytes],
) -> str:
    """Return what is equal for two tables only where their shared parts are.

    That is some chains by name, each with the messages of its rules, all sets, the elements of
    those that are a part of a rule, and all counters. What they have counted is not among it.
    """
    found = hashlib.sha256()

    def add(what: str, pieces: Iterable[bytes], tells: Callable[[int], bool]) -> None:
        found.update(encoded(what) + b"\0")
        for content in contents(pieces):
            for kind, value in attributes(content[FAMILY.size :]):
                if tells(kind):
                    found.update(_TOLD.pack(kind, len(value)) + value)
            found.update(_END)

    for name, (chain, rules) in chains.items():
        add(f"chain {name}", () if chain is None else (chain,), lambda k: k not in _OF_ITS_CHAIN)
        add(f"rules {name}", rules, {4, 7}.__contains__)  # expressions, and what nft notes
    add("set", sets, lambda k: k not in _OF_ITS_SET)
    add("elements", elements, lambda k: k != 1)
    add("object", objects, {2, 3, 8}.__contains__)  # name, type and comment
    return found.hexdigest()


def _length(piece: bytes, at: int) -> int:
    return int.from_bytes(piece[at : at + 2], "little")


def _begins(piece: bytes, start: int) -> bool:
    """Whether an element begins there; the end of a range has the name as well."""
    kinds = (int.from_bytes(piece[start + at : start + at + 2], "little") for at in (2, 6, 10))
    return start > 0 and [kind & 0x3FFF for kind in kinds] == [1, _KEY, _VALUE]


def _worded(element: bytes, device: str, words: str) -> str:
    told = dict(attributes(element))
    first = dict(attributes(told.pop(_KEY)))[_VALUE][_NAME_BYTES:]
    last = dict(attributes(told.pop(_KEY_END, b""))).get(_VALUE, b"")[_NAME_BYTES:] or first
    if told:
        raise UnclearError(f"an element of {device} has more than a key")
    match words:
        case "ether_addr":
            return f'"{device}" . {_mac(first)}'
        case "link_layer_address":
            return f'"{device}" . {int.from_bytes(first[:6], "big"):#x}'
        case "target":
            shown = _spans(first[8:], last[8:], lambda each: f"{int.from_bytes(each, 'big'):#x}")
        case _:
            shown = _addresses(first[8:], last[8:])
    if first[:6] != last[:6]:
        raise UnclearError(f"an element of {device} has several MAC addresses")
    return f'"{device}" . {_mac(first)} . {shown}'


def _mac(key: bytes) -> str:
    return key[:6].hex(":")


def _spans(first: bytes, last: bytes, word: Callable[[bytes], str]) -> str:
    return word(first) if first == last else f"{word(first)}-{word(last)}"


def _addresses(first: bytes, last: bytes) -> str:
    """An address, a range with its prefix length, or from one to another."""
    low, high = int.from_bytes(first, "big"), int.from_bytes(last, "big")
    many = high - low + 1
    if many == 1:
        return str(ip_address(first))
    if many > 0 and not many & (many - 1) and not low % many:
        return f"{ip_address(first)}/{8 * len(first) + 1 - many.bit_length()}"
    return f"{ip_address(first)}-{ip_address(last)}"
