"""Has the firewall of instances been switched off, and forgotten?"""

from typing import Final

from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions
from netconsole.diagnostics.reasoning.claims import claimed

ID: Final = "firewall_off"
TITLE = "The firewall of instances is not switched off"


def judge(snapshot: Snapshot) -> Finding:
    """Read the option."""
    found = snapshot.part(ConfiguredOptions)
    value = found.firewall_driver or "(the default)"
    rows = (Evidence("firewall_driver", value, "(the default)"),)
    if not found.filters_nothing:
        return _not_off(snapshot, rows)
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


def _not_off(snapshot: Snapshot, rows: tuple[Evidence, ...]) -> Finding:
    """Say that no option switches it off, and whether it filters anything all the same."""
    because = "firewall_driver does not switch it off."
    host = snapshot.get(Backend)
    if host is None:
        return Finding(ID, TITLE, "ok", because, rows)
    here = {each.instance for each in host.status.allocations if each.device_state != "not here"}
    groups = [each for each in host.status.security_groups if here.intersection(each.instances)]
    if not groups:
        return Finding(ID, TITLE, "ok", f"{because} No instance is here that it filters for.", rows)
    filtered = here.difference(
        *(each.instances for each in groups if each.lets_everything_in),
    )
    if claimed(host.plan, "group_rules"):
        said = "Its rules are not in force as they should be: group_rules says what is missing."
    elif not filtered:
        said = "It filters nothing: every instance here is in a group that lets everything in."
    elif any(each.whole for each in host.status.host.bypassed):
        said = "A rule of others lets packets in before it is asked: groups_bypassed names it."
    else:
        return Finding(ID, TITLE, "ok", because, rows)
    return Finding(ID, TITLE, "info", f"{because} {said}", rows)


def _since(found: ConfiguredOptions) -> str:
    return f", {found.firewall_source.since}" if found.firewall_source else ""


PAGE = Explanation(
    symptom="Every port of every instance is reachable from everywhere.",
    cause="firewall_driver=nova.virt.firewall.NoopFirewallDriver, which the guide gives for "
    "finding faults, was left in the configuration. The chains of the security groups are taken "
    "off with it; guards stay, no guest passes for another.",
    evidence="The option in force, and when the file that gives it was last changed. Where it is "
    "not switched off, whether the groups of the instances here keep anything out at all.",
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
    uses=frozenset({Backend}),
    shown_by_status=True,
    wrong="The firewall of instances is off",
)
