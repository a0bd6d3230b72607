"""The projects and hosts of networks, and deleting."""

from dataclasses import replace

import pytest
from network_samples import FLAT_DHCP, RANGE, VLAN, one
from sqlalchemy import Connection
from store_samples import a_network, an_instance

from netconsole.backend.changes.memberships import AddSecurityGroup
from netconsole.backend.changes.networks import (
    CreateNetwork,
    DeleteNetwork,
    ModifyNetwork,
    network_for_project,
)
from netconsole.backend.changes.projects import ScrubProject
from netconsole.backend.changes.security_groups import AllowTraffic, CreateSecurityGroup
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, Exhausted, InvalidValue, NotFound
from netconsole.backend.model.records import Network
from netconsole.backend.store import allocations, fixed_ips, networks, security_groups


class TestDeleting:
    def test_that_of_a_project_is_kept(self, connection: Connection) -> None:
        network = one(connection, CreateNetwork("vmnet", RANGE, project_id="demo"))
        with pytest.raises(
            Conflict,
            match="to project 'demo': `netconsole network modify vmnet",
        ):
            DeleteNetwork("vmnet").write(connection, FLAT_DHCP)

        ScrubProject("demo").write(connection, FLAT_DHCP)
        DeleteNetwork("vmnet").write(connection, FLAT_DHCP)
        assert networks.every(connection) == ()
        assert fixed_ips.of_network(connection, network.id) == ()

    def test_one_with_instances_is_kept(self, connection: Connection) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        allocations.allocate(connection, network, port.instance_uuid, port.id)

        with pytest.raises(Conflict, match="has 1 address allocated to instances"):
            DeleteNetwork(network.label).write(connection, FLAT_DHCP)


class TestModifying:
    def test_a_project_and_a_host_come_and_go(self, connection: Connection) -> None:
        one(connection, CreateNetwork("vmnet", RANGE))

        def modified(**arguments: str | bool) -> tuple[str | None, str | None]:
            change = ModifyNetwork("vmnet", **arguments)  # type: ignore[arg-type]  # they are called as its fields
            network = change.write(connection, FLAT_DHCP).result
            assert networks.find(connection, "vmnet") == network
            return network.project_id, network.host

        assert modified(project="demo") == ("demo", "here")
        assert modified(host="other") == ("demo", "other")
        assert modified(disassociate_project=True) == (None, "other")
        assert modified(project="new", disassociate_host=True) == ("new", None)

    def test_what_the_former_host_held_is_released(self, connection: Connection) -> None:
        network = one(connection, CreateNetwork("vmnet", RANGE))

        away = ModifyNetwork("vmnet", host="other").write(connection, FLAT_DHCP)
        assert [address.address for address in away.released] == ["10.0.0.1/24"]
        back = ModifyNetwork("vmnet", host="here").write(connection, FLAT_DHCP)
        assert back.result == network
        assert not back.released

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (ModifyNetwork("vmnet"), "name one"),
            (ModifyNetwork("vmnet", "demo", disassociate_project=True), "at once"),
            (ModifyNetwork("vmnet", host="a", disassociate_host=True), "at once"),
            (ModifyNetwork("vmnet", project=" b"), "project ' b'"),
            (ModifyNetwork("vmnet", host="a\nb"), "host"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, connection: Connection, change: ModifyNetwork, words: str
    ) -> None:
        network = one(connection, CreateNetwork("vmnet", RANGE))

        with pytest.raises(InvalidValue, match=words):
            change.write(connection, FLAT_DHCP)
        assert networks.every(connection) == (network,)

    def test_another_projects_network_is_not_taken(self, connection: Connection) -> None:
        one(connection, CreateNetwork("vmnet", RANGE, project_id="demo"))

        with pytest.raises(Conflict, match="belongs to project 'demo': "):
            ModifyNetwork("vmnet", project="other").write(connection, FLAT_DHCP)

    def test_where_every_host_is_the_gateway_none_is_named(self, connection: Connection) -> None:
        one(connection, CreateNetwork("vmnet", RANGE, multi_host=True))

        with pytest.raises(Conflict, match="every host as its gateway"):
            ModifyNetwork("vmnet", host="other").write(connection, FLAT_DHCP)

    def test_instances_keep_their_gateway(self, connection: Connection) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        allocations.allocate(connection, network, port.instance_uuid, port.id)

        with pytest.raises(Conflict, match="need their gateway"):
            ModifyNetwork(network.label, disassociate_host=True).write(connection, FLAT_DHCP)

    def test_a_host_claims_only_what_has_none(self, connection: Connection) -> None:
        network = one(connection, CreateNetwork("vmnet", RANGE))
        assert networks.claim(connection, network, "other") == network

        idle = ModifyNetwork("vmnet", disassociate_host=True).write(connection, FLAT_DHCP).result
        assert networks.claim(connection, idle, "other").host == "other"
        assert networks.find(connection, "vmnet").host == "other"

        many = one(connection, CreateNetwork("many", "10.1.0.0/24", multi_host=True))
        assert networks.claim(connection, many, "other").host is None


class TestScrubbing:
    def test_all_networks_of_the_project_are_free_again(self, connection: Connection) -> None:
        for number, project in enumerate(("demo", "other", "demo")):
            change = CreateNetwork(f"n{number}", f"10.{number}.0.0/24", project_id=project)
            one(connection, change, VLAN)

        scrubbed = ScrubProject("demo").write(connection, VLAN).result.networks

        assert [(each.label, each.project_id, each.host) for each in scrubbed] == [
            ("n0", None, None),
            ("n2", None, None),
        ]
        assert [each.label for each in networks.of_project(connection, "other")] == ["n1"]
        assert network_for_project(connection, "third", VLAN).label == "n0"

    def test_with_instances_it_keeps_its_host_and_meets_no_other_project(
        self, connection: Connection
    ) -> None:
        network = one(connection, CreateNetwork("n", RANGE, project_id="demo"), VLAN)
        port = an_instance(connection, network)
        allocations.allocate(connection, network, port.instance_uuid, port.id)

        (scrubbed,) = ScrubProject("demo").write(connection, VLAN).result.networks

        assert (scrubbed.project_id, scrubbed.host) == (None, "here")
        with pytest.raises(Exhausted):
            network_for_project(connection, "other", VLAN)

    def test_groups_go_but_those_of_instances_and_those_that_they_let_in(
        self, connection: Connection
    ) -> None:
        network = one(connection, CreateNetwork("n", RANGE, project_id="demo"), VLAN)
        port = an_instance(connection, network)
        for name in ("web", "db", "old", "older"):
            CreateSecurityGroup("demo", name).write(connection, VLAN)
        for group, source in (("web", "db"), ("old", "older"), ("older", "old")):
            AllowTraffic("demo", group, source_group=source).write(connection, VLAN)
        AddSecurityGroup(port.instance_uuid, "web").write(connection, VLAN)

        written = ScrubProject("demo").write(connection, VLAN)

        gone = [group.name for group in written.result.security_groups]
        assert gone == ["default", "old", "older"]
        kept = [group.name for group in security_groups.of_project(connection, "demo")]
        assert kept == ["web", "db"]
        assert any(note.endswith("deleted: default, old, older") for note in written.notes)
        assert any(note.endswith("still there, in use: web, db") for note in written.notes)

    def test_a_project_that_nobody_knows_is_no_success(self, connection: Connection) -> None:
        with pytest.raises(NotFound, match="'nobody' is not known here"):
            ScrubProject("nobody").write(connection, VLAN)
        with pytest.raises(InvalidValue, match="project"):
            ScrubProject(" b").write(connection, VLAN)


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
