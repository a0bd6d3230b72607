"""Fixed addresses: who gets which, and when it is free again."""

from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from store_samples import a_network, an_instance

from netconsole.backend.model.errors import Conflict, Exhausted, NotFound
from netconsole.backend.model.records import FixedIP, Network, NetworkUsage
from netconsole.backend.store import Store, allocations, fixed_ips, instances, networks, tables


class TestFixedAddresses:
    def test_the_lowest_free_address_first_never_a_reserved_one(
        self, connection: sa.Connection
    ) -> None:
        network = a_network(connection)
        given = [allocations.allocate(connection, network, f"i{n}", None).address for n in range(5)]
        assert given == [f"10.0.0.{last}" for last in range(2, 7)]
        with pytest.raises(Exhausted, match=r"'vmnet0' has no free address left in 10\.0\.0\.0/29"):
            allocations.allocate(connection, network, "one more", None)

    def test_the_longest_free_is_given_first(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        held = {
            number: allocations.allocate(connection, network, f"i{number}", None)
            for number in range(2, 7)
        }
        for number in (5, 2, 6):
            fixed_ips.disassociate(connection, held[number])
        again = [allocations.allocate(connection, network, "new", None).address for _ in range(3)]
        assert again == ["10.0.0.5", "10.0.0.2", "10.0.0.6"]

    def test_a_never_used_address_goes_before_a_freed_one(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        fixed_ips.disassociate(connection, allocations.allocate(connection, network, "i", None))
        assert allocations.allocate(connection, network, "j", None).address == "10.0.0.3"

    def test_an_address_takes_its_ports_mac_along(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        given = allocations.allocate(connection, network, port.instance_uuid, port.id)
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
        given = allocations.allocate(connection, network, port.instance_uuid, port.id, "10.0.0.4")
        fixed_ips.set_leased(connection, given, True)
        fixed_ips.deallocate(connection, given)
        instances.delete(connection, instances.find(connection, "web0"))

        (left,) = fixed_ips.associated(connection)
        assert (left.allocated, left.leased) == (False, True)
        assert (left.instance_uuid, left.mac) == (port.instance_uuid, port.mac)
        with pytest.raises(Conflict, match="still leased to "):
            allocations.allocate(connection, network, "new", None, "10.0.0.4")

        fixed_ips.disassociate(connection, left)
        assert fixed_ips.associated(connection) == ()
        freed = fixed_ips.find(connection, "10.0.0.4")
        assert (freed.leased, freed.instance_uuid, freed.mac) == (False, None, None)
        assert allocations.allocate(connection, network, "new", None, "10.0.0.4").allocated

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
        given = allocations.allocate(connection, network, port.instance_uuid, port.id, "10.0.0.5")
        assert given.address == "10.0.0.5"

        def asking(network: Network, address: str) -> Callable[[], FixedIP]:
            return lambda: allocations.allocate(connection, network, "new", None, address)

        refused = {
            asking(network, "10.0.0.5"): (Conflict, "in use by instance 'web0'"),
            asking(network, "10.0.0.1"): (Conflict, "10.0.0.1 is the gateway of network 'vmnet0'"),
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
        assert allocations.allocate(connection, network, "i", None).address == "10.0.0.3"
        with pytest.raises(Conflict, match="still leased to "):
            allocations.allocate(connection, network, "i", None, "10.0.0.2")

    def test_an_address_that_a_host_has_taken_is_not_given(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        by_address = tables.fixed_ips.c.address == "10.0.0.2"
        connection.execute(sa.update(tables.fixed_ips).where(by_address).values(host="node7"))
        assert allocations.allocate(connection, network, "i", None).address == "10.0.0.3"
        with pytest.raises(Conflict, match=r"10\.0\.0\.2 belongs to host node7"):
            allocations.allocate(connection, network, "i", None, "10.0.0.2")

    def test_a_renewed_lease_changes_nothing(self, connection: sa.Connection) -> None:
        network = a_network(connection)
        given = allocations.allocate(connection, network, "i", None)
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

    def test_a_large_network_can_be_made(self, connection: sa.Connection) -> None:
        network = a_network(connection, "10.0.0.0/16")
        assert networks.usage(connection)[network.id] == NetworkUsage(65536, 0, 0, 3)

    def test_an_allocation_looks_at_one_row_however_large_the_network(
        self, connection: sa.Connection
    ) -> None:
        network = a_network(connection)
        port = an_instance(connection, network)
        explained: list[str] = []

        def explain(*event: Any) -> None:
            statement, parameters = event[2:4]
            if str(statement).startswith("UPDATE fixed_ips"):
                cursor = connection.connection.cursor()
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                explained.extend(row[3] for row in cursor.fetchall())

        sa.event.listen(connection, "before_cursor_execute", explain)
        allocations.allocate(connection, network, port.instance_uuid, port.id)
        assert "SEARCH fixed_ips USING INDEX ix_fixed_ips_free (network_id=?)" in explained
        assert not [line for line in explained if "SCAN" in line or "B-TREE" in line]

    def test_rolled_back_allocations_are_free_again(self, store: Store) -> None:
        with store.transaction() as connection:
            network = a_network(connection)
        with suppress(RuntimeError), store.transaction() as connection:
            allocations.allocate(connection, network, "i", None)
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
                allocations.allocate(connection, network, name, None)


def test_eight_processes_get_every_address_once(store: Store, path: Path) -> None:
    with store.transaction() as connection:
        network = a_network(connection, "10.0.0.0/24")
        connection.exec_driver_sql("CREATE TABLE given (address TEXT, name TEXT)")
        connection.exec_driver_sql(
            "CREATE TRIGGER given AFTER UPDATE ON fixed_ips "
            "BEGIN INSERT INTO given VALUES (new.address, new.instance_uuid); END"
        )
    several = get_context("fork")
    ready = several.Barrier(8)
    url = f"sqlite:///{path}"
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
