"""Guarding: what each port of this host may send as, whether it is held to it, and what it tried.

The field names here are the keys of `netconsole guards --json`. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.model.guards import of_devices, shared
from netconsole.backend.survey.survey import Survey

GuardState = Literal["on", "off", "missing", "different", "not held", "unknown"]
"""`off`: none is wanted (`instance unguard`). `not held`: this kernel cannot hold one."""


@dataclass(frozen=True, slots=True)
class PortGuard:
    """A port of an instance of this host, and its guard."""

    instance: str
    network: str
    device: str
    mac: str
    addresses: tuple[str, ...]
    """From which its guest may send; of a port without a guard, none is told."""
    allowed_addresses: tuple[str, ...]
    """The ranges beside these."""
    state: GuardState


@dataclass(frozen=True, slots=True)
class Guarding:
    """The guards of a host."""

    ports: tuple[PortGuard, ...]
    stopped: Mapping[str, int]
    """How many frames of which kind were dropped, at all ports together, since the table came."""
    unsupported: str | None
    """Why this kernel holds none, where it does not."""


def guarding(seen: Survey, stopped: Mapping[str, int]) -> Guarding:
    """Put together what a survey says of guards, and what was counted."""
    unsupported = seen.wanted.unsupported.get("guards")
    return Guarding(tuple(_ports(seen, unsupported)), stopped, unsupported)


def _ports(seen: Survey, unsupported: str | None) -> Iterator[PortGuard]:
    networks = {network.id: network.label for network in seen.records.networks}
    here = {one.uuid: one.name for one in seen.records.instances if one.host == seen.options.host}
    for port in seen.records.ports:
        if port.instance_uuid not in here:
            continue
        guard = seen.wanted.guards.get(port.device)
        yield PortGuard(
            here[port.instance_uuid],
            networks[port.network_id],
            port.device,
            port.mac,
            guard.addresses if guard else (),
            guard.ranges if guard else (),
            _state(seen, port.device, unsupported) if port.guarded else "off",
        )


def _state(seen: Survey, device: str, unsupported: str | None) -> GuardState:
    if unsupported is not None:
        return "not held"
    if "guards" in seen.observed.unreadable or device not in seen.wanted.guards:
        return "unknown"
    observed, wanted = seen.observed.guard_table, seen.wanted.guard_table
    if device not in seen.observed.guards:
        return "missing"
    if of_devices(observed, (device,)) != of_devices(wanted, (device,)):
        return "different"
    return "on" if shared(observed) == shared(wanted) else "different"
