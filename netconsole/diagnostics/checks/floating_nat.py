"""D3: is each rule of a floating address there, exactly once?

A duplicate does no harm until one of the two is deleted, and the other goes on translating.
"""

from collections.abc import Sequence, Set
from typing import Final

from netconsole.backend.status import FloatingIPStatus, NatRule
from netconsole.diagnostics.check import Check
from netconsole.diagnostics.claims import claimed
from netconsole.diagnostics.finding import Evidence, Finding
from netconsole.diagnostics.snapshot import Snapshot

ID: Final = "floating_nat"
TITLE = "Each NAT rule of a floating address exists exactly once"
REMEDY = "`netconsole apply` restores exactly these rules; rules of others stay as they are."


def judge(snapshot: Snapshot) -> Finding:
    """Count the rules of every floating address."""
    host = snapshot.backend()
    status = host.status
    in_use = [each for each in status.floating_ips if each.fixed_address]
    addresses = {each.address for each in status.floating_ips}
    ours = [rule for rule in status.nat if rule.origin == "ours" and _serves(rule, addresses)]
    missing = [rule for rule in ours if rule.state == "missing"]
    unexpected = [rule for rule in ours if rule.state == "unexpected"]
    steps = claimed(host.plan, status, ID)
    if missing or unexpected or steps:
        because = _because(in_use, missing, unexpected)
        rows = (
            *(_row(rule) for rule in (*missing, *unexpected)),
            *(Evidence("not yet done", command) for command in steps.commands),
        )
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
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


def _serves(rule: NatRule, addresses: Set[str]) -> bool:
    """Whether a rule is of a floating address: one left over is known by its words alone."""
    words = {word.partition("/")[0] for word in rule.rule.split()}
    return rule.owner in addresses or bool(words & addresses)


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


CHECK = Check(ID, TITLE, frozenset({"host"}), 0.5, judge)
