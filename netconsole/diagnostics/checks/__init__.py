"""The registry of checks, in the order in which `doctor` lists them: the cheap and basic first."""

from collections.abc import Mapping

from netconsole.diagnostics.check import Check
from netconsole.diagnostics.checks import (
    address_conflict,
    arp_flux,
    asymmetric_route,
    bridge,
    dnsmasq_processes,
    drift,
    duplicate_address,
    egress_source,
    firewall_off,
    floating_address,
    floating_hairpin,
    floating_nat,
    gateway,
    guest_answers,
    ip_forward,
    metadata,
    modules,
    mtu,
    packet_loss,
    proxy_arp,
    routes,
    rp_filter,
    upstream_arp,
    vhost_net,
)

CHECKS: Mapping[str, Check] = {
    module.CHECK.id: module.CHECK
    for module in (
        ip_forward,
        bridge,
        mtu,
        gateway,
        address_conflict,
        duplicate_address,
        routes,
        dnsmasq_processes,
        floating_address,
        floating_nat,
        egress_source,
        floating_hairpin,
        upstream_arp,
        arp_flux,
        proxy_arp,
        rp_filter,
        asymmetric_route,
        metadata,
        firewall_off,
        modules,
        vhost_net,
        guest_answers,
        packet_loss,
        drift,
    )
}
