"""D3: is each rule of a floating address there, exactly once?

A duplicate does no harm until one of the two is deleted, and the other goes on translating.
"""

from collections.abc import Sequence
from typing import Final

from netconsole.backend.model.subject import floating
from netconsole.backend.survey.status import FloatingIPStatus, NatRule
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.followed_rules import enslaved, kept, said
from netconsole.diagnostics.reasoning.misnamed_uplink import misnamed_uplink
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_floating, of_plan
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "floating_nat"
TITLE = "Each NAT rule of a floating address exists exactly once"
REMEDY = "`netconsole apply` restores exactly these rules; rules of others stay as they are."


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Count the rules of every floating address."""
    host = snapshot.part(Backend)
    status = host.status
    in_use = [each for each in status.floating_ips if each.carried]
    known = {floating(each.address) for each in status.floating_ips}
    ours = [rule for rule in status.nat if rule.origin == "ours" and rule.subject in known]
    missing = [rule for rule in ours if rule.state == "missing"]
    unexpected = [rule for rule in ours if rule.state == "unexpected"]
    steps = claimed(host.plan, ID)
    if missing or unexpected or steps:
        because, remedy = _because(in_use, missing, unexpected), REMEDY
        if port := enslaved(steps, snapshot.get(Links) or Links(())):
            because, remedy = f"{said(port)} {because}", f"{REMEDY} {kept(port)}"
        rows = (
            *(_row(rule) for rule in (*missing, *unexpected)),
            *(Evidence("not yet done", command) for command in steps.commands),
        )
        if (uplink := misnamed_uplink(snapshot)) and uplink.holds_floating:
            because = f"{because} {uplink.said}"
            return Finding(ID, TITLE, "fail", because, rows, remedy=uplink.remedy)
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=remedy)
    if reason := status.host.unreadable.get("rules"):
        because = f"The rules could not be read: {reason}."
        return Finding(ID, TITLE, "unknown", because)
    if not in_use:
        return Finding(ID, TITLE, "not-applicable", "No floating address is associated.")
    rows = tuple(
        Evidence(f"rules of {each.address}", str(each.rules_present), str(each.rules_expected))
        for each in in_use
    )
    because = f"All {sum(each.rules_expected for each in in_use)} rules are there, each once."
    return Finding(ID, TITLE, "ok", because, rows)


def _because(
    in_use: Sequence[FloatingIPStatus], missing: Sequence[NatRule], unexpected: Sequence[NatRule]
) -> str:
    said = []
    if missing:
        owners = ", ".join(sorted({rule.owner for rule in missing})[:4])
        wanted = sum(each.rules_expected for each in in_use)
        said.append(
            f"Missing: {len(missing)} of the {wanted} rules of floating addresses ({owners}). What "
            "depends on them is not translated between the floating address and the instance."
        )
    if unexpected:
        said.append(
            f"Too many: {len(unexpected)}, the first in {unexpected[0].chain}. A rule that is "
            "left over, or is there twice, goes on translating when its address is taken away."
        )
    return " ".join(said) or "The rules of floating addresses are not in their order."


def _row(rule: NatRule) -> Evidence:
    expected = "present" if rule.state == "missing" else "absent"
    return Evidence(
        f"{rule.chain} {rule.rule}", rule.state, expected, f"of {rule.owner}" if rule.owner else ""
    )


PAGE = Explanation(
    symptom="A floating address leads to the host itself instead of the instance, or the instance "
    "is seen outside under the host's address, or a removed address still works.",
    cause="A floating address is two translations in (PREROUTING, OUTPUT) and up to three out "
    "(POSTROUTING, floating-snat). One that is missing leaves its direction untranslated; one that "
    "is there twice goes on translating when one copy is removed.",
    evidence="Every rule of the nat table that names a floating address, counted against what the "
    "association wants: each exactly once.",
    look_alikes=(
        ("floating_address", "the rules are there, but nothing arrives: no ARP answer."),
        ("conntrack_stale", "the rules are right, only old connections still go the old way."),
    ),
    cure="`netconsole apply` adds and deletes just these rules in one transaction; counters of "
    "the others stay, rules of other programs too.",
    source="iptables(8), iptables-extensions(8) DNAT and SNAT",
)

CHECK = Check(
    ID,
    ("D3",),
    TITLE,
    frozenset({Backend}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Links, Routing}),
    narrow=narrowed(of_plan, of_floating),
    shown_by_status=True,
    wrong="A NAT rule of a floating address is missing, or there twice",
)
