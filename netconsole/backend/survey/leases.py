"""Leases and the life of a fixed address: what a lease file says of the rows of the store. Pure.

The states are nova's: an address is allocated when given to an instance, leased once the guest
has taken it, and free again when neither holds.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import manager
from netconsole.backend.model.hoststate import Lease
from netconsole.backend.model.records import FixedIP, FixedIPView, Network, Records


@dataclass(frozen=True, slots=True)
class LeaseEvent:
    """What happened to an address: its guest took the lease, or the lease is over.

    One that was taken from its instance and whose lease does not end in time is stale.
    """

    fixed_ip: FixedIP
    event: Literal["leased", "released", "stale"]

    @property
    def frees(self) -> bool:
        """Whether the address goes back to its network's free ones."""
        return self.event != "leased" and not self.fixed_ip.allocated


def lease_events(
    records: Records,
    leases: Mapping[str, tuple[Lease, ...]],
    options: Options,
    now: float | None = None,
) -> tuple[LeaseEvent, ...]:
    """Compare the store's rows with the leases of each bridge that has a lease file.

    A lease counts only for the MAC address that the row was given to: a late answer for an
    earlier owner changes nothing. Rows of instances whose leases another host keeps are that
    host's to judge. `now` is in seconds since the epoch.
    """
    moment = time.time() if now is None else now
    held = {
        (bridge, lease.address, lease.mac)
        for bridge, entries in leases.items()
        for lease in entries
        if lease.expires == 0 or lease.expires > moment
    }
    networks = {network.id: network for network in records.networks}
    hosts = {instance.uuid: instance.host for instance in records.instances}
    events = []
    for row in records.fixed_ips:
        network = networks.get(row.network_id)
        if network is None:
            continue
        host = hosts.get(row.instance_uuid or "", options.host)
        elsewhere = network.multi_host and host != options.host
        if network.bridge in leases and not elsewhere:
            leased = (network.bridge, row.address, row.mac) in held
        else:
            leased = row.leased
        if _is_stale(row, options, moment):
            events.append(LeaseEvent(row, "stale"))
        elif leased != row.leased:
            events.append(LeaseEvent(row, "leased" if leased else "released"))
    return tuple(events)


def _is_stale(row: FixedIP, options: Options, now: float) -> bool:
    """Whether an address waits for the end of a lease for longer than is good (nova's reaper)."""
    if row.allocated or row.updated_at is None or not manager(options).reaps_addresses:
        return False
    return row.updated_at.timestamp() < now - options.fixed_ip_disassociate_timeout


def next_event(
    records: Records,
    leases: Mapping[str, tuple[Lease, ...]],
    options: Options,
    now: float,
) -> float | None:
    """When time alone brings the next event: a lease ends, an address has waited for too long.

    In seconds since the epoch; None where there is nothing to wait for.
    """
    ends = (float(lease.expires) for entries in leases.values() for lease in entries)
    waits = (
        row.updated_at.timestamp() + options.fixed_ip_disassociate_timeout
        for row in records.fixed_ips
        if row.updated_at is not None and not row.allocated
    )
    return min((moment for moment in chain(ends, waits) if moment > now), default=None)


def with_events(records: Records, events: Iterable[LeaseEvent]) -> Records:
    """Return the records as they will be once the events are written."""
    happened = {event.fixed_ip.id: event for event in events}
    rows = (_after(row, happened.get(row.id)) for row in records.fixed_ips)
    return replace(records, fixed_ips=tuple(row for row in rows if row.instance_uuid is not None))


def views_with_events(
    views: Iterable[FixedIPView], events: Iterable[LeaseEvent]
) -> Iterator[FixedIPView]:
    """Addresses as they will be once the events are written."""
    happened = {event.fixed_ip.id: event for event in events}
    for view in views:
        row = _after(view.fixed_ip, happened.get(view.fixed_ip.id))
        yield FixedIPView(row, view.network, view.instance if row.instance_uuid else None)


def _after(row: FixedIP, event: LeaseEvent | None) -> FixedIP:
    if event is None:
        return row
    if event.frees:
        free = FixedIP(row.id, row.address, row.network_id, reserved=row.reserved)
        return replace(free, updated_at=row.updated_at)
    return replace(row, leased=event.event == "leased")


def lease_of(
    row: FixedIP, network: Network, leases: Mapping[str, tuple[Lease, ...]]
) -> Lease | None:
    """Return the lease of a fixed address, if its guest holds one."""
    for lease in leases.get(network.bridge, ()):
        if (lease.address, lease.mac) == (row.address, row.mac):
            return lease
    return None
