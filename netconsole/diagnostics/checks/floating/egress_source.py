"""D5: do instances leave the host under their floating address?"""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.plan.nat_ways import OUT
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.floating.taken_finding import (
    EXCEPTED,
    MEASURED,
    READ,
    TakenQuestion,
)
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_floating
from netconsole.diagnostics.reasoning.taken import Taken, sent_out
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "egress_source"
TITLE = "Instances leave under their floating address"


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look for rules before ours that decide the source of what floating addresses' owners send."""
    return _QUESTION.answer(snapshot, tuple(_exempt(snapshot.part(PacketFilter))))


def _becomes(taken: Taken) -> str:
    victim, decision = taken.victims[0], taken.decision
    match decision.outcome:
        case "drop":
            becomes = "is dropped, instead of leaving as"
        case "accept" | "return":
            becomes = "keeps its fixed address, which nobody outside can answer, instead of"
        case "translate":
            is_masked = decision.aim == "MASQUERADE"
            other = f"the address of {victim.interface}" if is_masked else "another address"
            becomes = f"gets {other} instead of"
    return (
        f"{becomes} {victim.address}. Those that come in by the floating address are not affected."
    )


_QUESTION: Final = TakenQuestion(
    ID,
    TITLE,
    OUT,
    sent_out,
    lambda victim: f"what {victim.instance} sends",
    _becomes,
    (
        "floating_nat: our own rules are checked apart from their neighbours",
        "asymmetric_route: the route is looked up before the source is translated",
    ),
)


def _exempt(seen: PacketFilter) -> Iterator[Evidence]:
    """Our own exemptions, of dmz_cidr and the like: there the fixed address is meant to stay."""
    chain = seen.chain("nat", "nova-network-POSTROUTING")
    for rule in chain.rules if chain else ():
        if rule.target == "ACCEPT":
            yield Evidence("not translated", rule.spec, note="as the configuration asks")


PAGE = Explanation(
    symptom="An instance with a floating address is seen outside under the address of the host, or "
    "its own connections get no answer, while those to the floating address work.",
    cause="The source of a connection is translated by the first rule that takes it. In nat "
    "POSTROUTING that may be a MASQUERADE, SNAT or ACCEPT that another program, or an admin, has "
    "put before netconsole's. And nat POSTROUTING is one of several chains: the kernel asks every "
    "chain of type nat at the hook postrouting by its priority, those of nftables and the legacy "
    f"tables among them, and the first that translates decides. {MEASURED.format(100)}",
    evidence="The rules before the jump to nova-postrouting-bottom, and the chains that they jump "
    "to: one that takes everything that the instance sends out of its floating address's "
    "interface. Rules that ask for a port, a mark or a destination are passed over. "
    f"{READ} Ranges of dmz_cidr keep the fixed address on purpose, and are listed.",
    look_alikes=(
        ("floating_nat", "a rule of ours is missing, or there twice."),
        ("ingress_destination", "it is connections to the floating address that go astray."),
        ("asymmetric_route", "packets leave by an interface where no rule translates them."),
        ("dmz_cidr", "only destinations of a configured range see the fixed address."),
        ("conntrack_stale", "only connections older than the association keep the old source."),
    ),
    cure="netconsole's jumps move before the rule, which stays as it is. Nothing is opened. When "
    "netconsole sets its jumps it puts them before such rules; it does not fight over places with "
    "one that is set later: what set that has to leave out the instances' range. "
    f"{EXCEPTED.format(100)} firewalld's has srcnat + 10. `netconsole floating associate` says "
    "when a rule of others takes what the address is to send.",
    source="nft(8), chains and their priorities; iptables(8), nat; iptables-extensions(8) "
    "MASQUERADE, SNAT; Linux net/netfilter/nf_nat_core.c, nf_nat_inet_fn, and net/netfilter/"
    "core.c, nf_hook_entries_grow; measured",
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
    narrow=narrowed(of_floating),
    reach=Reach.HOST,
    wrong="Instances leave under another address than their floating one",
)
