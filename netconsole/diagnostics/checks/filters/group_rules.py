"""D8: does the kernel hold the rules of the security groups that are in the store?"""

from typing import Final

from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_plan
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "group_rules"
TITLE = "The kernel holds the rules of the security groups"
REMEDY = "`netconsole apply` puts the rules right, in one transaction a table."
SHOWN: Final = 8
"""Commands listed of what is not as it should be."""


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look for steps of the plan on the chains by which guests are filtered."""
    host = snapshot.part(Backend)
    if steps := claimed(host.plan, ID):
        because = (
            f"The rules that filter guests are not as the store says: {steps.commands[0]}. Until "
            "they are, something reaches a guest that no group lets in, or nothing does that one "
            "lets in."
        )
        rows = tuple(Evidence("not yet done", command) for command in steps.commands[:SHOWN])
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if reason := host.status.host.unreadable.get("rules"):
        return Finding(ID, TITLE, "unknown", f"The rules could not be read: {reason}.")
    if snapshot.part(ConfiguredOptions).filters_nothing:
        return Finding(ID, TITLE, "not-applicable", "firewall_driver switches the groups off.")
    if not any(each.device_state != "not here" for each in host.status.allocations):
        return Finding(ID, TITLE, "not-applicable", "No instance has a port on this host.")
    because = "Each guest's chain leads to the rules of its groups, and FORWARD and OUTPUT to them."
    return Finding(ID, TITLE, "ok", because)


PAGE = Explanation(
    symptom="A guest is open or closed in a way that its security groups do not say: a rule that "
    "was allowed has no effect, or one that was revoked still has; after a start of another "
    "firewall, or a flush, everything gets in.",
    cause="Someone, or another program, flushed or changed the chains nova-network-local, "
    "nova-network-inst-, -sg- and -src-, or took away the jump to nova-filter-top that leads "
    "there from FORWARD and OUTPUT.",
    evidence="The steps of `netconsole plan` on these chains, of iptables and ip6tables.",
    look_alikes=(
        ("group_admits", "the rules are there, and none of them lets it in."),
        ("groups_bypassed", "a rule of another program is asked before ours."),
        ("bridge_nf", "the rules are there, and bridged frames do not meet them."),
        ("firewall_off", "no rules are wanted: an option switches the groups off."),
    ),
    cure="`netconsole apply` puts them right, all rules of a table at once, so that no guest is "
    "open meanwhile. What changed them may do so again: look at what starts when. "
    "`netconsole secgroup test` asks records and kernel for one source and one port.",
    source="OSSN-0022, nova networking does not enforce security group rules after a soft reboot",
)

CHECK = Check(
    ID,
    ("D8",),
    TITLE,
    frozenset({Backend, ConfiguredOptions}),
    0.1,
    judge,
    PAGE,
    narrow=narrowed(of_plan),
    reach=Reach.INSTANCE,
    shown_by_status=True,
    wrong="The kernel does not hold the rules of the security groups",
)
