"""The three kinds of network. The option `network_manager` says which one a cloud has."""

from collections.abc import Iterable

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers.flat import FLAT
from netconsole.backend.managers.flatdhcp import FLAT_DHCP
from netconsole.backend.managers.manager import Manager
from netconsole.backend.managers.vlan import VLAN
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.records import Network

__all__ = ["FLAT", "FLAT_DHCP", "VLAN", "Manager", "manager", "refuse_others"]

_MANAGERS = {
    "nova.network.manager.FlatManager": FLAT,
    "nova.network.manager.FlatDHCPManager": FLAT_DHCP,
    "nova.network.manager.VlanManager": VLAN,
}


def manager(options: Options) -> Manager:
    """Return the manager of the configuration."""
    return _MANAGERS[options.network_manager]


def refuse_others(networks: Iterable[Network], options: Options) -> None:
    """Refuse networks of a manager that is not the configured one: it would take them down.

    Raises Conflict, naming a network, both managers, and what to set.
    """
    kind = manager(options).kind
    for network in networks:
        makers = _makers(network)
        if kind not in makers:
            names = " or ".join(name for name, each in _MANAGERS.items() if each.kind in makers)
            is_of = "is of" if len(makers) == 1 else "has no VLAN, so that it is of"
            raise Conflict(
                f"network {network.label!r} {is_of} {names}, but network_manager is "
                f"{options.network_manager}: set network_manager = {names} in the configuration"
            )


def _makers(network: Network) -> tuple[str, ...]:
    """The managers that can have made a network."""
    if network.manager is not None:
        return (network.manager,)
    return (VLAN.kind,) if network.vlan is not None else (FLAT.kind, FLAT_DHCP.kind)
