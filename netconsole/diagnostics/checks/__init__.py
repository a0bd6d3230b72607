"""The registry of checks, in the order in which `doctor` lists them: the cheap and basic first."""

from collections.abc import Mapping

from netconsole.diagnostics.check import Check
from netconsole.diagnostics.checks import (
    bridge,
    clock,
    dhcp_checksum,
    dhcp_firewall,
    dhcp_hosts,
    dhcp_nak,
    dhcp_probe,
    dhcp_rogue,
    dns,
    dnsmasq_load,
    dnsmasq_processes,
    drift,
    floating_address,
    floating_nat,
    guest_answers,
    inotify,
    ip_forward,
    mandatory_access,
    modules,
    rp_filter,
    state_directory,
    vhost_net,
)

CHECKS: Mapping[str, Check] = {
    module.CHECK.id: module.CHECK
    for module in (
        state_directory,
        ip_forward,
        bridge,
        dnsmasq_processes,
        dhcp_hosts,
        dhcp_firewall,
        dhcp_checksum,
        dnsmasq_load,
        inotify,
        dhcp_nak,
        clock,
        mandatory_access,
        dhcp_probe,
        dhcp_rogue,
        dns,
        floating_address,
        floating_nat,
        rp_filter,
        modules,
        vhost_net,
        guest_answers,
        drift,
    )
}
