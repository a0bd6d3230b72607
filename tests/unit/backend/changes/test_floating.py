"""Floating addresses: pools, projects, quotas, and what an address may be given to."""

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import is_called, options
from hypothesis import given
from hypothesis import strategies as st
from store_samples import a_network, a_port

from netconsole.backend.changes.floating import (
    AllocateFloating,
    AssociateFloating,
    CreateFloating,
    DeleteFloating,
    DisassociateFloating,
    ReleaseFloating,
)
from netconsole.backend.changes.instances import CreateInstance
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, Exhausted, InvalidValue, NotFound
from netconsole.backend.model.records import FloatingIP, Instance
from netconsole.backend.store import allocations, floating_ips, instances, tables

FIRST, SECOND = "203.0.113.1", "203.0.113.2"
FLAT = replace(options(), network_manager="nova.network.manager.FlatManager")


def pool(
    connection: sa.Connection, ip_range: str = "203.0.113.0/30", name: str | None = None
) -> tuple[FloatingIP, ...]:
    return CreateFloating(ip_range=ip_range, pool=name).write(connection, options()).result


def allocate(
    connection: sa.Connection, project: str = "demo", settings: Options | None = None
) -> FloatingIP:
    return AllocateFloating(project).write(connection, settings or options()).result


def release(connection: sa.Connection, address: str) -> FloatingIP:
    return ReleaseFloating(address).write(connection, options()).result


def associate(
    connection: sa.Connection, address: str, instance: str, settings: Options | None = None
) -> FloatingIP:
    return AssociateFloating(address, instance).write(connection, settings or options()).result


def disassociate(connection: sa.Connection, address: str) -> FloatingIP:
    return DisassociateFloating(address).write(connection, options()).result


def guests(connection: sa.Connection, *projects: str) -> None:
    """Instances web0, web1, … of these projects, on a network of their own."""
    network = a_network(connection)
    for number, project in enumerate(projects):
        instance = Instance(f"instance-{number}", f"web{number}", project, "host7", f"web{number}")
        instances.insert(connection, instance)
        port = instances.insert_port(connection, a_port(network, instance, number))
        allocations.allocate(connection, network, instance.uuid, port.id)


class TestRanges:
    @pytest.mark.parametrize(
        ("ip_range", "addresses"),
        [
            ("203.0.113.0/30", [FIRST, SECOND]),
            ("68.99.26.170/31", ["68.99.26.170", "68.99.26.171"]),
            ("68.99.26.170/32", ["68.99.26.170"]),
            ("68.99.26.170", ["68.99.26.170"]),
        ],
    )
    def test_a_range_without_network_and_broadcast_where_it_has_such(
        self, connection: sa.Connection, ip_range: str, addresses: list[str]
    ) -> None:
        made = pool(connection, ip_range)
        assert [each.address for each in made] == addresses
        assert {(each.pool, each.interface) for each in made} == {("nova", "eth0")}
        assert DeleteFloating(ip_range).write(connection, options()).result == made

    def test_a_range_may_have_an_interface_of_its_own(self, connection: sa.Connection) -> None:
        change = CreateFloating("203.0.113.0/30", interface="eth7")
        made = change.write(connection, options(public_interface="")).result
        assert {each.interface for each in made} == {"eth7"}

    def test_without_any_interface_there_is_nothing_to_carry_them(
        self, connection: sa.Connection
    ) -> None:
        with pytest.raises(InvalidValue, match="interface '': name one"):
            CreateFloating("203.0.113.0/30").write(connection, options(public_interface=""))
        assert floating_ips.every(connection) == ()

    @pytest.mark.parametrize(
        ("ip_range", "rule"),
        [
            ("224.0.0.0/29", "overlaps 224.0.0.0/3, which guests cannot use"),
            ("127.0.0.1", "overlaps 127.0.0.0/8, which guests cannot use"),
            ("169.254.169.254", "overlaps 169.254.0.0/16, which guests cannot use"),
            ("192.168.1.10", "holds 192.168.1.10, this host's own"),
            ("192.168.1.0/24", "holds 192.168.1.10, this host's own"),
        ],
    )
    def test_what_no_instance_can_have_is_refused(
        self, connection: sa.Connection, ip_range: str, rule: str
    ) -> None:
        with pytest.raises(InvalidValue, match=re.escape(f"IP range '{ip_range}': {rule}")):
            pool(connection, ip_range)
        assert floating_ips.every(connection) == ()

    def test_an_empty_name_is_no_name(self, connection: sa.Connection) -> None:
        with pytest.raises(InvalidValue, match="pool '': must be"):
            pool(connection, name="")
        with pytest.raises(InvalidValue, match="pool '': must be"):
            AllocateFloating("demo", pool="").write(connection, options())
        with pytest.raises(InvalidValue, match="interface '': must be"):
            CreateFloating("203.0.113.0/30", interface="").write(connection, options())

    def test_associated_ones_keep_a_range_from_being_deleted(
        self, connection: sa.Connection
    ) -> None:
        made = pool(connection)
        guests(connection, "demo")
        associate(connection, FIRST, "web0")
        with pytest.raises(Conflict, match=rf"{FIRST} is associated: `netconsole"):
            DeleteFloating("203.0.113.0/30").write(connection, options())
        assert len(floating_ips.every(connection)) == len(made)


class TestProjects:
    def test_a_project_gets_the_first_free_one_and_gives_it_back(
        self, connection: sa.Connection
    ) -> None:
        pool(connection)
        assert allocate(connection).address == FIRST
        assert allocate(connection, "other").address == SECOND
        with pytest.raises(Exhausted, match="pool 'nova' has no free address left"):
            allocate(connection)
        assert release(connection, FIRST).project_id is None
        assert allocate(connection, "other").address == FIRST

    def test_an_unknown_pool_is_not_an_empty_one(self, connection: sa.Connection) -> None:
        pool(connection, name="public")
        with pytest.raises(NotFound, match="pool 'nova' does not exist"):
            allocate(connection)
        given_ = AllocateFloating("demo", pool="public").write(connection, options()).result
        assert (given_.address, given_.project_id) == (FIRST, "demo")

    def test_an_address_in_use_or_of_nobody_is_not_released(
        self, connection: sa.Connection
    ) -> None:
        pool(connection)
        guests(connection, "demo")
        with pytest.raises(Conflict, match=f"{FIRST} is allocated to no project"):
            release(connection, FIRST)
        associate(connection, FIRST, "web0")
        with pytest.raises(Conflict, match=f"{FIRST} is associated: `netconsole"):
            release(connection, FIRST)

    def test_an_associated_address_is_nobodys_to_allocate(self, connection: sa.Connection) -> None:
        pool(connection)
        guests(connection, "demo")
        associate(connection, FIRST, "web0")
        assert allocate(connection, "other").address == SECOND

    def test_only_the_projects_instances_get_its_address(self, connection: sa.Connection) -> None:
        pool(connection)
        guests(connection, "demo", "other")
        allocate(connection, "demo")
        with pytest.raises(Conflict, match="allocated to project 'demo', instance 'web1' is of"):
            associate(connection, FIRST, "web1")
        assert associate(connection, FIRST, "web0").project_id == "demo"

    def test_an_address_stays_with_its_project_after_its_instance(
        self, connection: sa.Connection
    ) -> None:
        (first, _) = pool(connection)
        guests(connection, "demo")
        allocated = allocate(connection)
        associate(connection, FIRST, "web0")
        assert disassociate(connection, FIRST) == allocated
        release(connection, FIRST)
        associate(connection, FIRST, "web0")
        assert disassociate(connection, FIRST) == first

    def test_the_networks_host_carries_it_or_with_many_gateways_the_instances(
        self, connection: sa.Connection
    ) -> None:
        pool(connection)
        guests(connection, "demo")
        assert associate(connection, FIRST, "web0").host is None
        connection.execute(sa.update(tables.networks).values(multi_host=True))
        assert associate(connection, SECOND, "web0").host == "host7"

    def test_an_address_moves_where_that_is_asked_for(self, connection: sa.Connection) -> None:
        pool(connection)
        guests(connection, "demo", "demo")
        former = associate(connection, FIRST, "web0")
        moved = AssociateFloating(FIRST, "web1", move=True).write(connection, options()).result
        assert moved.fixed_ip_id not in (None, former.fixed_ip_id)

    def test_an_address_that_came_with_its_instance_does_not_move(
        self, connection: sa.Connection
    ) -> None:
        pool(connection)
        guests(connection, "demo", "demo")
        associate(connection, FIRST, "web0")
        connection.execute(sa.update(tables.floating_ips).values(auto_assigned=True))
        with pytest.raises(Conflict, match="was assigned with instance"):
            AssociateFloating(FIRST, "web1", move=True).write(connection, options())

    def test_one_address_goes_to_one_instance(self, connection: sa.Connection) -> None:
        pool(connection)
        guests(connection, "demo", "demo")
        associate(connection, FIRST, "web0")
        with pytest.raises(Conflict, match=f"{FIRST} is associated already, with instance 'web0'"):
            associate(connection, FIRST, "web1")
        assert associate(connection, FIRST, "web0").fixed_ip_id is not None


class TestQuota:
    def test_allocated_and_associated_ones_count_together(self, connection: sa.Connection) -> None:
        pool(connection, "203.0.113.0/28")
        guests(connection, "demo", "other")
        two = options(quota_floating_ips=2)
        allocate(connection, settings=two)
        associate(connection, SECOND, "web0", two)
        words = (
            r"project 'demo' has 2 of 2 floating addresses, "
            "asked for 1 more"
        )
        with pytest.raises(Exhausted, match=words):
            allocate(connection, settings=two)
        with pytest.raises(Exhausted, match=words):
            associate(connection, "203.0.113.9", "web0", two)
        associate(connection, FIRST, "web0", two)
        associate(connection, "203.0.113.9", "web1", two)

    def test_no_limit(self, connection: sa.Connection) -> None:
        pool(connection, "203.0.113.0/28")
        for _ in range(14):
            allocate(connection, settings=options(quota_floating_ips=-1))
        assert floating_ips.count_of_project(connection, "demo") == 14

    def test_those_assigned_with_an_instance_do_not_count(self, connection: sa.Connection) -> None:
        pool(connection)
        a_network(connection)
        automatic = options(auto_assign_floating_ip=True, quota_floating_ips=0)
        CreateInstance("web0", "demo").write(connection, automatic)
        assert floating_ips.count_of_project(connection, "demo") == 0


class TestFlat:
    """Under the Flat manager the networks' routers are others: nova did nothing, silently."""

    def test_floating_addresses_are_refused(self, connection: sa.Connection) -> None:
        pool(connection)
        guests(connection, "demo")
        for change in (AllocateFloating("demo"), AssociateFloating(FIRST, "web0")):
            with pytest.raises(Conflict, match="FlatManager has no floating addresses"):
                change.write(connection, FLAT)

    def test_none_is_assigned(self, connection: sa.Connection) -> None:
        pool(connection)
        a_network(connection)
        flat = replace(FLAT, auto_assign_floating_ip=True)
        view = CreateInstance("web0", "demo").write(connection, flat).result
        assert view.ports[0].floating_ips == ()


hostile = st.text(max_size=300) | st.from_regex(r"[a-z]{1,8}[,\n\t ='\"#;$-]", fullmatch=True)


@given(hostile)
def test_what_is_no_text_of_a_line_becomes_no_pool_and_no_project(value: str) -> None:
    """What is a name goes on to the store, which is empty here and refuses everything."""
    engine = sa.create_engine("sqlite://")
    allowed = sa.exc.OperationalError if is_called(value) else InvalidValue
    with engine.connect() as empty:
        for change in (
            CreateFloating("203.0.113.0/30", pool=value),
            AllocateFloating(value),
            AllocateFloating("demo", pool=value),
        ):
            with pytest.raises(allowed):
                change.write(empty, options())
    engine.dispose()


@given(hostile.filter(lambda value: value.count(".") != 3))
def test_only_addresses_are_addresses(value: str) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as empty:
        for change in (
            CreateFloating(value),
            DeleteFloating(value),
            ReleaseFloating(value),
            AssociateFloating(value, "web0"),
            DisassociateFloating(value),
        ):
            with pytest.raises(InvalidValue):
                change.write(empty, options())
    engine.dispose()
