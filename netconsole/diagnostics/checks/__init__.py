"""The registry of checks, in the order in which `doctor` lists them: the cheap and basic first."""

from collections.abc import Mapping

from netconsole.diagnostics.check import Check
from netconsole.diagnostics.checks import (
    bridge,
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
    packet_loss,
    rp_filter,
    vhost_net,
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
        rp_filter,
        metadata,
        firewall_off,
        modules,
        vhost_net,
        guest_answers,
        packet_loss,
        drift,
    )
}
