"""Has the firewall of instances been switched off, and forgotten?"""

from typing import Final

from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import ConfiguredOptions

ID: Final = "firewall_off"
TITLE = "The firewall of instances is on"


def judge(snapshot: Snapshot) -> Finding:
    """Read the option."""
    found = snapshot.part(ConfiguredOptions)
    value = found.firewall_driver or "(the default)"
    rows = (Evidence("firewall_driver", value, "(the default)"),)
    if not found.filters_nothing:
        because = "firewall_driver does not switch it off."
        return Finding(ID, TITLE, "ok", because, rows)
    because = (
        f"firewall_driver is {found.firewall_driver}{_since(found)}: no security group is kept, "
        "and nothing filters what reaches the instances. That helps to tell whether a filter is to "
        "blame, and leaves every instance open."
    )
    where = found.firewall_source.path if found.firewall_source else "the configuration file"
    remedy = (
        f"When the search is over, take the line firewall_driver out of {where} and run "
        "`netconsole apply`."
    )
    return Finding(ID, TITLE, "warn", because, rows, remedy=remedy)


def _since(found: ConfiguredOptions) -> str:
    return f", {found.firewall_source.since}" if found.firewall_source else ""


PAGE = Explanation(
    symptom="Every port of every instance is reachable from everywhere.",
    cause="firewall_driver=nova.virt.firewall.NoopFirewallDriver, which the guide gives for "
    "finding faults, was left in the configuration. The chains of the security groups are taken "
    "off with it; guards stay, no guest passes for another.",
    evidence="The option in force, and when the file that gives it was last changed.",
    look_alikes=(
        ("bridge_nf", "the firewall is on, but bridged traffic does not pass it."),
        ("open_groups", "a security group is kept, and a rule of it lets everything in."),
        ("groups_bypassed", "groups are kept, and a rule of others is asked before them."),
    ),
    cure="Take the line out of the configuration. To try whether a filter is to blame, without "
    "opening everything: the playbook firewall-off names each rule and policy that drops.",
    source="The operators' guide of nova-network, Disable firewall",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({ConfiguredOptions}),
    0.1,
    judge,
    PAGE,
    shown_by_status=True,
    wrong="The firewall of instances is off",
)
