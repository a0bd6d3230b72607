"""Networks as the store keeps them: made, given to projects, deleted."""

from dataclasses import replace

import pytest
from core_samples import options
from sqlalchemy import Connection
from store_samples import a_network

from netconsole.backend.changes.networks import network_for_project
from netconsole.backend.errors import Conflict, Exhausted
from netconsole.backend.options import Options
from netconsole.backend.records import Network
from netconsole.backend.store import networks

VLAN = replace(options(), network_manager="nova.network.manager.VlanManager")


def a_vlan(connection: Connection, number: int) -> Network:
    network = replace(a_network(connection, f"10.0.{number}.0/29", number), vlan=100 + number)
    networks.update(connection, network)
    return network


class TestGivingNetworksToProjects:
    def test_each_project_gets_the_first_free_one_and_keeps_it(
        self, connection: Connection
    ) -> None:
        a_network(connection, number=9)
        first, second = a_vlan(connection, 1), a_vlan(connection, 2)

        given = [network_for_project(connection, name, VLAN) for name in ("demo", "other", "demo")]

        assert [network.id for network in given] == [first.id, second.id, first.id]
        assert networks.of_project(connection, "demo") == (replace(first, project_id="demo"),)

    def test_when_none_is_left_that_is_said(self, connection: Connection) -> None:
        a_vlan(connection, 1)
        network_for_project(connection, "demo", VLAN)

        with pytest.raises(Exhausted, match="no network is left for project 'other'"):
            network_for_project(connection, "other", VLAN)

    @pytest.mark.parametrize("kind", ["Flat", "FlatDHCP"])
    def test_other_managers_give_none(self, connection: Connection, kind: str) -> None:
        shared: Options = replace(VLAN, network_manager=f"nova.network.manager.{kind}Manager")
        a_vlan(connection, 1)

        with pytest.raises(Conflict, match="gives no networks to projects"):
            network_for_project(connection, "demo", shared)
        assert networks.of_project(connection, "demo") == ()
