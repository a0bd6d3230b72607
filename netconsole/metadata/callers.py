"""Callers: whether a request comes from the guest whose address it has. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.model.records import PortView


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the kernel finds who sends by an address."""

    arrival: str | None
    """The bridge by which the request came; None where the service listens at an address."""
    mac: str | None = None
    """Of the address's neighbour on its network's bridge; None where it is no neighbour there."""
    port: str | None = None
    """The bridge's port behind which that MAC address was seen last."""


def port_at(guest: GuestData, address: str) -> PortView | None:
    """Return an instance's port that has a fixed address; None where none has it."""
    for view in guest.view.ports:
        if any(each.address == address and each.allocated for each in view.fixed_ips):
            return view
    return None


def mistrusted(
    guest: GuestData,
    view: PortView,
    seen: Whereabouts,
    host: str,
    devices: Mapping[str, str],
) -> str | None:
    """Return why a request is not the guest's whose address it has; None where it is.

    `devices` are the ports of this host's guests, each with its instance's name. A guest of this
    host sends through its own port, by its own MAC address. One of another host may be behind the
    uplink of its network's bridge, where its MAC address tells; or it is routed here, where
    there is nothing but its address to tell by: that is for a service that was told to listen at
    an address.
    """
    port, network = view.port, view.network
    if seen.arrival not in (None, network.bridge):
        return f"it came in by {seen.arrival}, and the network of that address is {network.bridge}"
    is_here = guest.view.instance.host == host
    if seen.mac is None and not is_here and seen.arrival is None:
        return None
    if seen.mac != port.mac:
        by = "nobody on that bridge" if seen.mac is None else f"{seen.mac}{_behind(seen, devices)}"
        return f"its sender is {by}, not {port.mac}"
    if seen.port != port.device if is_here else seen.port in devices:
        place = port.device if is_here else "its own host"
        return f"its sender is {seen.mac}{_behind(seen, devices)}, not behind {place}"
    return None


def _behind(seen: Whereabouts, devices: Mapping[str, str]) -> str:
    if seen.port is None:
        return ", behind no port that is known"
    name = devices.get(seen.port)
    return f" behind {seen.port}" + (f" of {name}" if name else "")
