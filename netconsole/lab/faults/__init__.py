"""The faults to practise on. Each is broken by what an admin, or bad luck, would really do.

Whether one is broken now is read from the kernel and the store, not remembered.
"""

from typing import Final

from netconsole.backend.model.errors import NotFound
from netconsole.lab.faults import (
    addressing,
    bridges,
    connections,
    dhcp,
    dnsmasq,
    dnsmasq_files,
    filters_elsewhere,
    guards,
    in_guest,
    kernel_settings,
    packet_filter,
    planned,
    policy_routing,
    reverse_path,
    routing,
    uplinks,
)
from netconsole.lab.faults.fault import Fault

__all__ = ["FAULTS", "Fault", "fault"]

FAULTS: Final = (
    *reverse_path.FAULTS,
    *planned.FAULTS,
    *packet_filter.FAULTS,
    *filters_elsewhere.FAULTS,
    *connections.FAULTS,
    *routing.FAULTS,
    *policy_routing.FAULTS,
    *kernel_settings.FAULTS,
    *uplinks.FAULTS,
    *addressing.FAULTS,
    *bridges.FAULTS,
    *guards.FAULTS,
    *in_guest.FAULTS,
    *dnsmasq.FAULTS,
    *dnsmasq_files.FAULTS,
    *dhcp.FAULTS,
)
"""Every fault, in the order in which they are listed."""


def fault(fault_id: str) -> Fault:
    """Return a fault by its id; raises NotFound, naming those there are."""
    for known in FAULTS:
        if known.id == fault_id:
            return known
    raise NotFound(f"no fault {fault_id!r}; there are {', '.join(known.id for known in FAULTS)}")
