"""Where packets are translated, and what of others the kernel asks there before ours. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.nat_order import NatHook, Turn
from netconsole.backend.filtering.native_tables import NftTable
from netconsole.backend.filtering.nft_matches import read_nft, read_rule
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.filtering.translation import Decision, Reader, Rules, decisions
from netconsole.backend.model.hoststate import Kind

SOMEWHERE: Final = IPv4Network("203.0.112.1/32")
"""Stands for most of the world: a rule that asks for a range does not mean it, and one that asks
for all but a range does."""
OTHER_PROTOCOL: Final = "sctp"
"""Stands for what is left where rules ask for TCP, UDP or ICMP."""


@dataclass(frozen=True, slots=True)
class NatWay:
    """A chain of iptables' table nat in which floating addresses are translated."""

    chain: str
    hook: NatHook
    jumps: tuple[str, ...]
    """Ours, in the order in which they are asked; the last one leads to the translation."""


IN: Final = NatWay("PREROUTING", "prerouting", (f"-j {CHAIN_PREFIX}PREROUTING",))
OUT: Final = NatWay(
    "POSTROUTING", "postrouting", (f"-j {CHAIN_PREFIX}POSTROUTING", "-j nova-postrouting-bottom")
)
"""What is not to be translated comes first."""


@dataclass(frozen=True, slots=True)
class OtherChain:
    """A chain of others that the kernel asks beside ours."""

    words: str
    """What an admin calls it."""
    entry: str
    turn: Turn
    rules: Rules
    read: Reader
    table: NftTable | None = None
    """None of a chain of iptables."""

    def taking(self, flow: Flow) -> Decision | None:
        """Return the rule that translates a flow, or else the first that may translate some of
        it. One that accepts it leaves it to the next chain."""
        rest = decisions(self.entry, self.rules, self.read, replace(flow, protocol=OTHER_PROTOCOL))
        some = decisions(self.entry, self.rules, self.read, flow)
        whole = (each for each in rest if each.translates and each.is_certain)
        return next(whole, next((each for each in some if each.translates), None))


def before_ours(rules: Rules, way: NatWay) -> Rules:
    """Return the same of our own table, of the way's chain only what comes before our jump."""
    specs, jump = rules(way.chain), way.jumps[-1]
    before = specs[: specs.index(jump)] if jump in specs else specs
    return lambda chain: before if chain == way.chain else rules(chain)


def ahead(rules: Rules, flow: Flow, way: NatWay) -> Decision | None:
    """Return the rule of `before_ours` that takes a flow, whatever it is.

    One that asks for a protocol, a port or a mark takes some of it at most, and is passed over.
    """
    found = decisions(way.chain, rules, read_rule, replace(flow, protocol=OTHER_PROTOCOL))
    return next((each for each in found if each.is_whole), None)


def native_chains(tables: Iterable[NftTable], way: NatWay) -> Iterator[OtherChain]:
    """Return the chains of nftables that may be asked before ours."""
    for table in tables:
        for each in () if "dormant" in table.flags else table.chains:
            is_here = (each.type, each.hook) == ("nat", way.hook)
            if is_here and each.turn not in ("", "after"):
                words = (
                    f"chain {each.name} of the nft table {table.family} {table.name} (priority "
                    f"{each.priority})"
                )
                yield OtherChain(words, each.name, each.turn, _texts(table), read_nft, table)


def iptables_chain(kind: Kind, rules: Rules, way: NatWay) -> OtherChain:
    """Return iptables' own chain of the kind of which `iptables` is not.

    Which of the two was registered last cannot be read.
    """
    words = f"{way.chain} of the table nat of iptables-{kind}"
    return OtherChain(words, way.chain, "unknown", rules, read_rule)


def _texts(table: NftTable) -> Rules:
    chains = {each.name: [rule.text for rule in each.rules] for each in table.chains}
    return lambda chain: chains.get(chain, ())
