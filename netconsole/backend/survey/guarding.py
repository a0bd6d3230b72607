"""Guarding: what each port of this host may send as, whether it is held to it, and what it tried.

The field names here are the keys of `netconsole guards --json`. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.model.guards import BY_EBTABLES, NO_GUARDS, Held, of_devices, shared
from netconsole.backend.survey.survey import Survey
from netconsole.backend.wording.bridge_guards import state_of_port

GuardState = Held | Literal["off", "not held", "unknown"]
"""`off`: none is wanted (`instance unguard`, or the option guard). `not held`: this kernel cannot
hold one."""


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
    weakened: str | None
    """Why it is ebtables that guards the ports, and what that cannot stop, where it is."""
    is_off: bool = False
    """Whether the option guard takes the guards off every port."""


def guarding(seen: Survey, stopped: Mapping[str, int]) -> Guarding:
    """Put together what a survey says of guards, and what was counted."""
    lacking = seen.wanted.unsupported
    ports = tuple(_ports(seen, lacking.get(NO_GUARDS)))
    reasons = lacking.get(NO_GUARDS), lacking.get(BY_EBTABLES)
    return Guarding(ports, stopped, *reasons, is_off=not seen.options.guard)


def _ports(seen: Survey, unsupported: str | None) -> Iterator[PortGuard]:
    guards_all = seen.options.guard
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
            _state(seen, port.device, unsupported) if guards_all and port.guarded else "off",
        )


def _state(seen: Survey, device: str, unsupported: str | None) -> GuardState:
    if unsupported is not None:
        return "not held"
    if not {"guards", "rules"}.isdisjoint(seen.observed.unreadable):
        return "unknown"
    if device not in seen.wanted.guards:
        return "unknown"
    if BY_EBTABLES in seen.wanted.unsupported:
        return state_of_port(seen.observed.chains, seen.wanted.chains, device)
    observed, wanted = seen.observed.guard_table, seen.wanted.guard_table
    if device not in seen.observed.guards:
        return "missing"
    if of_devices(observed, (device,)) != of_devices(wanted, (device,)):
        return "different"
    return "on" if shared(observed) == shared(wanted) else "different"
