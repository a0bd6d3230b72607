"""Under which source packets leave: rules of others that decide before ours are asked. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering import rule_words
from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.nat_order import Turn
from netconsole.backend.filtering.native_tables import NftTable
from netconsole.backend.filtering.nft_matches import read_nft, read_rule
from netconsole.backend.filtering.translation import Decision, Reader, Rules, decisions
from netconsole.backend.model.hoststate import ChainKey, Kind, Observed, Rule, Wanted
from netconsole.backend.model.records import Network
from netconsole.backend.model.subject import floating

CHAIN = "POSTROUTING"
OUR_JUMP = "-j nova-postrouting-bottom"
"""Leads to the source translation of floating addresses."""
SOMEWHERE: Final = IPv4Network("203.0.112.1/32")
"""Stands for most of the world: a rule that asks for a range does not mean it, and one that asks
for all but a range does."""
OTHER_PROTOCOL: Final = "sctp"
"""Stands for what is left where rules ask for TCP, UDP or ICMP."""
CURE = "`netconsole playbook run egress_source` has the cure"
_SAID: Final[Mapping[Turn, tuple[str, str]]] = {
    "before": ("does not leave", "is asked"),
    "likely before": ("probably does not leave", "is probably asked"),
    "unknown": ("may not leave", "may be asked"),
}
"""What an association says of a chain that takes its packets, by when that is asked."""


@dataclass(frozen=True, slots=True)
class OtherChain:
    """A chain of others that the kernel asks beside ours, where packets leave."""

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


@dataclass(frozen=True, slots=True)
class Others:
    """What of others the kernel asks beside iptables' own table nat, as far as it was read."""

    tables: tuple[NftTable, ...] = ()
    kind: Kind = "legacy"
    """Of which iptables is not."""
    chains: Mapping[ChainKey, tuple[Rule, ...]] = field(default_factory=dict)
    """Of the tables of that kind."""
    unread: str = ""
    """Why `tables` are not all; empty where they are."""


def leaving(source: str, bridges: Mapping[IPv4Network, str], interface: str) -> Flow:
    """Return what is sent from an address out of an interface into the world, whatever it is.

    `bridges` are those of the networks, by which it comes.
    """
    within = IPv4Network(source)
    bridge = next((name for network, name in bridges.items() if within.subnet_of(network)), "")
    return Flow(f"what is sent from {source}", bridge, bridge, interface, within, SOMEWHERE)


def before_ours(rules: Rules) -> Rules:
    """Return the same of our own table, of CHAIN only what comes before our jump."""
    specs = rules(CHAIN)
    before = specs[: specs.index(OUR_JUMP)] if OUR_JUMP in specs else specs
    return lambda chain: before if chain == CHAIN else rules(chain)


def ahead(rules: Rules, flow: Flow) -> Decision | None:
    """Return the rule of `before_ours` that takes a flow, whatever it is.

    One that asks for a protocol, a port or a mark takes some of it at most, and is passed over.
    """
    found = decisions(CHAIN, rules, read_rule, replace(flow, protocol=OTHER_PROTOCOL))
    return next((each for each in found if each.is_whole), None)


def native_chains(tables: Iterable[NftTable]) -> Iterator[OtherChain]:
    """Return the chains of nftables that may be asked before ours."""
    for table in tables:
        for each in () if "dormant" in table.flags else table.chains:
            is_here = (each.type, each.hook) == ("nat", CHAIN.lower())
            if is_here and each.turn not in ("", "after"):
                words = (
                    f"chain {each.name} of the nft table {table.family} {table.name} (priority "
                    f"{each.priority})"
                )
                yield OtherChain(words, each.name, each.turn, _texts(table), read_nft, table)


def iptables_chain(kind: Kind, rules: Rules) -> OtherChain:
    """Return iptables' own chain of the kind of which `iptables` is not.

    Which of the two was registered last cannot be read.
    """
    return OtherChain(
        f"{CHAIN} of the table nat of iptables-{kind}", CHAIN, "unknown", rules, read_rule
    )


def _texts(table: NftTable) -> Rules:
    chains = {each.name: [rule.text for rule in each.rules] for each in table.chains}
    return lambda chain: chains.get(chain, ())


def sent(address: str, wanted: Wanted, networks: Iterable[Network]) -> Flow | None:
    """Return what an association sends, by its own rule; None where it sends nothing."""
    for rules in wanted.chains.values():
        for rule in rules:
            words = rule_words.words(rule.spec) if rule.subject == floating(address) else []
            if "SNAT" in words and "-s" in words and "-o" in words:
                source = words[words.index("-s") + 1].removesuffix("/32")
                bridges = {IPv4Network(each.cidr): each.bridge for each in networks}
                return leaving(source, bridges, words[words.index("-o") + 1])
    return None


def note_of_association(
    address: str, flow: Flow, observed: Observed, others: Others
) -> tuple[str, ...]:
    """Say that a rule of others takes what a floating address is to send, if one comes first."""
    rules = _specs(observed.chains)
    if OUR_JUMP in rules(CHAIN) and (found := ahead(before_ours(rules), flow)):
        rule = rules(CHAIN)[found.entry]
        return (
            f"{flow.words} does not leave as {address}: in nat {CHAIN} the rule `{rule}` comes "
            f"before ours; {CURE}",
        )
    # ours come first in their own chain when they come
    chains = (*native_chains(others.tables), iptables_chain(others.kind, _specs(others.chains)))
    for each in chains:
        taking = each.taking(flow)
        if taking and taking.is_certain and each.turn in _SAID:
            rule = each.rules(taking.chain)[taking.place]
            leaves, asked = _SAID[each.turn]
            return (
                f"{flow.words} {leaves} as {address}: the rule `{rule}` in {each.words} {asked} "
                f"before ours; {CURE}",
            )
    if others.unread:
        return (f"whether {flow.words} leaves as {address} is not known: {others.unread}",)
    return ()


def _specs(chains: Mapping[ChainKey, tuple[Rule, ...]]) -> Rules:
    return lambda chain: [rule.spec for rule in chains.get(ChainKey("ipv4", "nat", chain), ())]
