"""Where packets are translated, and what of others the kernel asks there before ours. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import Flow, RuleReading
from netconsole.backend.filtering.nat_order import NatHook, Turn
from netconsole.backend.filtering.native_tables import NftTable
from netconsole.backend.filtering.nft_matches import read_nft, read_rule
from netconsole.backend.filtering.places import table_in_words
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.filtering.walk import Decision, Reader, decisions
from netconsole.backend.model.table_names import Kind

SOMEWHERE: Final = IPv4Network("203.0.112.1/32")
"""Stands for most of the world: a rule that asks for a range does not mean it, and one that asks
for all but a range does."""
OTHER_PROTOCOL: Final = "sctp"
"""Stands for what is left where rules ask for TCP, UDP or ICMP."""


Rules = Callable[[str], Sequence[str]]
"""The rules of a chain, in their order; none of one that is not there."""


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
        rest = deciding(self.entry, self.rules, self.read, replace(flow, protocol=OTHER_PROTOCOL))
        some = deciding(self.entry, self.rules, self.read, flow)
        whole = (each for each in rest if _translates(each) and each.is_certain)
        return next(whole, next(filter(_translates, some), None))


def deciding(chain: str, rules: Rules, read: Reader, flow: Flow) -> tuple[Decision, ...]:
    """Return the rules that decide about a flow.

    Chains of ours are passed over: they exempt what is not to be translated.
    """

    def read_others(text: str, flow: Flow) -> RuleReading:
        rule = read(text, flow)
        return replace(rule, action="pass") if rule.aim.startswith("nova-") else rule

    return decisions(chain, lambda name, _: enumerate(rules(name)), read_others, flow)


def _translates(decision: Decision) -> bool:
    return decision.outcome == "translate"


def before_ours(rules: Rules, way: NatWay) -> Rules:
    """Return the same of our own table, of the way's chain only what comes before our jump."""
    specs, jump = rules(way.chain), way.jumps[-1]
    before = specs[: specs.index(jump)] if jump in specs else specs
    return lambda chain: before if chain == way.chain else rules(chain)


def ahead(rules: Rules, flow: Flow, way: NatWay) -> Decision | None:
    """Return the rule of `before_ours` that takes a flow, whatever it is.

    One that asks for a protocol, a port or a mark takes some of it at most, and is passed over.
    """
    found = deciding(way.chain, rules, read_rule, replace(flow, protocol=OTHER_PROTOCOL))
    return next((each for each in found if each.is_whole), None)


def native_chains(tables: Iterable[NftTable], way: NatWay) -> Iterator[OtherChain]:
    """Return the chains of nftables that may be asked before ours."""
    for table in tables:
        for each in () if "dormant" in table.flags else table.chains:
            is_here = (each.type, each.hook) == ("nat", way.hook)
            if is_here and each.turn not in ("", "after"):
                own = table_in_words("native", table.family, table.name)
                words = f"chain {each.name} of the {own} (priority {each.priority})"
                yield OtherChain(words, each.name, each.turn, _texts(table), read_nft, table)


def iptables_chain(kind: Kind, rules: Rules, way: NatWay) -> OtherChain:
    """Return iptables' own chain of the kind of which `iptables` is not.

    Which of the two was registered last cannot be read.
    """
    words = f"{way.chain} of the {table_in_words(kind, 'ip', 'nat')}"
    return OtherChain(words, way.chain, "unknown", rules, read_rule)


def _texts(table: NftTable) -> Rules:
    chains = {each.name: [rule.text for rule in each.rules] for each in table.chains}
    return lambda chain: chains.get(chain, ())
