"""Networks to make in a store, under each of the managers."""

from dataclasses import replace

from sqlalchemy import Connection

from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.records import Network

FLAT_DHCP = Options(host="here", flat_network_bridge="br100")
FLAT = replace(FLAT_DHCP, network_manager="nova.network.manager.FlatManager")
VLAN = replace(FLAT_DHCP, network_manager="nova.network.manager.VlanManager", vlan_interface="eth1")
RANGE = "10.0.0.0/24"


def create(
    connection: Connection, change: CreateNetwork, options: Options = FLAT_DHCP
) -> tuple[Network, ...]:
    return change.write(connection, options).result


def one(connection: Connection, change: CreateNetwork, options: Options = FLAT_DHCP) -> Network:
    (network,) = create(connection, change, options)
    return network
