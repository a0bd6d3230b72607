"""Do the security groups of an instance let in ping and SSH?"""

from typing import Final

from netconsole.backend.model.group_rules import EVERYONE, EVERYONE_V6, Attempt, admits
from netconsole.backend.model.phrases import command, some
from netconsole.backend.survey.status import GroupRuleStatus, SecurityGroupStatus
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions

ID: Final = "group_admits"
TITLE = "Security groups let in ping and SSH"

_ATTEMPTS = {"ping": Attempt("icmp"), "SSH": Attempt("tcp", 22)}
_ANYBODY = "192.0.2.1"
"""Some IPv4 address outside; by it a ping is one of ICMP."""
_TRAFFIC = {"ping": ("icmp", "--icmp", "-1"), "SSH": ("tcp", "--port", "22")}


def judge(snapshot: Snapshot) -> Finding:
    """Ask the groups of the target, or of every instance."""
    if snapshot.part(ConfiguredOptions).filters_nothing:
        return Finding(ID, TITLE, "not-applicable", "firewall_driver switches the groups off.")
    status = snapshot.part(Backend).status
    every = list(dict.fromkeys(each.instance for each in status.allocations if each.allocated))
    target = snapshot.target.instance if snapshot.target else ""
    asked = [name for name in every if target in ("", name)]
    if not asked:
        return Finding(ID, TITLE, "not-applicable", "No instance is asked after.")
    groups = status.security_groups
    missing = {name: closed for name in asked if (closed := _closed(name, groups))}
    if not missing:
        who = target or "every instance"
        because = f"Rules of {who} let in ping and SSH."
        return Finding(ID, TITLE, "ok", because, _rows(asked, groups) if target else ())
    if not target:
        because = f"Nobody gets in by ping or SSH where no rule says so: {some(list(missing))}."
        return Finding(ID, TITLE, "info", because, _rows(list(missing), groups))
    project = next(each.project for each in status.allocations if each.instance == target)
    because = (
        f"No rule lets in {' or '.join(missing[target])} to {target} from outside its network: "
        "what is not let in is dropped without an answer, and everything behind it looks dead."
    )
    joined = _of(target, groups)
    name = joined[0].name if joined else "default"
    remedy = f"By hand: {' and '.join(_allowed(name, project, what) for what in missing[target])}"
    if not joined:
        remedy += f", once {command('instance', 'secgroup', 'add', target, name)} is done"
    remedy += ". --cidr lets in a range alone, such as that of the admins."
    rows = _rows([target], groups)
    return Finding(ID, TITLE, "warn", because, rows, remedy=remedy, confidence="likely")


def _of(instance: str, groups: tuple[SecurityGroupStatus, ...]) -> list[SecurityGroupStatus]:
    return [group for group in groups if instance in group.instances]


def _closed(instance: str, groups: tuple[SecurityGroupStatus, ...]) -> list[str]:
    """What no rule of an instance's groups lets in from any range."""
    rules = [each for group in _of(instance, groups) for each in group.rules]
    return [what for what in _ATTEMPTS if not any(_lets_in(each, what) for each in rules)]


def _lets_in(each: GroupRuleStatus, what: str) -> bool:
    """A rule for a group's members lets in nobody outside."""
    cidr = each.rule.cidr
    is_outside = cidr is not None and ":" not in cidr
    return is_outside and admits(each.rule, _ATTEMPTS[what], _ANYBODY)


def _rows(instances: list[str], groups: tuple[SecurityGroupStatus, ...]) -> tuple[Evidence, ...]:
    return tuple(_row(instance, _of(instance, groups)) for instance in instances)


def _row(instance: str, groups: list[SecurityGroupStatus]) -> Evidence:
    rules = [each for group in groups for each in group.rules]
    value = some([each.says for each in rules], 8) if rules else "nothing is let in"
    ranges = {
        each.rule.cidr
        for each in rules
        if each.rule.cidr not in (None, EVERYONE, EVERYONE_V6)
        and any(_lets_in(each, what) for what in _ATTEMPTS)
    }
    note = "from some ranges alone" if ranges else ""
    named = ", ".join(group.name for group in groups) or "in no group"
    return Evidence(f"{instance} ({named})", value, note=note)


def _allowed(group: str, project: str, what: str) -> str:
    protocol, *numbers = _TRAFFIC[what]
    words = (group, "--project", project, "--protocol", protocol, *numbers)
    return command("secgroup", "allow", *words)


PAGE = Explanation(
    symptom="An instance answers no ping and takes no SSH, from outside its network or by its "
    "floating address. It boots, has its address and reaches the world.",
    cause="A security group lets in what a rule of it says, and the group `default` of a project "
    "has no rules until it gets some. What is not let in is dropped without a word, which looks "
    "like a dead address.",
    evidence="The rules of the instance's groups, asked whether one lets in a ping or TCP port 22 "
    "from any range outside. `netconsole secgroup test` asks for one source.",
    look_alikes=(
        ("floating_nat", "another port that a rule lets in, such as 443, is dead as well."),
        ("guest_answers", "the host itself gets no answer: it is of the same network."),
        ("forward_filter", "a rule of another program drops what the group lets in."),
        ("firewall inside the guest", "a capture at the port shows the request arrive."),
    ),
    cure="`netconsole secgroup allow` for each, best from the range that needs it alone. The "
    "guide has them as `nova secgroup-add-rule default icmp -1 -1 0.0.0.0/0` and "
    "`nova secgroup-add-rule default tcp 22 22 0.0.0.0/0`.",
    source="The operators' guide of nova-network, Enable ping and SSH on VMs",
)

CHECK = Check(
    ID,
    ("D7",),
    TITLE,
    frozenset({Backend, ConfiguredOptions}),
    0.1,
    judge,
    PAGE,
    wrong="Security groups keep out ping or SSH",
)
