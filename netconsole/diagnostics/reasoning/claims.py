"""Which check names which step of the plan, so that each step is named once and none is silent.

So it is with obstacles, of which the plan has no step. What no check of its own claims is left to
the check `drift`.
"""

from typing import Literal

from netconsole.backend.filtering.rule_lines import place_of
from netconsole.backend.filtering.rule_order import target_of
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model.kernel_settings import IP_FORWARD, belongs_to
from netconsole.backend.model.obstacle import Obstacle
from netconsole.backend.model.subject import METADATA, SubjectKind
from netconsole.backend.steps import (
    AddAddress,
    AddDhcpHosts,
    AddLink,
    AnnounceAddress,
    ChangeGuards,
    ChangeRules,
    CheckDnsmasq,
    EndConnections,
    EndUntranslated,
    Plan,
    ReinstateDhcpHosts,
    ReleaseLease,
    ReloadDnsmasq,
    RemoveAddress,
    RemoveDhcpHosts,
    RemoveLink,
    RetireDhcpHosts,
    SetLink,
    SetSysctl,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteFile,
)
from netconsole.backend.wording.bridge_guards import GUARDS
from netconsole.backend.wording.groups import filters_guests, ways_to_guests
from netconsole.diagnostics.parts.backend import Backend

Claimant = Literal[
    "ip_forward",
    "bridge",
    "bridge_nf",
    "stp",
    "hairpin",
    "vlan",
    "mtu",
    "gateway",
    "dnsmasq_processes",
    "dhcp_hosts",
    "dhcp_firewall",
    "dhcp_checksum",
    "floating_address",
    "floating_nat",
    "metadata",
    "legacy_filter",
    "guards",
    "group_rules",
    "drift",
]

_WAY_IN = frozenset({"INPUT", f"{CHAIN_PREFIX}INPUT"})
"""Our chain for what comes into the host, and where the jump to it is."""
_REDIRECTING = frozenset({"PREROUTING", f"{CHAIN_PREFIX}PREROUTING"})
"""The same for redirections of ebtables, which has guards in the same table."""


def claimant(step: Step) -> Claimant:
    """Return the check that names this step."""
    match step:
        case SetSysctl() if belongs_to(step.key, IP_FORWARD):
            return "ip_forward"
        case SetLink(attribute="mtu"):
            return "mtu"
        case AddLink() | RemoveLink() | SetLink():
            return _of_link(step)
        case StartDnsmasq() | StopDnsmasq() | CheckDnsmasq() | ReloadDnsmasq():
            return "dnsmasq_processes"
        case WriteFile() if _is_about(step, "network"):
            return "dnsmasq_processes"  # which reads it
        case AddDhcpHosts() | RemoveDhcpHosts() | RetireDhcpHosts() | ReinstateDhcpHosts():
            return "dhcp_hosts"
        case ReleaseLease():
            return "dhcp_hosts"
        case AddAddress() | RemoveAddress() | AnnounceAddress():
            return _of_address(step)
        case EndConnections() | EndUntranslated() if _is_about(step, "floating"):
            return "floating_nat"
        case ChangeGuards():
            return "guards"
        case ChangeRules(family="bridge", table="nat") if _is_of_guards(step):
            return "guards"
        case ChangeRules(kind="nft" | "legacy"):
            return "legacy_filter"
        case ChangeRules(family="ipv4", table="nat") if step.subjects == (METADATA,):
            return "metadata"
        case ChangeRules(family="ipv4", table="nat") if _is_about(step, "floating"):
            return "floating_nat"
        case ChangeRules(family="ipv4", table="mangle"):
            return "dhcp_checksum"
        case ChangeRules(family="ipv4", table="filter") if step.chains <= _WAY_IN:
            return "dhcp_firewall"
        case ChangeRules(table="filter") if _is_about_guests(step):
            return "group_rules"
        case _:
            return "drift"


def _is_about_guests(step: ChangeRules) -> bool:
    """Whether a step changes chains by which guests are filtered, or what leads to them."""
    jumps = {(chain, rule.spec) for chain, rules in ways_to_guests().items() for rule in rules}
    return any(filters_guests(chain) for chain in step.chains) or any(
        place_of(line) in jumps for line in step.lines
    )


def claimed(plan: Plan, check: Claimant) -> Plan:
    """Return the steps of a plan that this check names."""
    return Plan(tuple(step for step in plan.steps if claimant(step) == check))


def hindering(host: Backend, check: Claimant) -> Obstacle | None:
    """Return the first obstacle that this check names, of what the host cannot have as it is."""
    return next((each for each in host.obstacles if _obstructed(each) == check), None)


def hindered(obstacle: Obstacle) -> str:
    """Say that the host cannot have what the store asks for, and what would help."""
    return f"This host cannot have what the store asks for: {obstacle.because}."


def _obstructed(obstacle: Obstacle) -> Claimant:
    if obstacle.directory:
        return "dnsmasq_processes"
    if obstacle.address:
        claims = _of_address(obstacle)
        return "drift" if claims == "metadata" else claims
    if not obstacle.link:
        return "drift"
    return "vlan" if obstacle.kind == "vlan" else "bridge"


def _of_link(step: AddLink | RemoveLink | SetLink) -> Claimant:
    match step:
        case SetLink(attribute="forward_delay"):
            return "stp"
        case SetLink(attribute="hairpin"):
            return "hairpin"
        case SetLink(attribute="group_fwd_mask"):
            return "guards"
        case SetLink(attribute="nf_call_iptables" | "nf_call_ip6tables"):
            return "bridge_nf"
        case AddLink(kind="vlan") | RemoveLink(kind="vlan") | SetLink(kind="vlan"):
            return "vlan"
        case _:
            return "bridge"


def _of_address(step: Step | Obstacle) -> Claimant:
    if _is_about(step, "floating"):
        return "floating_address"
    if _is_about(step, "metadata"):
        return "metadata"
    return "gateway" if _is_about(step, "network") else "drift"


def _is_of_guards(step: ChangeRules) -> bool:
    lines = (*step.lines, *step.inverse_lines)
    return bool(step.chains - _REDIRECTING) or any(target_of(line) == GUARDS for line in lines)


def _is_about(step: Step | Obstacle, kind: SubjectKind) -> bool:
    return any(subject.kind == kind for subject in step.subjects)
