"""Where our jumps go among the rules of others, which stay where they are. Pure.

Source translation comes behind what others exempt from it (an IPsec tunnel's packets, a range
that is reached untranslated), but before the first of their rules that would translate what our
networks send: the first rule of the table that translates a connection is the only one.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from ipaddress import IPv4Network

from netconsole.backend.filtering.native_rules import is_native, native_source, native_target
from netconsole.backend.filtering.rule_words import unquoted
from netconsole.backend.model.hoststate import Rule

TRANSLATORS = frozenset({"SNAT", "MASQUERADE", "NETMAP"})
"""Targets that decide the source of a connection (iptables-extensions(8))."""

_TARGET = re.compile(r"(?:^|\s)-[jg] (\S+)")
_SOURCE = re.compile(r"(?:^|\s)(?<!! )-s (\S+)")

Table = Mapping[str, Sequence[str]]
"""The rules of each chain, as iptables-save prints them."""


def target_of(spec: str) -> str:
    """Return the chain or target that a rule leads to; a comment that mentions one does not
    count."""
    if is_native(spec):
        return native_target(spec)
    found = _TARGET.search(unquoted(spec))
    return found.group(1) if found else ""


def placed(
    wanted: Sequence[Rule],
    foreign: Sequence[str],
    observed: Table,
    goal: Mapping[str, Sequence[Rule]],
) -> list[str]:
    """Our rules and those of others in one chain, in the order in which they are asked.

    `observed` and `goal` are the table as it is and as it should be, for what jumps lead to.
    """
    last = [rule.spec for rule in wanted if rule.at_end]
    first = _first_taken(foreign, observed, goal) if last else len(foreign)
    return [
        *(rule.spec for rule in wanted if not rule.at_end),
        *foreign[:first],
        *last,
        *foreign[first:],
    ]


def _first_taken(
    foreign: Sequence[str], observed: Table, goal: Mapping[str, Sequence[Rule]]
) -> int:
    """The place of the first rule of others that translates what ours are to translate."""
    if not foreign:
        return 0  # what ten thousand addresses send is not gone through for that
    sources = _sources(rule.spec for rules in goal.values() for rule in rules)
    places = (at for at, spec in enumerate(foreign) if _takes(spec, sources, observed, set()))
    return next(places, len(foreign))


def _takes(
    spec: str, sources: Collection[IPv4Network], observed: Table, looked_at: set[str]
) -> bool:
    """Whether a rule translates something of these sources, or leads to one that may.

    Each chain is looked at once, so that those that lead back to themselves have an end.
    """
    own = _sources((spec,))
    if own and not any(one.overlaps(other) for one in own for other in sources):
        return False
    aim = target_of(spec)
    if aim in TRANSLATORS:
        return True
    if aim in looked_at:
        return False
    looked_at.add(aim)
    return any(_takes(inner, sources, observed, looked_at) for inner in observed.get(aim, ()))


def _sources(specs: Iterable[str]) -> set[IPv4Network]:
    """The ranges that rules ask for as the source; everywhere for one that is no range."""
    return {_range(text) for text in {_source(spec) for spec in specs} if text}


def _source(spec: str) -> str:
    if is_native(spec):
        return native_source(spec)
    found = _SOURCE.search(unquoted(spec))
    return found.group(1) if found else ""


def _range(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError:  # a mask with holes
        return IPv4Network("0.0.0.0/0")
