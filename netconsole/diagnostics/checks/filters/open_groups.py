"""Is there a security group that keeps nobody out?"""

from typing import Final

from netconsole.backend.model.group_rules import lets_everything_in
from netconsole.backend.model.phrases import command, some
from netconsole.backend.survey.status import SecurityGroupStatus
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_groups

ID: Final = "open_groups"
TITLE = "Security groups keep out what nobody asked for"


def judge(snapshot: Snapshot) -> Finding:
    """Look for rules of any protocol from anywhere."""
    groups = snapshot.part(Backend).status.security_groups
    if not groups:
        return Finding(ID, TITLE, "not-applicable", "There is no security group yet.")
    opened = [each for each in groups if each.lets_everything_in]
    if not opened:
        return Finding(ID, TITLE, "ok", "None lets everything in from everywhere.")
    named = some([f"{each.name} of project {each.project}" for each in opened])
    because = (
        f"Everything reaches the instances of {named}: a rule without a protocol lets it in from "
        "everywhere."
    )
    rows = tuple(
        Evidence(f"{each.name} of {each.project}", rule.says)
        for each in opened
        for rule in each.rules
        if lets_everything_in(rule.rule)
    )
    first = opened[0]
    remedy = (
        f"Allow what is needed, as in {_allowed(first)}, then take the open rules away: "
        f"{' and '.join(_revoked(first))}."
    )
    return Finding(ID, TITLE, "warn", because, rows, remedy=remedy)


def _allowed(group: SecurityGroupStatus) -> str:
    words = (group.name, "--project", group.project, "--protocol", "tcp", "--port", "22")
    return command("secgroup", "allow", *words)


def _revoked(group: SecurityGroupStatus) -> tuple[str, ...]:
    return tuple(
        command("secgroup", "revoke", group.name, "--project", group.project, "--cidr", rule.cidr)
        for rule in (each.rule for each in group.rules)
        if lets_everything_in(rule) and rule.cidr is not None
    )


PAGE = Explanation(
    symptom="Every port of the instances of a project is reachable from everywhere.",
    cause="A store from before there were security groups let everything in. So that an upgrade "
    "cuts nobody off, the group `default` of each project in it got two rules that go on with "
    "that, one of IPv4 and one of IPv6. Projects that come later begin closed.",
    evidence="Rules of security groups without a protocol, from 0.0.0.0/0 or ::/0.",
    look_alikes=(
        ("firewall_off", "the groups say what may come in, and nothing enforces it."),
        ("bridge_nf", "the groups are enforced, but bridged traffic does not pass them."),
    ),
    cure="Rules for what has to be reached (`netconsole secgroup allow`), then the open rules are "
    "taken away (`netconsole secgroup revoke`). Connections that a remaining rule lets in go on; "
    "`netconsole secgroup test` says beforehand what will be.",
    source="nova's security groups: a default group without rules lets nothing in",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend}),
    0.1,
    judge,
    PAGE,
    narrow=narrowed(of_groups),
    wrong="A security group lets in everybody",
)
