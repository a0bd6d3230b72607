"""Rules that iptables cannot put into words: those of nft(8) in a table of iptables. Pure.

They stand among the others as `nft: oifname "eth1" masquerade # handle 6`, in the words of nft and
with their handle. They are another's, and stay where they are.
"""

import re
from collections.abc import Iterator

NATIVE = "nft: "
"""Begins such a rule, as no rule of iptables begins."""

_ASIDE = re.compile(r'"[^"]*"|\{[^}]*\}')
"""What is quoted, and the elements of a set or map."""
_SOURCE = re.compile(r"\bip saddr ([\d./]+)(?: |$)")
_TABLE = re.compile(r"table \w+ (\S+) \{")
_MAP = re.compile(r"\tmap (\S+) \{")
_LEADS = re.compile(r"\b(?:jump|goto) ([^\s,}]+)")
_VERDICTS = {
    word: word.upper()
    for word in (
        *("accept", "dnat", "drop", "masquerade", "queue"),
        *("redirect", "reject", "return", "snat", "tproxy"),
    )
} | {"vmap": "vmap"}


def is_native(spec: str) -> bool:
    """Whether a rule is in the words of nft."""
    return spec.startswith(NATIVE)


def native_text(spec: str) -> str:
    """Return what nft says of such a rule, without its handle."""
    return spec.removeprefix(NATIVE).rpartition(" # handle ")[0]


def native_handle(spec: str) -> int:
    """Return the handle, by which nft(8) finds it; 0 of a rule that is not in its words."""
    handle = spec.rpartition(" # handle ")[2] if is_native(spec) else ""
    return int(handle) if handle.isdecimal() else 0


def native_target(spec: str) -> str:
    """Return what iptables would call its target; a chain by its name, a map of verdicts `vmap`."""
    return target(native_text(spec))


def target(text: str) -> str:
    """Return the same of the words of nft alone."""
    words = _ASIDE.sub("", text).split()
    for word, following in zip(words, (*words[1:], ""), strict=True):
        if word in ("jump", "goto"):
            return following
        if word in _VERDICTS:
            return _VERDICTS[word]
    return ""


def native_aims(spec: str) -> frozenset[str]:
    """Return the chains that such a rule leads to, those in a map of verdicts among them."""
    return aims(spec) if is_native(spec) else frozenset()


def aims(text: str) -> frozenset[str]:
    """Return the same of the words of nft alone."""
    return frozenset(_LEADS.findall(text))


def maps_of_verdicts(listed: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Read what `nft list maps` prints: table, map and the chains that its elements lead to."""
    table = name = ""
    aims: set[str] = set()
    for line in listed.split("\n"):
        if found := _TABLE.fullmatch(line):
            table = found[1]
        elif found := _MAP.fullmatch(line):
            name, aims = found[1], set()
        elif line == "\t}":
            yield table, name, frozenset(aims)
        else:
            aims |= set(_LEADS.findall(line))


def native_source(spec: str) -> str:
    """Return the one range that it asks for as the source; empty where it asks for none, or
    several."""
    found = _SOURCE.search(_ASIDE.sub("", native_text(spec)))
    return found[1] if found else ""
