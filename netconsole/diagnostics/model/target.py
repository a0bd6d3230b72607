"""The target of a playbook: the one instance, address, network or interface that it is about."""

from dataclasses import dataclass

from netconsole.backend.model.errors import NotFound
from netconsole.backend.survey.status import Allocation, Status


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of a target; empty fields are unknown or do not belong to it."""

    text: str
    """As the admin wrote it."""
    instance: str = ""
    fixed_address: str = ""
    floating_address: str = ""
    mac: str = ""
    port: str = ""
    """The device on the host that carries the instance's port."""
    network: str = ""
    bridge: str = ""
    interface: str = ""
    """Of the host, where that itself is the target, or the one that carries the address."""


def resolve(text: str, status: Status, interfaces: frozenset[str] = frozenset()) -> Target:
    """Find out what a text means: a name, an address, a MAC address or an interface.

    Raises NotFound for one that means nothing on this host.
    """
    bridges = {network.label: network.bridge for network in status.networks}
    for floating in status.floating_ips:
        if floating.address == text:
            fixed = floating.fixed_address or ""
            found = _of_allocation(text, _allocation(status, fixed), bridges)
            return Target(
                text,
                found.instance,
                fixed,
                floating.address,
                found.mac,
                found.port,
                found.network,
                found.bridge,
                floating.interface,
            )
    for each in status.allocations:
        if text in (each.instance, each.address, each.device) or text.lower() == each.mac:
            return _of_allocation(text, each, bridges)
    for network in status.networks:
        if text in (network.label, network.bridge, network.cidr):
            return Target(text, network=network.label, bridge=network.bridge)
    if text in interfaces:
        return Target(text, interface=text)
    raise NotFound(
        f"target {text!r}: no instance, address, MAC address, network or interface of this host"
    )


def _allocation(status: Status, address: str) -> Allocation | None:
    return next((each for each in status.allocations if each.address == address), None)


def _of_allocation(text: str, found: Allocation | None, bridges: dict[str, str]) -> Target:
    if found is None:
        return Target(text)
    return Target(
        text,
        found.instance,
        found.address,
        found.floating[0] if found.floating else "",
        found.mac,
        found.device,
        found.network,
        bridges.get(found.network, ""),
    )
