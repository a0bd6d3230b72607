"""The other queries: what comes back, and what the store refuses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from store_samples import a_network, an_instance, floating

from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.records import FixedIP, FloatingIP, Instance, NetworkUsage
from netconsole.backend.store import (
    Store,
    allocations,
    fixed_ips,
    floating_ips,
    guest_data,
    instances,
    networks,
    reached,
    records,
    records_of_floating,
    records_of_leases,
    records_of_ports,
    security_groups,
    settings,
    tables,
)


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

    @pytest.mark.parametrize("name", ["label", "uuid", "vlan"])
    def test_taken_values_are_named(self, connection: sa.Connection, name: str) -> None:
        network = replace(a_network(connection), vlan=100)
        networks.update(connection, network)
        new = replace(network, label="new", uuid="new", vlan=101)
        with pytest.raises(Conflict, match=f"{name} '?{getattr(network, name)}'? is taken"):
            networks.insert(connection, replace(new, **{name: getattr(network, name)}))

    def test_networks_may_share_a_bridge_and_have_no_vlan(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        other = networks.insert(connection, replace(network, label="new", uuid="new"))
        assert networks.every(connection) == (network, other)

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
        allocations.allocate(connection, network, "a", None)
        taken = allocations.allocate(connection, network, "b", None)
        fixed_ips.set_leased(connection, taken, True)
        gone = allocations.allocate(connection, network, "c", None)
        fixed_ips.set_leased(connection, gone, True)
        fixed_ips.deallocate(connection, gone)
        assert networks.usage(connection) == {
            network.id: NetworkUsage(total=8, allocated=2, leased=2, reserved=3),
            empty.id: NetworkUsage(),
        }


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
        new = replace(Instance("new", "new", "demo", "host", "new"), **{name: getattr(taken, name)})
        with pytest.raises(Conflict, match=f"{name} '{getattr(taken, name)}' is taken"):
            instances.insert(connection, new)

    def test_capitals_make_no_other_name(self, connection: sa.Connection) -> None:
        an_instance(connection, a_network(connection))
        with pytest.raises(Conflict, match="instance 'WEB0': name 'web0' is taken"):
            instances.insert(connection, Instance("new", "WEB0", "demo", "host", "other"))

    def test_two_names_that_make_one_host_name_are_refused(self, connection: sa.Connection) -> None:
        an_instance(connection, a_network(connection))
        instances.insert(connection, Instance("1", "my_vm", "demo", "host", "my-vm"))
        with pytest.raises(Conflict, match="host name 'my-vm' is taken by instance 'my_vm'"):
            instances.insert(connection, Instance("2", "my vm", "demo", "host", "my-vm"))

    def test_an_instance_is_found_by_its_host_name_too(self, connection: sa.Connection) -> None:
        instances.insert(connection, Instance("1", "my_vm", "demo", "host", "my-vm"))
        instances.insert(connection, Instance("2", "My-VM2", "demo", "host", "my_vm"))
        assert instances.find(connection, "my-vm").uuid == "1"
        assert instances.find(connection, "my_vm").uuid == "1"  # a name comes first

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
        fixed = allocations.allocate(connection, network, "i", None)
        other = allocations.allocate(connection, network, "j", None)
        associated = floating_ips.associate(connection, first, fixed, "host")
        assert associated == replace(first, fixed_ip_id=fixed.id, host="host")
        assert floating_ips.find(connection, first.address) == associated
        assert floating_ips.of_fixed_ip(connection, fixed.id) == (associated,)
        with pytest.raises(Conflict, match=f"{first.address} is associated already"):
            floating_ips.associate(connection, first, other, "host")
        assert floating_ips.disassociate(connection, associated) == first
        assert floating_ips.every(connection) == (first, second)

    def test_the_order_of_association_outlives_a_clock_set_back(
        self, connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network = a_network(connection)
        fixed = allocations.allocate(connection, network, "i", None)
        rows = floating_ips.insert_many(connection, map(floating, range(1, 4)))
        past = datetime(2001, 1, 1, tzinfo=UTC)
        monkeypatch.setattr("netconsole.backend.store.floating_ips.now", lambda: past)
        for number in (2, 0, 1):
            floating_ips.associate(connection, rows[number], fixed, "host")
        found = floating_ips.as_associated(connection)
        assert [row.address for row in found] == ["203.0.0.3", "203.0.0.1", "203.0.0.2"]

    def test_only_the_named_are_deleted(self, connection: sa.Connection) -> None:
        made = floating_ips.insert_many(connection, map(floating, range(1200)))
        floating_ips.delete_many(connection, (each.address for each in made[1:]))
        assert floating_ips.every(connection) == made[:1]
        with pytest.raises(NotFound, match="does not exist"):
            floating_ips.find(connection, made[1].address)

    def test_a_network_cannot_go_from_under_a_floating_address(self, store: Store) -> None:
        with store.transaction() as connection:
            network = a_network(connection)
            fixed = allocations.allocate(connection, network, "i", None)
            (made,) = floating_ips.insert_many(connection, [floating(1)])
            floating_ips.associate(connection, made, fixed, "host")
        with pytest.raises(Conflict), store.transaction() as connection:
            networks.delete(connection, network)


def test_the_first_value_of_a_kernel_setting_is_the_one_remembered(
    connection: sa.Connection,
) -> None:
    settings.remember_sysctl(connection, "host", "net.ipv4.ip_forward", "0")
    settings.remember_sysctl(connection, "host", "net.ipv4.ip_forward", "1")
    settings.remember_sysctl(connection, "other", "net.ipv4.ip_forward", "1")
    assert settings.former_sysctls(connection, "host") == {"net.ipv4.ip_forward": "0"}
    settings.forget_sysctls(connection, "host", ["net.ipv4.ip_forward"])
    assert settings.former_sysctls(connection, "host") == {}
    assert settings.former_sysctls(connection, "other") == {"net.ipv4.ip_forward": "1"}


def test_records_hold_what_is_in_use(connection: sa.Connection) -> None:
    network = a_network(connection)
    port = an_instance(connection, network)
    fixed = allocations.allocate(connection, network, port.instance_uuid, port.id)
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


def test_of_one_floating_address_little_is_read_and_enough(connection: sa.Connection) -> None:
    near, far = a_network(connection), a_network(connection, "10.0.1.0/29", 1)
    ports = [an_instance(connection, near, number) for number in range(3)]
    an_instance(connection, far, 3)
    rows = [allocations.allocate(connection, near, port.instance_uuid, port.id) for port in ports]
    made = floating_ips.insert_many(connection, map(floating, range(3)))
    given = floating_ips.associate(connection, made[2], rows[2], "host")
    floating_ips.associate(connection, made[1], rows[1], "host")
    read = records_of_floating(connection, "host", given.address)
    assert (read.networks, read.fixed_ips) == ((near, far), (rows[2],))
    assert read.floating_ips == (given,)
    assert {port.network_id for port in read.ports} == {near.id, far.id}
    assert len(read.ports) == 2
    assert {one.uuid for one in read.instances} == {
        ports[2].instance_uuid,
        *(port.instance_uuid for port in read.ports),
    }
    idle = records_of_floating(connection, "host", made[0].address)
    assert (idle.fixed_ips, idle.floating_ips) == ((), made[:1])
    both = records_of_floating(connection, "host", made[1].address, given.address)
    assert [row.address for row in both.floating_ips] == [given.address, made[1].address]
    assert {row.id for row in both.fixed_ips} == {rows[1].id, rows[2].id}
    with pytest.raises(NotFound):
        records_of_floating(connection, "host", given.address, "192.0.2.1")


def test_a_port_of_this_host_tells_that_it_serves_a_network(connection: sa.Connection) -> None:
    network = a_network(connection, "10.0.0.0/24")
    for number in range(3):
        an_instance(connection, network, number)
    connection.execute(
        sa.update(tables.instances)
        .where(tables.instances.c.name != "web2")
        .values(host="elsewhere")
    )
    (given,) = floating_ips.insert_many(connection, [floating(1)])
    for host, found in (("host", 3), ("elsewhere", 1), ("a third", 1)):
        (port,) = records_of_floating(connection, host, given.address).ports
        assert port.id == found


def test_what_is_read_for_some_ports_is_what_they_are_about(connection: sa.Connection) -> None:
    """And of each network one port, of this host if there is any."""
    near, far = a_network(connection, "10.0.0.0/24"), a_network(connection, "10.0.1.0/24", 1)
    ports = [an_instance(connection, near if n < 4 else far, n) for n in range(6)]
    rows = [
        allocations.allocate(connection, near if n < 4 else far, port.instance_uuid, port.id)
        for n, port in enumerate(ports)
    ]
    read = records_of_ports(connection, "host", [ports[2].device, "tap-of-none"])
    assert (read.networks, read.fixed_ips, read.floating_ips) == ((near, far), (rows[2],), ())
    assert read.ports == (ports[0], ports[2], ports[4])
    assert {one.uuid for one in read.instances} == {port.instance_uuid for port in read.ports}
    assert records_of_ports(connection, "host", ()).fixed_ips == ()


def test_which_addresses_wait_for_their_leases_and_whose_leases_they_are(
    connection: sa.Connection,
) -> None:
    network, far = a_network(connection), a_network(connection, "10.0.1.0/29", 1)
    ports = [an_instance(connection, network, number) for number in range(3)]
    rows = [
        allocations.allocate(connection, network, port.instance_uuid, port.id) for port in ports
    ]
    for row in rows[:2]:
        fixed_ips.set_leased(connection, row, True)
    for row in rows[1:]:
        fixed_ips.deallocate(connection, row)
    instances.delete(connection, instances.find(connection, "web1"))

    (waits,) = fixed_ips.waiting(connection)
    assert waits.address == rows[1].address
    read = records_of_leases(connection, (waits, rows[0]))
    assert (read.networks, read.fixed_ips) == ((network, far), (waits, rows[0]))
    assert [one.name for one in read.instances] == ["web0"]


@pytest.mark.parametrize(("host", "numbers"), [(None, [0, 1, 2]), ("host", [0, 2]), ("x", [])])
def test_the_macs_that_get_addresses_are_those_of_a_hosts_ports(
    connection: sa.Connection, host: str | None, numbers: list[int]
) -> None:
    network, far = a_network(connection), a_network(connection, "10.0.1.0/29", 1)
    ports = [an_instance(connection, network, number) for number in range(4)]
    for port in ports[:3]:
        allocations.allocate(connection, network, port.instance_uuid, port.id)
    of_web1 = tables.instances.c.name == "web1"
    connection.execute(sa.update(tables.instances).where(of_web1).values(host="elsewhere"))

    found = fixed_ips.macs_served(connection, network.id, host)
    assert sorted(found) == [ports[number].mac for number in numbers]
    assert fixed_ips.macs_served(connection, far.id, host) == ()
    assert instances.has_ports(connection, network.id, host) is bool(numbers)
    assert not instances.has_ports(connection, far.id, host)


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
        allocations.allocate(connection, network, port.instance_uuid, port.id)
    floating_ips.insert_many(connection, map(floating, range(100)))
    assert queries() == few == 29


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=str)
def test_the_tables_are_ones_that_postgresql_can_make(table: sa.Table) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy left it out
    assert str(sa.schema.CreateTable(table).compile(dialect=dialect))
    for index in table.indexes:
        assert str(sa.schema.CreateIndex(index).compile(dialect=dialect))


class TestWhatEachChangeLooksFor:
    """Is found by an index: none of it costs more the more instances and addresses there are."""

    @pytest.mark.parametrize(
        "ask",
        [
            lambda connection: instances.find(connection, "web0"),
            lambda connection: instances.insert(
                connection, Instance("new", "new", "demo", "host", "new")
            ),
            lambda connection: instances.sample_ports(connection, "host"),
            lambda connection: instances.sample_ports(connection, "another"),
            lambda connection: floating_ips.since(connection, 7),
            lambda connection: fixed_ips.waiting(connection),
            lambda connection: floating_ips.associate(
                connection, *an_address_and_a_guest(connection), "host"
            ),
        ],
        ids=[
            "instance",
            "name",
            "ports-here",
            "ports-elsewhere",
            "since",
            "waiting",
            "association",
        ],
    )
    def test_is_found_by_an_index(
        self, connection: sa.Connection, ask: Callable[[sa.Connection], object]
    ) -> None:
        an_instance(connection, a_network(connection))
        floating_ips.insert_many(connection, (floating(number) for number in range(2)))
        with asked_of(connection) as asked:
            ask(connection)
        cursor = connection.connection.cursor()
        for words, given in asked:
            found = cursor.execute(f"EXPLAIN QUERY PLAN {words}", given).fetchall()
            looks = {detail.split()[1] for *_, detail in found if detail.startswith("SCAN")}
            assert looks <= {"networks", "CONSTANT"}, words

    def test_a_hosts_ports_are_counted_by_its_instances(self, connection: sa.Connection) -> None:
        network, far = a_network(connection), a_network(connection, "10.0.1.0/29", 1)
        for number in range(3):
            an_instance(connection, (far, network, network)[number], number)
        with asked_of(connection) as asked:
            assert instances.count_ports(connection, [network.id], "host") == 2
            assert instances.count_ports(connection, [network.id, far.id], "host") == 3
            assert instances.count_ports(connection, [network.id], "another") == 0
        for words, given in asked:
            plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {words}", given)
            looks = " ".join(detail for *_, detail in plan.fetchall())
            assert "ix_instances_host" in looks
            assert "ix_ports_network_id" not in looks


def test_what_is_asked_for_each_guest_is_put_together_once(connection: sa.Connection) -> None:
    instance = an_instance(connection, a_network(connection)).instance_uuid
    executed: list[object] = []

    def note(_: object, statement: object, *rest: object) -> None:
        executed.append(statement)

    def ask() -> list[object]:
        executed.clear()
        found = instances.find(connection, instance)
        guest_data.of_instance(connection, found)
        records_of_ports(connection, "host", ["tap0"])
        reached.of_host(connection, "host")
        reached.in_groups(connection, "host", found.id)
        security_groups.named(connection, "demo", "default")
        security_groups.of_project(connection, "demo")
        return list(executed)

    sa.event.listen(connection, "before_execute", note)
    first, second = ask(), ask()
    assert [id(each) for each in first] == [id(each) for each in second]
    assert len(first) == 24


@contextmanager
def asked_of(connection: sa.Connection) -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    """Give what is asked of the database meanwhile."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(_: object, __: object, words: str, given: tuple[object, ...], *rest: object) -> None:
        asked.append((words, given))

    sa.event.listen(connection, "before_cursor_execute", note)
    yield asked
    sa.event.remove(connection, "before_cursor_execute", note)


def an_address_and_a_guest(connection: sa.Connection) -> tuple[FloatingIP, FixedIP]:
    (network,) = networks.every(connection)
    idle = floating_ips.find(connection, floating(0).address)
    return idle, allocations.allocate(connection, network, "instance-0", None)
