"""Chains that find an address among thousands in a few steps, as a tree of its digits. Pure.

A chain with more addresses than `MOST` branches by the next hexadecimal digit at which they differ.
What comes or goes changes the one chain that has it, and not the shape of the rest, unless that
grows beyond `MOST`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import groupby
from typing import Literal, NamedTuple

from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model.hoststate import Rule
from netconsole.backend.model.subject import HOST, Subject

MOST = 16
"""Addresses of one chain; a digit has as many values."""
LONGEST_NAME = 28
"""Of a chain: XT_EXTENSION_MAXNAMELEN less its end (linux/netfilter/x_tables.h)."""


class AddressAction(NamedTuple):
    """What is to be done with an address."""

    address: str
    action: str
    """The end of its rule: `-j nova-network-inst-7`."""
    about: Subject


@dataclass(frozen=True, slots=True)
class Tree:
    """How a tree is worded."""

    root: str
    """The chain at which it begins."""
    branch: str
    """Begins the names of the others; the digits come after that."""
    option: Literal["-s", "-d"]

    def chains(self, entries: Iterable[AddressAction]) -> dict[str, list[Rule]]:
        """Return the chains for addresses of one family; the first of two that are alike counts."""
        leaves: dict[str, AddressAction] = {}
        for entry in entries:
            leaves.setdefault(_digits(entry.address), entry)
        found: dict[str, list[Rule]] = {self.root: []}
        self._fill(self.root, sorted(leaves.items()), found)
        return found

    def _fill(
        self, chain: str, leaves: Sequence[tuple[str, AddressAction]], found: dict[str, list[Rule]]
    ) -> None:
        if len(leaves) <= MOST:
            found[chain] = [self._leaf(entry) for _, entry in leaves]
            return
        place = len(_common(leaves[0][0], leaves[-1][0]))
        rules = found[chain] = []
        for _, group in groupby(leaves, key=lambda leaf: leaf[0][place]):
            among = list(group)
            if len(among) == 1:
                rules.append(self._leaf(among[0][1]))
                continue
            digits = _common(among[0][0], among[-1][0])
            name = self._name(digits, len(among[0][0]))
            rules.append(Rule(f"{self.option} {_range(digits, among[0][0])} -j {name}", HOST))
            self._fill(name, among, found)

    def _leaf(self, entry: AddressAction) -> Rule:
        bits = 128 if ":" in entry.address else 32
        return Rule(f"{self.option} {entry.address}/{bits} {entry.action}", entry.about)

    def _name(self, digits: str, whole: int) -> str:
        """The digits where they fit, as those of IPv4 do; else what they come to."""
        room = LONGEST_NAME - len(self.branch) - len(CHAIN_PREFIX)
        if whole - 1 > room:
            digits = hashlib.sha256(digits.encode()).hexdigest()[:room]
        return f"{CHAIN_PREFIX}{self.branch}{digits}"


def _digits(address: str) -> str:
    if ":" in address:
        return ip_address(address).packed.hex()
    return bytes(map(int, address.split("."))).hex()  # of thousands: in a quarter of the time


def _common(first: str, last: str) -> str:
    """What all texts between two, in their order, begin with."""
    place = 0
    while place < len(first) and first[place] == last[place]:
        place += 1
    return first[:place]


def _range(digits: str, one_of_it: str) -> str:
    """The addresses that begin with these digits, as CIDR."""
    packed = bytes.fromhex(digits.ljust(len(one_of_it), "0"))
    return str(ip_network((packed, 4 * len(digits))))


def ranges(option: Literal["-s", "-d"], entries: Iterable[AddressAction]) -> Iterator[Rule]:
    """Word what is to be done with ranges, the narrowest first."""
    by_width = sorted(entries, key=lambda entry: -ip_network(entry.address).prefixlen)
    for entry in by_width:
        yield Rule(f"{option} {entry.address} {entry.action}", entry.about)
