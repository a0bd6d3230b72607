"""The queries: who gets which address, and what the store refuses."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from ipaddress import ip_network
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import perf_counter

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from netconsole.backend.errors import Conflict, Exhausted, NotFound
from netconsole.backend.records import FixedIP, FloatingIP, Instance, Network, NetworkUsage, Port
from netconsole.backend.store import (
    Store,
    fixed_ips,
    floating_ips,
    instances,
    networks,
    records,
    settings,
    tables,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{tmp_path}/netconsole.sqlite")) as opened:
        yield opened


@pytest.fixture
def connection(store: Store) -> Iterator[sa.Connection]:
    with store.transaction() as opened:
        yield opened


def a_network(connection: sa.Connection, cidr: str = "10.0.0.0/29", number: int = 0) -> Network:
    """A network whose first two addresses and last one are reserved, as FlatDHCP has it."""
    addresses = [str(address) for address in ip_network(cidr)]
    network = networks.insert(
        connection,
        Network(
            id=0,
            uuid=f"network-{number}",
            label=f"vmnet{number}",
            cidr=cidr,
            netmask=str(ip_network(cidr).netmask),
            broadcast=addresses[-1],
            gateway=addresses[1],
            dhcp_server=addresses[1],
            dhcp_start=addresses[2],
            bridge=f"br10{number}",
            mtu=1450,
        ),
    )
    reserved = {addresses[0], addresses[1], addresses[-1]}
    fixed_ips.insert_many(connection, network.id, ((each, each in reserved) for each in addresses))
    return network


def an_instance(connection: sa.Connection, network: Network, number: int = 0) -> Port:
    """An instance with one port, which is returned."""
    instance = Instance(f"instance-{number}", f"web{number}", "demo", "host")
    instances.insert(connection, instance)
    return instances.insert_port(connection, a_port(network, instance, number))


def a_port(network: Network, instance: Instance, number: int) -> Port:
    mac = f"fa:16:3e:00:{number // 256:02x}:{number % 256:02x}"
    return Port(0, f"port-{number}", mac, network.id, instance.uuid, "tap", f"tap{number}")


def floating(number: int) -> FloatingIP:
    return FloatingIP(0, f"203.0.{number // 256}.{number % 256}", "public", "eth0")


class TestNetworks:
    def test_a_network_comes_back_as_it_was_written(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        assert networks.every(connection) == (network,)
        assert networks.find(connection, "vmnet0") == network
        assert networks.find(connection, "network-0") == network

    def test_a_label_goes_before_another_networks_uuid(self, connection: sa.Connection) -> None:
        a_network(connection)
        other = replace(a_network(connection, "10.0.1.0/29", 1), label="network-0", bridge="br7")
        networks.delete(connection, other)
        other = networks.insert(connection, replace(other, uuid="x"))
        assert networks.find(connection, "network-0") == other

    def test_an_unknown_name_is_refused(self, connection: sa.Connection) -> None:
        with pytest.raises(NotFound, match="network 'nowhere' does not exist"):
            networks.find(connection, "nowhere")

    @pytest.mark.parametrize("name", ["label", "uuid", "bridge"])
    def test_taken_values_are_named(self, connection: sa.Connection, name: str) -> None:
        network = a_network(connection)
        new = replace(network, label="new", uuid="new", bridge="new")
        with pytest.raises(Conflict, match=f"{name} '{getattr(network, name)}' is taken"):
            networks.insert(connection, replace(new, **{name: getattr(network, name)}))

    def test_deleting_one_leaves_the_others(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        other = a_network(connection, "10.0.1.0/29", 1)
        networks.delete(connection, network)
        assert networks.every(connection) == (other,)
        assert fixed_ips.of_network(connection, network.id) == ()
        assert len(fixed_ips.of_network(connection, other.id)) == 8

    def test_usage_counts_each_state(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        empty = networks.insert(
            connection, replace(network, label="empty", uuid="empty", bridge="empty")
        )
        fixed_ips.allocate(connection, network, "a", None)
        taken = fixed_ips.allocate(connection, network, "b", None)
        fixed_ips.set_leased(connection, taken, True)
        gone = fixed_ips.allocate(connection, network, "c", None)
        fixed_ips.set_leased(connection, gone, True)
        fixed_ips.deallocate(connection, gone)
        assert networks.usage(connection) == {
            network.id: NetworkUsage(total=8, allocated=2, leased=2, reserved=3),
            empty.id: NetworkUsage(),
        }


class TestFixedAddresses:
    def test_the_lowest_free_address_first_never_a_reserved_one(
        self, connection: sa.Connection
    ) -> None:
        network = a_network(connection)
        given = [fixed_ips.allocate(connection, network, f"i{n}", None).address for n in range(5)]
        assert given == [f"10.0.0.{last}" for last in range(2, 7)]
        with pytest.raises(Exhausted, match=r"'vmnet0' has no free address left in 10\.0\.0\.0/29"):
            fixed_ips.allocate(connection, network, "one more", None)

    def test_the_longest_free_is_given_first(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        held = {
            number: fixed_ips.allocate(connection, network, f"i{number}", None)
            for number in range(2, 7)
        }
        for number in (5, 2, 6):
            fixed_ips.disassociate(connection, held[number])
        again = [fixed_ips.allocate(connection, network, "new", None).address for _ in range(3)]
        assert again == ["10.0.0.5", "10.0.0.2", "10.0.0.6"]

    def test_a_never_used_address_goes_before_a_freed_one(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        fixed_ips.disassociate(connection, fixed_ips.allocate(connection, network, "i", None))
        assert fixed_ips.allocate(connection, network, "j", None).address == "10.0.0.3"

    def test_an_address_takes_its_ports_mac_along(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        given = fixed_ips.allocate(connection, network, port.instance_uuid, port.id)
        assert (given.allocated, given.leased, given.reserved) == (True, False, False)
        assert (given.instance_uuid, given.port_id) == (port.instance_uuid, port.id)
        assert given.mac == port.mac
        assert fixed_ips.find(connection, given.address) == given
        assert fixed_ips.of_instance(connection, port.instance_uuid) == (given,)

    def test_an_address_outlives_its_instance_until_its_lease_ends(
        self, connection: sa.Connection
    ) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        given = fixed_ips.allocate(connection, network, port.instance_uuid, port.id, "10.0.0.4")
        fixed_ips.set_leased(connection, given, True)
        fixed_ips.deallocate(connection, given)
        instances.delete(connection, instances.find(connection, "web0"))

        (left,) = fixed_ips.associated(connection)
        assert (left.allocated, left.leased) == (False, True)
        assert (left.instance_uuid, left.mac) == (port.instance_uuid, port.mac)
        with pytest.raises(Conflict, match="still leased to a deleted instance"):
            fixed_ips.allocate(connection, network, "new", None, "10.0.0.4")

        fixed_ips.disassociate(connection, left)
        assert fixed_ips.associated(connection) == ()
        freed = fixed_ips.find(connection, "10.0.0.4")
        assert (freed.leased, freed.instance_uuid, freed.mac) == (False, None, None)
        assert fixed_ips.allocate(connection, network, "new", None, "10.0.0.4").allocated

    def test_a_later_port_is_never_taken_for_a_deleted_one(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        instances.delete_ports(connection, port.instance_uuid)
        assert an_instance(connection, network, 1).id > port.id

    def test_an_address_asked_for_is_given_or_the_reason_named(
        self, connection: sa.Connection
    ) -> None:
        network = a_network(connection)
        other = a_network(connection, "10.0.1.0/29", 1)
        port = an_instance(connection, network)
        given = fixed_ips.allocate(connection, network, port.instance_uuid, port.id, "10.0.0.5")
        assert given.address == "10.0.0.5"

        def asking(network: Network, address: str) -> Callable[[], FixedIP]:
            return lambda: fixed_ips.allocate(connection, network, "new", None, address)

        refused = {
            asking(network, "10.0.0.5"): (Conflict, "in use by instance 'web0'"),
            asking(network, "10.0.0.1"): (Conflict, "10.0.0.1 is reserved in network 'vmnet0'"),
            asking(network, "10.9.9.9"): (NotFound, "10.9.9.9 is not in network 'vmnet0'"),
            asking(other, "10.0.0.4"): (NotFound, "10.0.0.4 is not in network 'vmnet1'"),
        }
        for ask, (error, words) in refused.items():
            with pytest.raises(error, match=words):
                ask()

    def test_a_leased_address_is_not_given_though_nobody_holds_it(
        self, connection: sa.Connection
    ) -> None:
        network = a_network(connection)
        fixed_ips.set_leased(connection, fixed_ips.find(connection, "10.0.0.2"), True)
        assert fixed_ips.allocate(connection, network, "i", None).address == "10.0.0.3"
        with pytest.raises(Conflict, match="still leased to a former guest"):
            fixed_ips.allocate(connection, network, "i", None, "10.0.0.2")

    def test_an_address_that_a_host_has_taken_is_not_given(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        by_address = tables.fixed_ips.c.address == "10.0.0.2"
        connection.execute(sa.update(tables.fixed_ips).where(by_address).values(host="node7"))
        assert fixed_ips.allocate(connection, network, "i", None).address == "10.0.0.3"
        with pytest.raises(Conflict, match=r"10\.0\.0\.2 belongs to host node7"):
            fixed_ips.allocate(connection, network, "i", None, "10.0.0.2")

    def test_a_renewed_lease_changes_nothing(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        given = fixed_ips.allocate(connection, network, "i", None)
        fixed_ips.set_leased(connection, given, True)
        leased = fixed_ips.find(connection, given.address)
        assert leased.leased
        fixed_ips.set_leased(connection, given, True)
        assert fixed_ips.find(connection, given.address) == leased
        fixed_ips.set_leased(connection, given, False)
        assert not fixed_ips.find(connection, given.address).leased

    def test_an_address_belongs_to_one_network(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        with pytest.raises(Conflict, match="belongs to another network"):
            fixed_ips.insert_many(connection, network.id, [("10.0.0.3", False)])
        with pytest.raises(NotFound, match=r"10\.9\.9\.9 is in no network"):
            fixed_ips.find(connection, "10.9.9.9")

    def test_a_large_network_is_made_quickly(self, connection: sa.Connection) -> None:
        began = perf_counter()
        network = a_network(connection, "10.0.0.0/16")
        assert perf_counter() - began < 6
        assert networks.usage(connection)[network.id] == NetworkUsage(65536, 0, 0, 3)

    def test_an_allocation_looks_at_one_row_however_large_the_network(
        self, connection: sa.Connection
    ) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        explained: list[str] = []

        def explain(*event: object) -> None:
            statement, parameters = event[2:4]
            if str(statement).startswith("UPDATE fixed_ips"):
                cursor = connection.connection.cursor()
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                explained.extend(row[3] for row in cursor.fetchall())

        sa.event.listen(connection, "before_cursor_execute", explain)
        fixed_ips.allocate(connection, network, port.instance_uuid, port.id)
        assert "SEARCH fixed_ips USING INDEX ix_fixed_ips_free (network_id=?)" in explained
        assert not [line for line in explained if "SCAN" in line or "B-TREE" in line]

    def test_rolled_back_allocations_are_free_again(self, store: Store) -> None:
        with store.transaction() as connection:
            network = a_network(connection)
        with suppress(RuntimeError), store.transaction() as connection:
            fixed_ips.allocate(connection, network, "i", None)
            raise RuntimeError
        with store.reading() as connection:
            assert fixed_ips.associated(connection) == ()


def allocate_all(url: str, network: Network, name: str, ready: Barrier) -> None:
    """Allocate until the network is exhausted, one address a transaction."""
    store = Store(url)
    ready.wait(30)
    with suppress(Exhausted):
        while True:
            with store.transaction() as connection:
                fixed_ips.allocate(connection, network, name, None)


def test_eight_processes_get_every_address_once(store: Store, tmp_path: Path) -> None:
    with store.transaction() as connection:
        network = a_network(connection, "10.0.0.0/24")
        connection.exec_driver_sql("CREATE TABLE given (address TEXT, name TEXT)")
        connection.exec_driver_sql(
            "CREATE TRIGGER given AFTER UPDATE ON fixed_ips "
            "BEGIN INSERT INTO given VALUES (new.address, new.instance_uuid); END"
        )
    several = get_context("fork")
    ready = several.Barrier(8)
    url = f"sqlite:///{tmp_path}/netconsole.sqlite"
    workers = [
        several.Process(target=allocate_all, args=(url, network, f"i{number}", ready))
        for number in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 8
    with store.reading() as connection:
        given = connection.exec_driver_sql("SELECT address, name FROM given ORDER BY rowid").all()
        held = [(each.address, each.instance_uuid) for each in fixed_ips.associated(connection)]
    assert [tuple(each) for each in given] == held
    assert [address for address, _ in held] == [f"10.0.0.{last}" for last in range(2, 255)]
    assert len({name for _, name in held}) > 1


class TestInstances:
    def test_an_instance_comes_back_by_name_and_by_uuid(self, connection: sa.Connection) -> None:
        port = an_instance(connection, a_network(connection))
        instance = instances.find(connection, "web0")
        assert instance == instances.find(connection, "instance-0")
        assert instances.every(connection) == (instance,)
        assert instances.ports_of(connection, instance.uuid) == (port,)
        assert instances.every_port(connection) == (port,)

    def test_an_instance_goes_with_its_ports(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        an_instance(connection, network)
        other = an_instance(connection, network, 1)
        instances.delete(connection, instances.find(connection, "web0"))
        assert instances.every_port(connection) == (other,)
        with pytest.raises(NotFound, match="instance 'web0' does not exist"):
            instances.find(connection, "web0")
        an_instance(connection, network)

    @pytest.mark.parametrize("name", ["name", "uuid"])
    def test_a_taken_name_is_named(self, connection: sa.Connection, name: str) -> None:
        an_instance(connection, a_network(connection))
        taken = instances.find(connection, "web0")
        new = replace(Instance("new", "new", "demo", "host"), **{name: getattr(taken, name)})
        with pytest.raises(Conflict, match=f"{name} '{getattr(taken, name)}' is taken"):
            instances.insert(connection, new)

    @pytest.mark.parametrize("name", ["mac", "device", "uuid"])
    def test_a_taken_port_value_is_named(self, connection: sa.Connection, name: str) -> None:
        port = an_instance(connection, a_network(connection))
        new = replace(port, mac="fa:16:3e:ff:ff:ff", device="tapnew", uuid="new")
        with pytest.raises(Conflict, match=f"{name} '{getattr(port, name)}' is taken"):
            instances.insert_port(connection, replace(new, **{name: getattr(port, name)}))


class TestFloatingAddresses:
    def test_a_pool_comes_back_in_order_with_its_ids(self, connection: sa.Connection) -> None:
        made = floating_ips.insert_many(connection, map(floating, range(1200)))
        assert floating_ips.every(connection) == made
        assert [each.address for each in made] == [floating(n).address for n in range(1200)]
        assert floating_ips.insert_many(connection, []) == ()

    def test_an_overlap_is_refused_whole(self, connection: sa.Connection) -> None:
        made = floating_ips.insert_many(connection, map(floating, range(10, 20)))
        with pytest.raises(Conflict, match=r"203\.0\.0\.10 exists already"):
            floating_ips.insert_many(connection, map(floating, range(15)))
        assert floating_ips.every(connection) == made

    def test_association_and_its_end(self, connection: sa.Connection) -> None:
        first, second = floating_ips.insert_many(connection, [floating(1), floating(2)])
        network = a_network(connection)
        fixed = fixed_ips.allocate(connection, network, "i", None)
        other = fixed_ips.allocate(connection, network, "j", None)
        associated = floating_ips.associate(connection, first, fixed, "demo", "host")
        assert associated == replace(first, fixed_ip_id=fixed.id, project_id="demo", host="host")
        assert floating_ips.find(connection, first.address) == associated
        assert floating_ips.of_fixed_ip(connection, fixed.id) == (associated,)
        with pytest.raises(Conflict, match=f"{first.address} is associated already"):
            floating_ips.associate(connection, first, other, "other", "host")
        assert floating_ips.disassociate(connection, associated) == first
        assert floating_ips.every(connection) == (first, second)

    def test_only_the_named_are_deleted(self, connection: sa.Connection) -> None:
        made = floating_ips.insert_many(connection, map(floating, range(1200)))
        floating_ips.delete_many(connection, (each.address for each in made[1:]))
        assert floating_ips.every(connection) == made[:1]
        with pytest.raises(NotFound, match="does not exist"):
            floating_ips.find(connection, made[1].address)

    def test_a_network_cannot_go_from_under_a_floating_address(self, store: Store) -> None:
        with store.transaction() as connection:
            network = a_network(connection)
            fixed = fixed_ips.allocate(connection, network, "i", None)
            (made,) = floating_ips.insert_many(connection, [floating(1)])
            floating_ips.associate(connection, made, fixed, "demo", "host")
        with pytest.raises(Conflict), store.transaction() as connection:
            networks.delete(connection, network)


def test_the_first_value_of_a_kernel_setting_is_the_one_remembered(
    connection: sa.Connection,
) -> None:
    settings.remember_sysctl(connection, "host", "net.ipv4.ip_forward", "0")
    settings.remember_sysctl(connection, "host", "net.ipv4.ip_forward", "1")
    settings.remember_sysctl(connection, "other", "net.ipv4.ip_forward", "1")
    assert settings.former_sysctls(connection, "host") == {"net.ipv4.ip_forward": "0"}
    settings.forget_sysctls(connection, "host")
    assert settings.former_sysctls(connection, "host") == {}
    assert settings.former_sysctls(connection, "other") == {"net.ipv4.ip_forward": "1"}


def test_records_hold_what_is_in_use(connection: sa.Connection) -> None:
    network = a_network(connection)
    port = an_instance(connection, network)
    fixed = fixed_ips.allocate(connection, network, port.instance_uuid, port.id)
    made = floating_ips.insert_many(connection, [floating(1)])
    settings.remember_sysctl(connection, "host", "a", "0")
    settings.remember_sysctl(connection, "other", "b", "0")
    read = records(connection, "host")
    assert read.networks == (network,)
    assert read.instances == instances.every(connection)
    assert read.ports == (port,)
    assert read.fixed_ips == (fixed,)
    assert read.floating_ips == made
    assert read.former_sysctls == {"a": "0"}


def test_the_number_of_queries_does_not_grow_with_the_rows(connection: sa.Connection) -> None:
    network = a_network(connection, "10.0.0.0/24")
    executed: list[str] = []

    def note(*event: object) -> None:
        executed.append(str(event[2]))

    sa.event.listen(connection, "before_cursor_execute", note)

    def queries() -> int:
        executed.clear()
        records(connection, "host")
        networks.usage(connection)
        return len(executed)

    few = queries()
    for number in range(100):
        port = an_instance(connection, network, number)
        fixed_ips.allocate(connection, network, port.instance_uuid, port.id)
    floating_ips.insert_many(connection, map(floating, range(100)))
    assert queries() == few == 7


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=str)
def test_the_tables_are_ones_that_postgresql_can_make(table: sa.Table) -> None:
    dialect = postgresql.dialect()
    assert str(sa.schema.CreateTable(table).compile(dialect=dialect))
    for index in table.indexes:
        assert str(sa.schema.CreateIndex(index).compile(dialect=dialect))
