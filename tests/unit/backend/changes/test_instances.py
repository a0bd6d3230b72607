"""Instances: which networks and addresses they get, and what is left when they go."""

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import HOST, is_called, options
from hypothesis import given
from hypothesis import strategies as st
from store_samples import a_network

from netconsole.backend.changes import Change
from netconsole.backend.changes.floating import CreateFloating, DisassociateFloating
from netconsole.backend.changes.instances import (
    AddFixedIP,
    CreateInstance,
    DeleteInstance,
    RemoveFixedIP,
)
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, Exhausted, InvalidValue, NotFound
from netconsole.backend.model.hoststate import Address
from netconsole.backend.model.records import InstanceView, Network
from netconsole.backend.store import (
    Store,
    allocations,
    fixed_ips,
    floating_ips,
    instances,
    networks,
    tables,
)

VLAN = replace(options(), network_manager="nova.network.manager.VlanManager")
FLAT = replace(options(), network_manager="nova.network.manager.FlatManager")
AUTOMATIC = options(auto_assign_floating_ip=True)


def create(
    connection: sa.Connection,
    name: str = "web1",
    *asked: str,
    settings: Options | None = None,
    fixed_addresses: tuple[str, ...] = (),
    project: str = "demo",
) -> InstanceView:
    change = CreateInstance(name, project, asked, fixed_addresses=fixed_addresses)
    return change.write(connection, settings or options()).result


def two_networks(connection: sa.Connection) -> tuple[Network, Network]:
    return a_network(connection), a_network(connection, "10.0.1.0/29", 1)


def change_networks(connection: sa.Connection, label: str, **values: object) -> None:
    by_label = tables.networks.c.label == label
    connection.execute(sa.update(tables.networks).where(by_label).values(**values))


def labels(view: InstanceView) -> list[str]:
    return [port.network.label for port in view.ports]


def addresses(view: InstanceView) -> list[str]:
    return [row.address for port in view.ports for row in port.fixed_ips]


def add(connection: sa.Connection, network: str, address: str | None = None) -> InstanceView:
    return AddFixedIP("web1", network, address).write(connection, options()).result


def remove(connection: sa.Connection, address: str) -> InstanceView:
    return RemoveFixedIP("web1", address).write(connection, options()).result


class TestNetworks:
    def test_a_port_and_an_address_in_each_network_in_their_order(
        self, connection: sa.Connection
    ) -> None:
        two_networks(connection)
        view = create(connection, "web1", "vmnet1", "vmnet0")
        assert labels(view) == ["vmnet1", "vmnet0"]
        assert addresses(view) == ["10.0.1.2", "10.0.0.2"]

    def test_a_network_named_twice_is_refused(self, connection: sa.Connection) -> None:
        a_network(connection)
        with pytest.raises(InvalidValue, match="network 'vmnet0': is named twice"):
            create(connection, "web1", "vmnet0", "network-0")

    def test_without_a_name_all_that_are_shared_or_its_projects(
        self, connection: sa.Connection
    ) -> None:
        for number in range(4):
            a_network(connection, f"10.0.{number}.0/29", number)
        change_networks(connection, "vmnet1", project_id="demo")
        change_networks(connection, "vmnet2", project_id="other")
        change_networks(connection, "vmnet3", vlan=100)
        assert labels(create(connection)) == ["vmnet0", "vmnet1"]

    def test_without_any_network_there_is_no_instance(self, connection: sa.Connection) -> None:
        with pytest.raises(Conflict, match="no network for an instance of project 'demo'"):
            create(connection)

    def test_another_projects_network_is_refused(self, connection: sa.Connection) -> None:
        a_network(connection)
        change_networks(connection, "vmnet0", project_id="other")
        with pytest.raises(Conflict, match="network 'vmnet0' belongs to project 'other'"):
            create(connection, "web1", "vmnet0")

    def test_under_vlan_a_project_gets_its_own_or_a_free_one(
        self, connection: sa.Connection
    ) -> None:
        for number in range(3):
            a_network(connection, f"10.0.{number}.0/29", number)
            change_networks(connection, f"vmnet{number}", vlan=100 + number)
        change_networks(connection, "vmnet0", project_id="other")
        change_networks(connection, "vmnet2", project_id="demo")
        assert labels(create(connection, "web1", settings=VLAN)) == ["vmnet2"]
        assert labels(create(connection, "db1", settings=VLAN, project="third")) == ["vmnet1"]
        assert networks.find(connection, "vmnet1").project_id == "third"
        with pytest.raises(Exhausted):
            create(connection, "db2", settings=VLAN, project="fourth")

    def test_a_network_without_a_host_gets_this_one(self, connection: sa.Connection) -> None:
        two_networks(connection)
        create(connection, "web1", "vmnet0")
        assert [each.host for each in networks.every(connection)] == [HOST, None]
        add(connection, "vmnet1")
        assert [each.host for each in networks.every(connection)] == [HOST, HOST]

    def test_under_vlan_a_network_of_nobody_is_refused(self, connection: sa.Connection) -> None:
        a_network(connection)
        with pytest.raises(Conflict, match="network 'vmnet0' is not one of project 'demo'"):
            create(connection, "web1", "vmnet0", settings=VLAN)


class TestAddresses:
    def test_an_address_asked_for_is_given_in_its_own_network(
        self, connection: sa.Connection
    ) -> None:
        two_networks(connection)
        view = create(connection, "web1", fixed_addresses=("10.0.1.5",))
        assert addresses(view) == ["10.0.0.2", "10.0.1.5"]

    @pytest.mark.parametrize(
        ("asked", "error", "words"),
        [
            (("10.0.1.5",), NotFound, "10.0.1.5 is in none of the instance's networks"),
            (("10.9.9.9",), NotFound, "10.9.9.9 is in no network"),
            (("10.0.0.1",), Conflict, "10.0.0.1 is the gateway of network"),
            (("10.0.0.2",), Conflict, "10.0.0.2 is in use by instance 'db1'"),
            (("10.0.0.3", "10.0.0.4"), InvalidValue, "one address too many in network 'vmnet0'"),
            (("10.0.0",), InvalidValue, "must be an IPv4 address"),
        ],
    )
    def test_an_address_that_is_not_to_be_had(
        self,
        connection: sa.Connection,
        asked: tuple[str, ...],
        error: type[Exception],
        words: str,
    ) -> None:
        two_networks(connection)
        create(connection, "db1", "vmnet0")
        with pytest.raises(error, match=re.escape(words)):
            create(connection, "web1", "vmnet0", fixed_addresses=asked)

    def test_a_second_address_is_on_the_same_port_and_behind_the_first(
        self, connection: sa.Connection
    ) -> None:
        two_networks(connection)
        (first,) = create(connection, "web1", "vmnet0", fixed_addresses=("10.0.0.5",)).ports
        (port,) = add(connection, "vmnet0", "10.0.0.3").ports
        assert port.port == first.port
        assert [row.address for row in port.fixed_ips] == ["10.0.0.5", "10.0.0.3"]
        assert labels(add(connection, "vmnet1")) == ["vmnet0", "vmnet1"]

    def test_an_address_goes_with_its_floating_one_and_the_port_stays(
        self, connection: sa.Connection
    ) -> None:
        a_network(connection)
        CreateFloating("203.0.113.1").write(connection, AUTOMATIC)
        create(connection, "web1", settings=AUTOMATIC)
        (port,) = remove(connection, "10.0.0.2").ports
        assert (port.fixed_ips, port.floating_ips) == ((), ())
        assert fixed_ips.find(connection, "10.0.0.2").instance_uuid is None
        with pytest.raises(NotFound, match=r"'web1' has no fixed address 10\.0\.0\.2"):
            remove(connection, "10.0.0.2")

    def test_a_leased_address_waits_for_its_lease(self, connection: sa.Connection) -> None:
        a_network(connection)
        view = create(connection)
        fixed_ips.set_leased(connection, view.ports[0].fixed_ips[0], True)
        remove(connection, "10.0.0.2")
        row = fixed_ips.find(connection, "10.0.0.2")
        assert (row.allocated, row.leased) == (False, True)
        assert row.instance_uuid == view.instance.uuid
        with pytest.raises(NotFound):
            remove(connection, "10.0.0.2")

    def test_under_vlan_the_last_instance_leaves_no_lease_to_wait_for(
        self, connection: sa.Connection
    ) -> None:
        """The network's dnsmasq goes when it does, and would note the end of no lease."""
        a_network(connection)
        change_networks(connection, "vmnet0", vlan=100, project_id="demo")
        for name in ("web1", "web2"):
            view = create(connection, name, settings=VLAN)
            fixed_ips.set_leased(connection, view.ports[0].fixed_ips[0], True)
        DeleteInstance("web1").write(connection, VLAN)
        (waiting,) = (row for row in fixed_ips.associated(connection) if not row.allocated)
        assert waiting.address == "10.0.0.2"
        DeleteInstance("web2").write(connection, VLAN)
        assert [row.address for row in fixed_ips.associated(connection)] == ["10.0.0.2"]
        assert fixed_ips.find(connection, "10.0.0.3").leased is False

    def test_the_flat_manager_waits_for_no_lease(self, connection: sa.Connection) -> None:
        a_network(connection)
        view = create(connection, "web1", settings=FLAT)
        fixed_ips.set_leased(connection, view.ports[0].fixed_ips[0], True)
        DeleteInstance("web1").write(connection, FLAT)
        assert fixed_ips.associated(connection) == ()

    def test_another_projects_network_gives_no_address(self, connection: sa.Connection) -> None:
        two_networks(connection)
        change_networks(connection, "vmnet1", project_id="other")
        create(connection, "web1", "vmnet0")
        with pytest.raises(Conflict, match="belongs to project 'other'"):
            add(connection, "vmnet1")


class TestQuota:
    def test_every_address_of_a_projects_instances_counts(self, connection: sa.Connection) -> None:
        two_networks(connection)
        three = options(quota_fixed_ips=3)
        create(connection, "web1", settings=three)
        words = re.escape("project 'demo' has 2 of 3 fixed addresses, asked for 2 more")
        with pytest.raises(Exhausted, match=words):
            create(connection, "web2", settings=three)
        create(connection, "web2", "vmnet0", settings=three)
        create(connection, "db1", settings=three, project="other")
        with pytest.raises(Exhausted, match="has 3 of 3"):
            AddFixedIP("web1", "vmnet0").write(connection, three)

    def test_the_vlan_manager_has_none(self, connection: sa.Connection) -> None:
        a_network(connection)
        change_networks(connection, "vmnet0", vlan=100)
        create(connection, "web1", settings=replace(VLAN, quota_fixed_ips=0))


class TestAutomaticFloating:
    def test_the_first_address_gets_one_that_goes_with_the_instance(
        self, connection: sa.Connection
    ) -> None:
        two_networks(connection)
        (made,) = CreateFloating("203.0.113.1").write(connection, AUTOMATIC).result
        view = create(connection, "web1", settings=AUTOMATIC)
        (floating,) = view.ports[0].floating_ips
        assert view.ports[1].floating_ips == ()
        assert (floating.address, floating.project_id, floating.auto_assigned) == (
            "203.0.113.1",
            "demo",
            True,
        )
        with pytest.raises(Conflict, match="was assigned with instance"):
            DisassociateFloating("203.0.113.1").write(connection, AUTOMATIC)
        DeleteInstance("web1").write(connection, AUTOMATIC)
        assert floating_ips.every(connection) == (made,)

    def test_without_a_free_one_nothing_is_made(self, store: Store) -> None:
        with store.transaction() as connection:
            a_network(connection)
            CreateFloating("203.0.113.1").write(connection, AUTOMATIC)
            create(connection, "web1", settings=AUTOMATIC)
        with (
            pytest.raises(Exhausted, match="'nova' has no free"),
            store.transaction() as connection,
        ):
            create(connection, "web2", settings=AUTOMATIC)
        with store.reading() as connection:
            assert [each.name for each in instances.every(connection)] == ["web1"]
            assert len(fixed_ips.associated(connection)) == 1


class TestManyGateways:
    @pytest.fixture
    def shared(self, connection: sa.Connection) -> sa.Connection:
        """Two networks on which every host is a gateway by an address of its own."""
        two_networks(connection)
        connection.execute(sa.update(tables.networks).values(multi_host=True))
        return connection

    def test_a_host_has_one_address_of_its_own_from_first_to_last_port(
        self, shared: sa.Connection
    ) -> None:
        create(shared, "web1", "vmnet0")
        create(shared, "web2", "vmnet0")
        (own,) = fixed_ips.of_hosts(shared)
        assert (own.address, own.host, own.instance_uuid) == ("10.0.0.3", HOST, None)
        assert DeleteInstance("web1").write(shared, options()).released == frozenset()
        assert fixed_ips.of_hosts(shared) == (own,)
        released = DeleteInstance("web2").write(shared, options()).released
        assert released == {Address("br100", "10.0.0.3/29", "10.0.0.7")}
        assert fixed_ips.of_hosts(shared) == ()

    def test_each_host_has_its_own(self, shared: sa.Connection) -> None:
        create(shared, "web1", "vmnet0")
        create(shared, "web2", "vmnet0", settings=replace(options(), host="second"))
        assert {row.host for row in fixed_ips.of_hosts(shared)} == {HOST, "second"}

    def test_a_shared_address_costs_none(self, shared: sa.Connection) -> None:
        shared.execute(sa.update(tables.networks).values(share_address=True))
        create(shared, "web1", "vmnet0")
        assert fixed_ips.of_hosts(shared) == ()

    def test_a_full_network_has_none_for_a_host(self, shared: sa.Connection) -> None:
        network = networks.find(shared, "vmnet0")
        for number in range(4):
            allocations.allocate(shared, network, f"i{number}", None)
        with pytest.raises(Exhausted, match=f"no free address left for host {HOST}"):
            create(shared, "web1", "vmnet0")


hostile = st.text(max_size=300) | st.from_regex(r"[a-z]{1,8}[,\n\t ='\"#;$.-]", fullmatch=True)


@given(hostile)
def test_what_is_no_text_of_a_line_is_no_name_and_no_project(value: str) -> None:
    """What is a name goes on to the store, which is empty here and refuses everything."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as empty:
        for change in (CreateInstance(value, "demo"), CreateInstance("web1", value)):
            allowed = sa.exc.OperationalError if is_called(value) else InvalidValue
            with pytest.raises(allowed):
                change.write(empty, options())
    engine.dispose()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            CreateInstance("web1", "demo", ("a", "b"), "veth", ("10.0.0.9",)),
            "instance create web1 --project demo --network a --network b "
            "--fixed-address 10.0.0.9 --port-kind veth",
        ),
        (
            AddFixedIP("web1", "a", "10.0.0.9"),
            "instance add-fixed-ip web1 a --fixed-address 10.0.0.9",
        ),
        (
            CreateFloating("203.0.113.0/30", "public", "eth7"),
            "floating create --pool public --ip-range 203.0.113.0/30 --interface eth7",
        ),
    ],
)
def test_the_journal_and_the_audit_log_say_all_that_was_asked(
    change: Change[object], words: str
) -> None:
    assert change.title == words
