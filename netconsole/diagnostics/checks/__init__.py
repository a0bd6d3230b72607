"""The registry of checks, in the order in which `doctor` lists them: the cheap and basic first."""

from collections.abc import Mapping

from netconsole.diagnostics.check import Check
from netconsole.diagnostics.checks import (
    bridge,
    conntrack_full,
    conntrack_invalid,
    conntrack_stale,
    dnsmasq_processes,
    drift,
    firewall_off,
    floating_address,
    floating_nat,
    forward_filter,
    guest_answers,
    ip_forward,
    legacy_filter,
    metadata,
    modules,
    neighbour_table,
    other_firewalls,
    packet_loss,
    rp_filter,
    vhost_net,
    xtables_lock,
)

CHECKS: Mapping[str, Check] = {
    module.CHECK.id: module.CHECK
    for module in (
        ip_forward,
        forward_filter,
        legacy_filter,
        bridge,
        dnsmasq_processes,
        floating_address,
        floating_nat,
        conntrack_stale,
        rp_filter,
        metadata,
        firewall_off,
        conntrack_full,
        conntrack_invalid,
        neighbour_table,
        other_firewalls,
        xtables_lock,
        modules,
        vhost_net,
        guest_answers,
        packet_loss,
        drift,
    )
}
