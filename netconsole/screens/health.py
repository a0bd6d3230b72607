"""Health: what of a status an admin should look at, in sentences."""

from netconsole.backend.status import Status
from netconsole.diagnostics.finding import Finding
from netconsole.screens.panes.allocations import lease_word

SHOWN_BY_STATUS = frozenset(
    {
        "ip_forward",
        "bridge",
        "dnsmasq_processes",
        "floating_address",
        "floating_nat",
        "drift",
    }
)
"""Checks whose findings a status shows by itself, and at once."""


def problems(status: Status, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """What is wrong and is not already a step of the drift, worst first."""
    found = [f"cannot read {part}: {why}" for part, why in status.host.unreadable.items()]
    found += [f"this kernel has no {part}: {why}" for part, why in status.host.unsupported.items()]
    if status.networks and not status.host.ip_forward:
        found.append("IP forwarding is off: instances reach nothing beyond their network")
    found += [
        f"bridge {network.bridge} of {network.label} is {network.bridge_state}"
        for network in status.networks
        if network.bridge_state in ("down", "missing")
    ]
    found += [
        f"dnsmasq of {server.network or server.bridge} is {server.state}"
        for server in status.dnsmasq
        if server.state not in ("running", "foreign", "unknown")
    ]
    for allocation in status.allocations:
        if allocation.device_state in ("down", "missing"):
            found.append(
                f"port {allocation.device} of {allocation.instance} is {allocation.device_state}"
            )
        elif lease_word(allocation) == "no lease":
            found.append(f"{allocation.instance} has not taken up {allocation.address} by DHCP")
    found += [
        f"{finding.check}: {finding.because}"
        for finding in findings
        if finding.found and finding.check not in SHOWN_BY_STATUS
    ]
    return tuple(found)
