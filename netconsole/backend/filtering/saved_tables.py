"""The tables of iptables as `iptables-save --counters` prints them, and how that is read. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.filtering import rule_words
from netconsole.backend.filtering.native_rules import is_native, native_target
from netconsole.backend.model.table_names import Kind

_DECLARED = re.compile(r":(\S+) (\S+)(?: \[(\d+):\d+\])?")
_RULE = re.compile(r"(?:\[(\d+):(\d+)\] )?-A (\S+)(?: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One rule, in the words of iptables-save(8), without `-A CHAIN`; one that these cannot say is
    in the words of nft(8), after `nft: `."""

    spec: str
    packets: int = 0
    bytes: int = 0
    rise: int = 0
    """Packets that it counted between the two readings."""

    @property
    def words(self) -> list[str]:
        """Return the words of the rule; a quoted comment is one, whatever it says."""
        return rule_words.words(self.spec)

    @property
    def target(self) -> str:
        """Return where it leads: ACCEPT, DROP, a chain; empty for a rule that only counts."""
        if is_native(self.spec):
            return native_target(self.spec)
        words = self.words
        for option in ("-j", "-g"):
            if option in words[:-1]:
                return words[words.index(option) + 1]
        return ""


@dataclass(frozen=True, slots=True)
class FilterChain:
    """One chain of iptables or ip6tables."""

    kind: Kind
    family: Literal["ipv4", "ipv6"]
    table: str
    chain: str
    policy: str
    """ACCEPT or DROP of a built-in chain, empty of another."""
    rules: tuple[FilterRule, ...] = ()
    packets: int = 0
    """That reached the policy."""
    rise: int = 0
    """How many of them did so between the two readings."""


def parse_saved(text: str, kind: Kind, family: Literal["ipv4", "ipv6"]) -> Iterator[FilterChain]:
    """Return every chain with its rules, in their order."""
    table = ""
    declared: dict[str, tuple[str, int]] = {}
    rules: dict[str, list[FilterRule]] = {}
    for line in rule_words.lines(text):
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
