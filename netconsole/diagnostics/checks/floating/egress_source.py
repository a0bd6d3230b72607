"""D5: do instances leave the host under their floating address?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from netconsole.backend.filtering.nat_order import Turn
from netconsole.backend.filtering.saved_tables import FilterChain
from netconsole.backend.plan.egress import CHAIN, OUR_JUMP
from netconsole.diagnostics.checks.floating.egress_source_cure import cure, remedy
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.filter_keepers import keeper_of_table
from netconsole.diagnostics.reasoning.taken_sources import (
    Taken,
    senders,
    taken_beside,
    taken_in_our_chain,
)
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "egress_source"
TITLE = "Instances leave under their floating address"
MANAGERS = ("docker", "firewalld", "libvirt", "ufw", "incus", "lxd", "kube-proxy")
_WORST: Final[tuple[Verdict, ...]] = ("fail", "warn", "info")
_LAST_FIRST = (
    "Of chains of one priority the kernel asks the one that was registered last before the others, "
    "and the first that translates a connection decides; when that was cannot be read."
)
_ORDER: Final[Mapping[Turn, str]] = {
    "before": "That chain is asked before ours, and the first that translates a connection "
    "decides: a new one",
    "likely before": f"{_LAST_FIRST} The table was made after iptables' table nat, so that this "
    "chain is probably asked first, and then a new connection",
    "unknown": f"{_LAST_FIRST} Where this one came after ours, a new connection",
    "likely after": f"{_LAST_FIRST} The table was made before iptables' table nat, so that ours is "
    "probably asked first; once the table is loaded anew, a new connection",
}
"""Why the rule matters, by when its chain is asked."""
_ASKED: Final[Mapping[Turn, str]] = {
    "before": "asked before ours",
    "likely before": "probably asked before ours",
    "unknown": "before or after ours",
    "likely after": "probably asked after ours",
    "after": "asked after ours",
}


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look for rules before ours that decide the source of what floating addresses' owners send."""
    seen = snapshot.part(PacketFilter)
    sent = senders(snapshot.part(Backend).status)
    if not sent:
        return Finding(ID, TITLE, "not-applicable", "No floating address is associated.")
    ours = seen.chain("nat", CHAIN)
    if ours is None or OUR_JUMP not in [rule.spec for rule in ours.rules]:
        because = f"nat {CHAIN} has no `{OUR_JUMP}`: see what the checks on our own rules say."
        return Finding(ID, TITLE, "info", because)
    taken = [*taken_in_our_chain(seen, sent), *taken_beside(seen, sent)]
    found = sorted(taken, key=lambda each: _WORST.index(each.grade[0]))
    rows = (*_exempt(seen), *_others(seen))
    if found and found[0].grade[0] != "info":
        return _found(snapshot, ours, found)
    untaken = (
        f"In nat {CHAIN} nothing that takes their packets comes before the translation of the "
        f"{len(sent)} floating addresses."
        if sent[1:]
        else f"In nat {CHAIN} nothing that takes its packets comes before the translation of "
        f"{sent[0].victim.address}."
    )
    if reason := seen.foreign_unread:
        because = f"{untaken} A chain of nftables could be asked before it all the same: {reason}."
        return Finding(ID, TITLE, "unknown", because, rows)
    if found:
        because = f"{untaken} {_because(found[0])}"
        rows = (*(_row(each) for each in found), *rows)
        return Finding(ID, TITLE, "info", because, rows, confidence=found[0].grade[1])
    return Finding(ID, TITLE, "ok", untaken, rows)


def _found(snapshot: Snapshot, ours: FilterChain, taken: Sequence[Taken]) -> Finding:
    verdict, confidence = taken[0].grade
    found = [each for each in taken if each.grade[0] != "info"]
    rows = (*(_row(each) for each in taken), *_managers(snapshot))
    out = (
        "floating_nat: our own rules are checked apart from their neighbours",
        "asymmetric_route: the route is looked up before the source is translated",
    )
    return Finding(
        *(ID, TITLE, verdict, _because(taken[0]), rows, out, cure(ours, found)),
        remedy=remedy(found),
        confidence=confidence,
    )


def _because(taken: Taken) -> str:
    victim, other = taken.victims[0], taken.other
    becomes = {
        "ACCEPT": "keeps its fixed address, which nobody outside can answer",
        "MASQUERADE": f"gets the address of {victim.interface}",
    }.get(taken.decision.target, "gets another address")
    if other is None:
        why = (
            f"In nat {CHAIN} the rule `{taken.rule}` comes before `{OUR_JUMP}` and takes what "
            f"{victim.instance} sends: the first rule that decides is the last one asked, so that "
            "a new connection"
        )
    elif taken.decision.is_certain:
        keeper = keeper_of_table(other.table.name) if other.table else ""
        whose = f", probably of {keeper}," if keeper else ""
        why = (
            f"The rule `{taken.rule}` in {other.words}{whose} takes what {victim.instance} sends. "
            f"{_ORDER[other.turn]}"
        )
    else:
        why = (
            f"The rule `{taken.rule}` in {other.words} takes what {victim.instance} sends where a "
            "condition holds, of it or of rules before it, that is not read here (a set, a mark, a "
            f"protocol). {_ORDER[other.turn]}"
        )
    return (
        f"{why} {becomes} instead of {victim.address}. Those that come in by the floating address "
        "are not affected."
    )


def _row(taken: Taken) -> Evidence:
    counted = "" if taken.packets is None else f"{taken.packets} connections so far"
    if taken.other is None:
        label = f"nat {CHAIN} rule {taken.decision.entry + 1}"
        return Evidence(label, taken.rule, f"after `{OUR_JUMP}`", counted)
    handle = f" # handle {taken.handle}" if taken.handle else ""
    return Evidence(taken.other.words, f"{taken.rule}{handle}", "asked after ours", counted)


def _managers(snapshot: Snapshot) -> Iterator[Evidence]:
    owners = snapshot.get(Owners)
    for each in owners.of(*MANAGERS) if owners else ():
        yield Evidence(f"manages rules: {each.name}", each.because)


def _exempt(seen: PacketFilter) -> Iterator[Evidence]:
    """Our own exemptions, of dmz_cidr and the like: there the fixed address is meant to stay."""
    chain = seen.chain("nat", "nova-network-POSTROUTING")
    for rule in chain.rules if chain else ():
        if rule.target == "ACCEPT":
            yield Evidence("not translated", rule.spec, note="as the configuration asks")


def _others(seen: PacketFilter) -> Iterator[Evidence]:
    """The chains of nftables at the hook, and when they are asked."""
    for table in seen.foreign_tables:
        for each in table.chains:
            if (each.hook, each.type) == ("postrouting", "nat") and each.turn:
                note = "switched off (dormant)" if "dormant" in table.flags else _ASKED[each.turn]
                value = f"chain {each.name} at priority {each.priority}"
                yield Evidence(f"nft table {table.family} {table.name}", value, note=note)


PAGE = Explanation(
    symptom="An instance with a floating address is seen outside under the address of the host, or "
    "its own connections get no answer, while those to the floating address work.",
    cause="The source of a connection is translated by the first rule that takes it. In nat "
    "POSTROUTING that may be a MASQUERADE, SNAT or ACCEPT that another program, or an admin, has "
    "put before netconsole's. And nat POSTROUTING is one of several chains: the kernel asks every "
    "chain of type nat at the hook postrouting by its priority, those of nftables and the legacy "
    "tables among them, and the first that translates decides. Measured on Linux 6.18: a chain at "
    "99 comes before iptables' own, which is at 100, one at 101 after it; of several at 100 the "
    "one that was registered last comes first; an accept ends its own chain alone; a dormant table "
    "is not asked.",
    evidence="The rules before the jump to nova-postrouting-bottom, and the chains that they jump "
    "to: one that takes everything that the instance sends out of its floating address's "
    "interface. Rules that ask for a port, a mark or a destination are passed over. Then every "
    "chain of nftables that may be asked first, and the legacy tables, where `iptables` is of the "
    "other kind: a rule that translates. When a chain of the same priority was registered cannot "
    "be read. In one table the order in which chains were made tells it; of two tables the order "
    "of the tables is a good guess, wrong where a chain was made long after its table or a dormant "
    "table has woken; of the legacy tables nothing tells. What rests on a guess is a warning, and "
    "so is a rule with a condition that is not read here (a set, a mark, a protocol) and with one "
    "that names the instance or the interface. Ranges of dmz_cidr keep the fixed address on "
    "purpose, and are listed.",
    look_alikes=(
        ("floating_nat", "a rule of ours is missing, or there twice."),
        ("asymmetric_route", "packets leave by an interface where no rule translates them."),
        ("dmz_cidr", "only destinations of a configured range see the fixed address."),
        ("conntrack_stale", "only connections older than the association keep the old source."),
    ),
    cure="netconsole's jumps move before the rule, which stays as it is. Nothing is opened. When "
    "netconsole sets its jumps it puts them before such rules; it does not fight over places with "
    "one that is set later: what set that has to leave out the instances' range. In another chain "
    "the rule stays as well, and an accept right before it leaves these instances to the next. For "
    "good that has to be said where the table is written, or its chain be given a priority over "
    "100, such as firewalld's `srcnat + 10`. `netconsole floating associate` says when a rule of "
    "others takes what the address is to send.",
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
)
