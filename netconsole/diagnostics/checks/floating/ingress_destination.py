"""D3b: does what is sent to a floating address get to its instance, or does a rule of others take
it?"""

from typing import Final

from netconsole.backend.plan.nat_ways import IN
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.floating.taken_finding import (
    EXCEPTED,
    MEASURED,
    READ,
    TakenQuestion,
)
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_floating
from netconsole.diagnostics.reasoning.taken import Taken, sent_in
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "ingress_destination"
TITLE = "No foreign rule takes what is sent to floating addresses"


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look for rules before ours that decide where what is sent to floating addresses goes."""
    return _QUESTION.answer(snapshot)


def _becomes(taken: Taken) -> str:
    victim, decision = taken.victims[0], taken.decision
    match decision.outcome:
        case "drop":
            becomes = "is dropped"
        case "accept" | "return":
            becomes = "ends at this host itself"
        case "translate":
            is_here = decision.aim == "REDIRECT"
            becomes = "ends at this host itself" if is_here else "is led elsewhere"
    return (
        f"{becomes} instead of getting to {victim.instance}. Those that {victim.instance} begins "
        "are not affected."
    )


_QUESTION: Final = TakenQuestion(
    ID,
    TITLE,
    IN,
    sent_in,
    lambda victim: f"what is sent to {victim.address}",
    _becomes,
    (
        "floating_nat: our own rules are checked apart from their neighbours",
        "floating_address: the packets do arrive, and are then led elsewhere",
    ),
)

PAGE = Explanation(
    symptom="A floating address answers, but it is the host or another machine that does; or "
    "nothing listens there, while the instance is well.",
    cause="The destination of a connection is translated by the first rule that takes it. In nat "
    "PREROUTING that may be a DNAT, REDIRECT or ACCEPT that another program, or an admin, has put "
    "before the jump to nova-network-PREROUTING. And nat PREROUTING is one of several chains: the "
    "kernel asks every chain of type nat at the hook prerouting by its priority, those of nftables "
    "and the legacy tables among them, and the first that translates decides. "
    f"{MEASURED.format(-100)}",
    evidence="The rules before the jump, and the chains that they jump to: one that takes "
    "everything that comes in for the address by its interface. Rules that ask for a port or a "
    f"mark, as a forwarded port does, are passed over. {READ}",
    look_alikes=(
        ("floating_nat", "a rule of ours is missing, or there twice."),
        ("duplicate_address", "another machine has the address, and answers ARP for it."),
        ("egress_source", "it is the instance's own connections that leave as somebody else's."),
        ("conntrack_stale", "only connections older than the association go to another instance."),
    ),
    cure="netconsole's jump moves before the rule, which stays as it is. Nothing is opened; it "
    "does not fight over places with one that is set later: what set that has to leave out the "
    f"floating addresses. {EXCEPTED.format(-100)} firewalld's has dstnat + 10.",
    source="nft(8), chains and their priorities; iptables(8), nat; iptables-extensions(8) DNAT, "
    "REDIRECT; Linux net/netfilter/nf_nat_core.c, nf_nat_inet_fn, and net/netfilter/core.c, "
    "nf_hook_entries_grow; measured",
)

CHECK = Check(
    ID,
    ("D3b",),
    TITLE,
    frozenset({Backend, PacketFilter}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Owners}),
    narrow=narrowed(of_floating),
    reach=Reach.HOST,
    wrong="A foreign rule takes what is sent to a floating address",
)
