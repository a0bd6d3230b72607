"""D5: do instances leave the host under their floating address?"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.native_rules import is_native, native_text
from netconsole.backend.filtering.nft_matches import read_nft
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model.hoststate import Kind
from netconsole.backend.plan.egress import CHAIN, OUR_JUMP, deciding, takes_all
from netconsole.backend.plan.standing_rules import change
from netconsole.backend.steps import Plan
from netconsole.backend.survey.status import FloatingIPStatus
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import FilterChain, FilterRule, PacketFilter
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "egress_source"
TITLE = "Instances leave under their floating address"
OUR_JUMPS = (f"-j {CHAIN_PREFIX}{CHAIN}", OUR_JUMP)
"""In this order: what is not to be translated comes first."""
MANAGERS = ("docker", "firewalld", "libvirt", "ufw", "incus", "lxd", "kube-proxy")


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A rule of someone else's that comes before ours and takes the same packets."""

    rule: FilterRule
    position: int
    """In its chain, from 1."""
    chain: FilterChain
    target: str
    """Of the rule that decides: the same, or one of a chain that it jumps to."""
    victim: FloatingIPStatus


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look for rules before ours that decide the source of what floating addresses' owners send."""
    status = snapshot.part(Backend).status
    packet_filter = snapshot.part(PacketFilter)
    in_use = [each for each in status.floating_ips if each.carried]
    if not in_use:
        return Finding(ID, TITLE, "not-applicable", "No floating address is associated.")
    ours = packet_filter.chain("nat", CHAIN)
    jumps = [i for i, rule in enumerate(ours.rules) if rule.spec == OUR_JUMP] if ours else []
    if ours is None or not jumps:
        because = f"nat {CHAIN} has no `{OUR_JUMP}`: see what the checks on our own rules say."
        return Finding(ID, TITLE, "info", because)
    before = FilterChain(
        ours.kind, ours.family, ours.table, CHAIN, ours.policy, ours.rules[: jumps[0]]
    )
    ahead = [*_ahead(packet_filter, before, in_use)]
    for legacy in _other_kind(packet_filter, ours):
        ahead += _ahead(packet_filter, legacy, in_use)
    if ahead:
        return _failed(snapshot, ours, ahead)
    rows = (*_exempt(packet_filter), *_foreign(packet_filter))
    because = (
        f"In nat {CHAIN} nothing that takes their packets comes before the translation of the "
        f"{len(in_use)} floating addresses."
        if in_use[1:]
        else f"In nat {CHAIN} nothing that takes its packets comes before the translation of "
        f"{in_use[0].address}."
    )
    return Finding(ID, TITLE, "ok", because, rows)


def _other_kind(packet_filter: PacketFilter, ours: FilterChain) -> Iterator[FilterChain]:
    """The chain of the same name in the other half of the kernel."""
    return (
        each
        for each in packet_filter.of("nat")
        if each.chain == CHAIN and each.kind != ours.kind and each.rules
    )


def _ahead(
    packet_filter: PacketFilter, chain: FilterChain, in_use: list[FloatingIPStatus]
) -> Iterator[_Ahead]:
    for position, rule in enumerate(chain.rules, start=1):
        for victim in in_use:
            inner = deciding(
                rule.spec,
                partial(_specs, packet_filter, chain.kind),
                partial(_takes_all, victim),
            )
            if inner is not None:
                yield _Ahead(rule, position, chain, inner, victim)
                break


def _specs(packet_filter: PacketFilter, kind: Kind, chain: str) -> list[str]:
    found = packet_filter.chain("nat", chain, kind)
    return [rule.spec for rule in found.rules] if found else []


def _takes_all(victim: FloatingIPStatus, spec: str) -> bool:
    """Whether what the instance sends out of the public interface matches, whatever it is."""
    source = victim.fixed_address or ""
    if is_native(spec):
        flow = Flow("", "", "", victim.interface, IPv4Network(source))
        return read_nft(native_text(spec), flow).fit is True
    return takes_all(spec, source, victim.interface)


def _failed(snapshot: Snapshot, ours: FilterChain, ahead: list[_Ahead]) -> Finding:
    first = ahead[0]
    becomes = {
        "ACCEPT": "keeps its fixed address, which nobody outside can answer",
        "MASQUERADE": f"gets the address of {first.victim.interface}",
    }.get(first.target, "gets another address")
    because = (
        f"In nat {CHAIN} the rule `{first.rule.spec}` comes before `{OUR_JUMP}` and takes what "
        f"{first.victim.instance} sends: the first rule that decides is the last one asked, so "
        f"that a new connection {becomes} instead of {first.victim.address}. Those that come in "
        "by the floating address are not affected."
    )
    rows = (
        *(
            Evidence(
                f"nat {CHAIN} rule {each.position}" + _kind(each, ours),
                each.rule.spec,
                f"after `{OUR_JUMP}`",
                f"{each.rule.packets} connections so far",
            )
            for each in ahead
        ),
        *_managers(snapshot),
    )
    movable = [each.position for each in ahead if each.chain.kind == ours.kind]
    fix = _moved(ours, min(movable)) if movable else None
    remedy = (
        "Our jumps move before the rule, which stays where it is and serves whatever else it is "
        "for. What set it may set it again, before ours: change it there, so that it leaves out "
        "the instances' range."
        if fix
        else "The rule is in a table of the other kind (iptables-legacy or nft), which comes "
        "first: delete it there, or limit it to what it is for."
    )
    out = (
        "floating_nat: our own rules are checked apart from their neighbours",
        "asymmetric_route: the route is looked up before the source is translated",
    )
    return Finding(ID, TITLE, "fail", because, rows, out, fix, remedy=remedy)


def _kind(ahead: _Ahead, ours: FilterChain) -> str:
    return "" if ahead.chain.kind == ours.kind else f" ({ahead.chain.kind})"


def _moved(ours: FilterChain, first: int) -> Plan:
    """Move our jumps before the rule at a position, from 1; the rules of others stay."""
    now = [rule.spec for rule in ours.rules]
    jumps = [spec for spec in now[first - 1 :] if spec in OUR_JUMPS]
    others = [spec for spec in now[first - 1 :] if spec not in OUR_JUMPS]
    before, after = {CHAIN: now}, {CHAIN: [*now[: first - 1], *jumps, *others]}
    moved = change("ipv4", "nat", before, after)
    return Plan((moved,) if moved else ())


def _managers(snapshot: Snapshot) -> Iterator[Evidence]:
    owners = snapshot.get(Owners)
    for each in owners.of(*MANAGERS) if owners else ():
        yield Evidence(f"manages rules: {each.name}", each.because)


def _exempt(packet_filter: PacketFilter) -> Iterator[Evidence]:
    """Our own exemptions, of dmz_cidr and the like: there the fixed address is meant to stay."""
    chain = packet_filter.chain("nat", "nova-network-POSTROUTING")
    for rule in chain.rules if chain else ():
        if rule.target == "ACCEPT":
            yield Evidence("not translated", rule.spec, note="as the configuration asks")


def _foreign(packet_filter: PacketFilter) -> Iterator[Evidence]:
    for table in packet_filter.foreign_tables:
        for each in table.chains:
            if (each.hook, each.type) == ("postrouting", "nat"):
                value = f"chain {each.name} at priority {each.priority}"
                note = "its rules were not looked into"
                yield Evidence(f"nft table {table.family} {table.name}", value, note=note)


PAGE = Explanation(
    symptom="An instance with a floating address is seen outside under the address of the host, or "
    "its own connections get no answer, while those to the floating address work.",
    cause="The source of a connection is translated by the first rule of nat POSTROUTING that "
    "takes it. A MASQUERADE, SNAT or ACCEPT that another program, or an admin, has put before "
    "netconsole's takes it first.",
    evidence="The rules before the jump to nova-postrouting-bottom, and the chains that they jump "
    "to, in iptables and in the legacy tables: one that takes everything that the instance sends "
    "out of its floating address's interface. Rules that ask for a port, a mark or a "
    "destination are passed over. Ranges of dmz_cidr keep the fixed address on purpose, and are "
    "listed.",
    look_alikes=(
        ("floating_nat", "a rule of ours is missing, or there twice."),
        ("asymmetric_route", "packets leave by an interface where no rule translates them."),
        ("dmz_cidr", "only destinations of a configured range see the fixed address."),
        ("conntrack_stale", "only connections older than the association keep the old source."),
    ),
    cure="netconsole's jumps move before the rule, which stays as it is. Nothing is opened. When "
    "netconsole sets its jumps it puts them before such rules; it does not fight over places with "
    "one that is set later: what set that has to leave out the instances' range.",
    source="iptables(8), nat; iptables-extensions(8) MASQUERADE, SNAT; Linux net/netfilter/"
    "nf_nat_core.c",
)

CHECK = Check(
    ID,
    ("D5",),
    TITLE,
    frozenset({Backend, PacketFilter}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Owners}),
)
