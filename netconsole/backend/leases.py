"""Leases and the life of a fixed address: what a lease file says of the rows of the store. Pure.

The states are nova's: an address is allocated when given to an instance, leased once the guest
has taken it, and free again when neither holds.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from netconsole.backend.hoststate import Lease
from netconsole.backend.records import FixedIP, Network, Records


@dataclass(frozen=True, slots=True)
class LeaseEvent:
    """What happened to an address: its guest took the lease, or the lease is over."""

    fixed_ip: FixedIP
    event: Literal["leased", "released"]

    @property
    def frees(self) -> bool:
        """Whether the address goes back to its network's free ones."""
        return self.event == "released" and not self.fixed_ip.allocated


def lease_events(
    records: Records, leases: Mapping[str, tuple[Lease, ...]], now: float | None = None
) -> tuple[LeaseEvent, ...]:
    """Compare the store's rows with the leases of each bridge that has a lease file.

    A lease counts only for the MAC address that the row was given to: a late answer for an
    earlier owner changes nothing. `now` is in seconds since the epoch.
    """
    moment = time.time() if now is None else now
    held = {
        (bridge, lease.address, lease.mac)
        for bridge, entries in leases.items()
        for lease in entries
        if lease.expires == 0 or lease.expires > moment
    }
    bridges = {network.id: network.bridge for network in records.networks}
    events = []
    for row in records.fixed_ips:
        bridge = bridges.get(row.network_id)
        if bridge is None or bridge not in leases:
            continue
        leased = (bridge, row.address, row.mac) in held
        if leased != row.leased:
            events.append(LeaseEvent(row, "leased" if leased else "released"))
    return tuple(events)


def with_events(records: Records, events: Iterable[LeaseEvent]) -> Records:
    """The records as they will be once the events are written."""
    happened = {event.fixed_ip.id: event for event in events}
    rows = []
    for row in records.fixed_ips:
        event = happened.get(row.id)
        if event is None:
            rows.append(row)
        elif not event.frees:
            rows.append(replace(row, leased=event.event == "leased"))
    return replace(records, fixed_ips=tuple(rows))


def lease_of(
    row: FixedIP, network: Network, leases: Mapping[str, tuple[Lease, ...]]
) -> Lease | None:
    """The lease of a fixed address, if its guest holds one."""
    for lease in leases.get(network.bridge, ()):
        if (lease.address, lease.mac) == (row.address, row.mac):
            return lease
    return None
