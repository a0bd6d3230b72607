"""What of others takes the packets of floating addresses before ours are asked. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import EVERYTHING, Flow
from netconsole.backend.filtering.nat_order import Turn
from netconsole.backend.filtering.nft_matches import read_rule
from netconsole.backend.filtering.walk import Decision, Reader
from netconsole.backend.model.table_names import Kind
from netconsole.backend.plan.egress import leaving
from netconsole.backend.plan.nat_ways import (
    SOMEWHERE,
    NatWay,
    OtherChain,
    Rules,
    ahead,
    before_ours,
    deciding,
    iptables_chain,
    native_chains,
)
from netconsole.backend.survey.status import FloatingIPStatus, Status
from netconsole.diagnostics.model.finding import Confidence, Verdict
from netconsole.diagnostics.parts.packet_filter import PacketFilter

_WHOLE: Final[Mapping[Turn, tuple[Verdict, Confidence]]] = {
    "before": ("fail", "certain"),
    "likely before": ("warn", "likely"),
    "unknown": ("warn", "possible"),
    "likely after": ("info", "likely"),
}
"""What a rule is worth that takes all of it, by when its chain is asked."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A rule of someone else's that takes what is sent, and who is concerned."""

    rule: str
    """In our own chain the one that is in the way, in others the one that decides."""
    packets: int | None
    """None where it does not count."""
    decision: Decision
    victims: tuple[FloatingIPStatus, ...]
    other: OtherChain | None = None
    """None of our own chain."""
    kind: Kind = "nft"
    """Of iptables, where the chain is one of its."""
    handle: int = 0
    """Of a rule of nft."""

    @property
    def grade(self) -> tuple[Verdict, Confidence]:
        """Return how bad it is, and how sure."""
        if self.other is None:
            return "fail", "certain"
        if self.decision.is_certain:
            return _WHOLE[self.other.turn]
        is_meant = self.decision.is_named and self.other.turn != "likely after"
        return ("warn" if is_meant else "info"), "possible"


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent by an instance with a floating address, or to that."""

    victim: FloatingIPStatus
    flow: Flow
    kin: Flow
    """That of many like it together."""


def sent_out(status: Status) -> tuple[Sent, ...]:
    """Return what the instances send, of floating addresses that this host carries."""
    bridges = {IPv4Network(each.cidr): each.bridge for each in status.networks}
    found = []
    for each in status.floating_ips:
        if each.carried and each.fixed_address:
            flow = leaving(each.fixed_address, bridges, each.interface)
            own = IPv4Network(each.fixed_address)
            within = (network for network in bridges if own.subnet_of(network))
            kin = replace(flow, words=flow.out, source=next(within, flow.source))
            found.append(Sent(each, flow, kin))
    return tuple(found)


def sent_in(status: Status) -> tuple[Sent, ...]:
    """Return what comes in for floating addresses that this host carries."""
    found = []
    for each in status.floating_ips:
        if each.carried:
            own, words = IPv4Network(each.address), f"what is sent to {each.address}"
            flow = Flow(words, "", each.interface, "", SOMEWHERE, own)
            found.append(Sent(each, flow, replace(flow, words="", destination=EVERYTHING)))
    return tuple(found)


def taken_in_our_chain(seen: PacketFilter, sent: Sequence[Sent], way: NatWay) -> Iterator[Taken]:
    """Return the rules before our jump, each with those whose packets it takes."""
    rules = before_ours(_rules(seen, seen.command), way)
    concerned = _concerned(way.chain, rules, read_rule, sent)
    for decision, victims in _grouped((each, ahead(rules, each.flow, way)) for each in concerned):
        found = seen.chain("nat", way.chain)
        if found is not None:
            rule = found.rules[decision.entry]
            yield Taken(rule.spec, rule.packets, decision, victims, kind=seen.command)


def taken_beside(seen: PacketFilter, sent: Sequence[Sent], way: NatWay) -> Iterator[Taken]:
    """Return the rules in other chains that may be asked before ours."""
    for chain in native_chains(seen.foreign_tables, way):
        for decision, victims in _taken(chain, sent):
            found = chain.table.chain(decision.chain) if chain.table else None
            if found is not None:
                rule = found.rules[decision.place]
                yield Taken(
                    *(rule.text, rule.packets, decision, victims, chain), handle=rule.handle
                )
    other: Kind = "legacy" if seen.command == "nft" else "nft"
    chain = iptables_chain(other, _rules(seen, other), way)
    for decision, victims in _taken(chain, sent):
        legacy = seen.chain("nat", decision.chain, other)
        if legacy is not None:
            line = legacy.rules[decision.place]
            yield Taken(line.spec, line.packets, decision, victims, chain, other)


def _taken(
    chain: OtherChain, sent: Sequence[Sent]
) -> Iterator[tuple[Decision, tuple[FloatingIPStatus, ...]]]:
    concerned = _concerned(chain.entry, chain.rules, chain.read, sent)
    return _grouped((each, chain.taking(each.flow)) for each in concerned)


def _concerned(chain: str, rules: Rules, read: Reader, sent: Sequence[Sent]) -> Iterator[Sent]:
    """Leave out those of whose kin a chain takes nothing: there may be 10,000 addresses."""
    kin = {each.kin for each in sent}
    concerned = {each for each in kin if deciding(chain, rules, read, each)}
    return (each for each in sent if each.kin in concerned)


def _grouped(
    taken: Iterable[tuple[Sent, Decision | None]],
) -> Iterator[tuple[Decision, tuple[FloatingIPStatus, ...]]]:
    found: dict[Decision, list[FloatingIPStatus]] = {}
    for each, decision in taken:
        if decision is not None:
            found.setdefault(decision, []).append(each.victim)
    return ((decision, tuple(victims)) for decision, victims in found.items())


def _rules(seen: PacketFilter, kind: Kind) -> Rules:
    chains = {each.chain: [rule.spec for rule in each.rules] for each in seen.of("nat", kind)}
    return lambda chain: chains.get(chain, ())
