"""The three kinds of network. The option `network_manager` says which one a cloud has."""

from netconsole.backend.managers.flat import FLAT
from netconsole.backend.managers.flatdhcp import FLAT_DHCP
from netconsole.backend.managers.manager import Manager
from netconsole.backend.managers.vlan import VLAN
from netconsole.backend.options import Options

__all__ = ["FLAT", "FLAT_DHCP", "VLAN", "Manager", "manager"]


def manager(options: Options) -> Manager:
    """Return the manager of the configuration."""
    return {
        "nova.network.manager.FlatManager": FLAT,
        "nova.network.manager.FlatDHCPManager": FLAT_DHCP,
        "nova.network.manager.VlanManager": VLAN,
    }[options.network_manager]
