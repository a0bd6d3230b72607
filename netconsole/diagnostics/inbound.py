"""What the packet filter does to a packet that a guest sends to the host itself. Pure.

Only rules whose every word is understood decide; where one that is not could let the packet pass,
nothing is said to be certain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from netconsole.diagnostics.parts.packet_filter import FilterChain, FilterRule, Kind, PacketFilter

WAY_IN = (("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT"))
"""Where it passes, in order, in each half of the kernel."""

_ENDS = {"ACCEPT", "DROP", "REJECT"}
_DEEPEST = 16
_WITHOUT_MEANING = {"--comment", "-m"}
"""Options that decide nothing by themselves; one word follows each."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A UDP packet, the first of its connection."""

    interface: str
    source: str
    destination: str
    port: int
    """To which it is sent."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a packet is dropped."""

    kind: Kind
    table: str
    entry: str
    """The built-in chain at which a rule in front would let it pass."""
    chain: str
    rule: FilterRule | None
    """None: the policy of the chain."""
    packets: int
    """That it has dropped so far."""

    @property
    def text(self) -> str:
        """In the words of iptables."""
        where = f"-t {self.table} "
        if self.rule is None:
            return f"{where}-P {self.chain} DROP"
        return f"{where}-A {self.chain} {self.rule.spec}"


def stopped(found: PacketFilter, packet: Packet) -> Stop | None:
    """Answer where the packet is certainly dropped, or None."""
    kinds: tuple[Kind, ...] = ("nft", "legacy")
    for table, entry in WAY_IN:
        for kind in kinds:
            chains = {each.chain: each for each in found.of(table, kind)}
            if entry in chains and (stop := _at(chains, table, entry, packet)):
                return stop
    return None


def _at(chains: Mapping[str, FilterChain], table: str, entry: str, packet: Packet) -> Stop | None:
    chain = chains[entry]
    end = _end(chains, chain, packet, 0)
    if end is None and chain.policy == "DROP":
        return Stop(chain.kind, table, entry, entry, None, chain.packets)
    if end is None or end.rule is None or end.rule.target == "ACCEPT":
        return None
    return Stop(chain.kind, table, entry, end.chain, end.rule, end.rule.packets)


class _End(NamedTuple):
    """Where the way ends; without a rule, that cannot be told."""

    chain: str
    rule: FilterRule | None


def _end(
    chains: Mapping[str, FilterChain], chain: FilterChain, packet: Packet, depth: int
) -> _End | None:
    """Answer the rule of a chain that ends the packet's way; None where it leaves the chain."""
    for rule in chain.rules:
        sure = _matches(rule, packet)
        if sure is False:
            continue
        if rule.target == "RETURN":
            return None if sure else _End(chain.chain, None)
        if rule.target in _ENDS:
            end: _End | None = _End(chain.chain, rule)
        elif rule.target in chains and depth < _DEEPEST:
            end = _end(chains, chains[rule.target], packet, depth + 1)
        else:
            continue
        if end is None:
            continue
        if sure:
            return end
        if end.rule is None or end.rule.target == "ACCEPT":
            return _End(chain.chain, None)
    return None


def _matches(rule: FilterRule, packet: Packet) -> bool | None:
    """Whether a rule takes the packet; None where that cannot be told."""
    words = rule.words
    at, negated, sure = 0, False, True
    while at < len(words) and words[at] not in ("-j", "-g"):
        word, value = words[at], next(iter(words[at + 1 : at + 2]), "")
        if word == "!":
            negated, at = True, at + 1
            continue
        answer = None if word in _WITHOUT_MEANING else _test(word, value, packet)
        if answer is None:
            sure = sure and word in _WITHOUT_MEANING
        elif answer == negated:
            return False
        at, negated = at + 2, False
    return True if sure else None


def _test(word: str, value: str, packet: Packet) -> bool | None:
    match word:
        case "-i":
            return _names(value, packet.interface)
        case "-o":
            return False
        case "-p":
            return value in ("udp", "17", "all")
        case "-s":
            return IPv4Address(packet.source) in IPv4Network(value, strict=False)
        case "-d":
            return IPv4Address(packet.destination) in IPv4Network(value, strict=False)
        case "--dport":
            return _within(value, packet.port)
        case "--dports":
            return any(_within(each, packet.port) for each in value.split(","))
        case "--ctstate" | "--state":
            return "NEW" in value.split(",")
        case _:
            return None


def _names(pattern: str, interface: str) -> bool:
    if pattern.endswith("+"):
        return interface.startswith(pattern[:-1])
    return pattern == interface


def _within(ports: str, port: int) -> bool:
    first, colon, last = ports.partition(":")
    return int(first or 0) <= port <= int(last or (65535 if colon else first))
