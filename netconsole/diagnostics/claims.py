"""Which check names which step of the plan, so that each step is named once and none is silent.

What no check of its own claims is left to the check `drift`.
"""

import re
from ipaddress import IPv4Interface
from typing import Literal

from netconsole.backend.kernel_settings import IP_FORWARD, belongs_to
from netconsole.backend.rules import CHAIN_PREFIX
from netconsole.backend.status import Status
from netconsole.backend.steps import (
    AddAddress,
    AddDhcpHosts,
    AddLink,
    AnnounceAddress,
    ChangeRules,
    CheckDnsmasq,
    EndConnections,
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
)

Claimant = Literal[
    "ip_forward",
    "bridge",
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
    "drift",
]

_VLAN_DEVICE = re.compile(r"vlan\d+")
"""As the VLAN manager names its devices."""


def claimant(step: Step, status: Status) -> Claimant:
    """Answer the check that names this step."""
    match step:
        case SetSysctl() if belongs_to(step.key, IP_FORWARD):
            return "ip_forward"
        case SetLink(attribute="mtu"):
            return "mtu"
        case AddLink() | RemoveLink() | SetLink():
            return _of_link(step)
        case StartDnsmasq() | StopDnsmasq() | CheckDnsmasq() | ReloadDnsmasq():
            return "dnsmasq_processes"
        case AddDhcpHosts() | RemoveDhcpHosts() | RetireDhcpHosts() | ReinstateDhcpHosts():
            return "dhcp_hosts"
        case ReleaseLease():
            return "dhcp_hosts"
        case AddAddress() | RemoveAddress() | AnnounceAddress():
            return _of_address(step.interface, step.address, status)
        case EndConnections() if step.address in _floating(status):
            return "floating_nat"
        case ChangeRules(kind="nft" | "legacy"):
            return "legacy_filter"
        case ChangeRules(family="ipv4", table="nat") if _is_metadata_rule(step):
            return "metadata"
        case ChangeRules(family="ipv4", table="nat") if _names_floating(step, status):
            return "floating_nat"
        case ChangeRules(family="ipv4", table="mangle"):
            return "dhcp_checksum"
        case ChangeRules(family="ipv4", table="filter") if _concerns_input(step):
            return "dhcp_firewall"
        case _:
            return "drift"


def claimed(plan: Plan, status: Status, check: Claimant) -> Plan:
    """Answer the steps of a plan that this check names."""
    return Plan(tuple(step for step in plan.steps if claimant(step, status) == check))


def _of_link(step: AddLink | RemoveLink | SetLink) -> Claimant:
    match step:
        case SetLink(attribute="forward_delay"):
            return "stp"
        case SetLink(attribute="hairpin"):
            return "hairpin"
        case AddLink(kind="vlan") | RemoveLink(kind="vlan"):
            return "vlan"
        case SetLink() if _VLAN_DEVICE.fullmatch(step.name):
            return "vlan"
        case _:
            return "bridge"


def _of_address(interface: str, address: str, status: Status) -> Claimant:
    plain = str(IPv4Interface(address).ip)
    if plain in _floating(status):
        return "floating_address"
    if any(network.bridge == interface for network in status.networks):
        return "gateway"
    return "drift"


def _is_metadata_rule(step: ChangeRules) -> bool:
    """Whether the rule that leads to the metadata service is all that is amiss in the table."""
    return len(step.lines) == 1 and "169.254.169.254/32" in step.lines[0]


def _names_floating(step: ChangeRules, status: Status) -> bool:
    """Whether a rule of a floating address is made, or taken away: by position, so that only the
    inverse says which."""
    lines = (*step.lines, *step.inverse_lines)
    words = {word.partition("/")[0] for line in lines for word in line.split()}
    return bool(words & _floating(status))


def _concerns_input(step: ChangeRules) -> bool:
    """Whether only the way into the host is changed: our chain for it, and the jump there."""
    lines = (*step.lines, *step.inverse_lines)
    return all(_chain(line) in ("INPUT", f"{CHAIN_PREFIX}INPUT") for line in lines)


def _chain(line: str) -> str:
    """Answer the chain that a line of iptables-restore is about."""
    words = line.split()
    return words[0][1:] if line.startswith(":") else words[1]


def _floating(status: Status) -> frozenset[str]:
    return frozenset(each.address for each in status.floating_ips)
