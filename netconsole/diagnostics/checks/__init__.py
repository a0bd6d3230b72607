"""The registry of checks, in the order in which `doctor` lists them: the cheap and basic first."""

from collections.abc import Mapping

from netconsole.diagnostics.check import Check
from netconsole.diagnostics.checks import (
    bridge,
    dnsmasq_processes,
    drift,
    drops,
    fdb,
    floating_address,
    floating_nat,
    guest_answers,
    hairpin,
    ip_forward,
    modules,
    multicast,
    offload,
    promiscuity,
    rp_filter,
    saturation,
    stp,
    vhost_net,
    vlan,
)

CHECKS: Mapping[str, Check] = {
    module.CHECK.id: module.CHECK
    for module in (
        ip_forward,
        bridge,
        vlan,
        stp,
        hairpin,
        dnsmasq_processes,
        floating_address,
        floating_nat,
        rp_filter,
        fdb,
        multicast,
        promiscuity,
        offload,
        drops,
        saturation,
        modules,
        vhost_net,
        guest_answers,
        drift,
    )
}
