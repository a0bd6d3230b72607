"""A row that nobody could have made is told by its table, key and value, in one line."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection
from store_samples import a_network, an_instance, floating

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.records import DnsDomain, DnsEntry, FixedIP
from netconsole.backend.store import (
    Store,
    allocations,
    dns,
    fixed_ips,
    floating_ips,
    instances,
    views,
)
from netconsole.backend.store.snapshot import records, records_of_floating

DAMAGE = {
    "a range that is none": ("UPDATE networks SET cidr = 'x'", "networks, .*cidr cannot be 'x'"),
    "an address of no kind": (
        "UPDATE networks SET dhcp_server = '10.0.0.999'",
        "dhcp_server cannot be '10.0.0.999'",
    ),
    "bytes for a text": ("UPDATE networks SET label = x'ff'", "label cannot be"),
    "a text that is no UTF-8": (
        "UPDATE networks SET label = CAST(x'ff41' AS TEXT)",
        "Could not decode to UTF-8",
    ),
    "a kind that there is not": ("UPDATE ports SET kind = 'nope'", "ports, .*kind cannot be"),
    "a text for a number": ("UPDATE networks SET vlan = 'many'", "vlan cannot be 'many'"),
    "a time that is none": (
        "UPDATE fixed_ips SET allocated = 1, port_id = 1, updated_at = 'never'",
        "fixed_ips",
    ),
    "a name with a line break": ("UPDATE ports SET device = 'a' || char(10)", "device cannot be"),
    "two addresses in one": (
        "UPDATE fixed_ips SET address = '10.0.0.6' || char(10) || '10.0.0.7' WHERE id = 7",
        r"fixed_ips, row with id 7: address cannot be .10\.0\.0\.6.+10\.0\.0\.7",
    ),
    "a network that is not there": (
        "UPDATE ports SET network_id = 77",
        "ports, row with id 1: network_id 77 ",
    ),
    "an instance that is not there": (
        "UPDATE instances SET uuid = 'x'",
        "ports, row with id 1: instance_uuid 'instance-0' ",
    ),
    "a fixed address that is not there": (
        "UPDATE floating_ips SET fixed_ip_id = 9999",
        "floating_ips, row with id 1: fixed_ip_id 9999 ",
    ),
    "a fixed address that no instance has": (
        "UPDATE fixed_ips SET allocated = 0, instance_uuid = NULL",
        "floating_ips, row with id 1: fixed_ip_id 3 ",
    ),
    "networks that are not there": (
        "UPDATE fixed_ips SET network_id = 77",
        r"fixed_ips, row with id \d: network_id 77 ",
    ),
    "a network that is not there, of a free address": (
        "UPDATE fixed_ips SET network_id = 77 WHERE NOT allocated",
        r"fixed_ips, row with id \d: network_id 77 ",
    ),
    "a port that is not there": ("DELETE FROM ports", "fixed_ips, row with id 3: port_id 1 "),
    "a floating address that is not there": (
        "UPDATE dns_entries SET address = '192.0.2.1'",
        "dns_entries, row with id 1: address '192.0.2.1' ",
    ),
    "a domain that is not there": (
        "DELETE FROM dns_domains",
        "dns_entries, row with id 1: domain 'example.org' ",
    ),
    "a table that is gone": ("DROP TABLE fixed_ips", "no such table"),
    "a column that is gone": ("ALTER TABLE networks DROP COLUMN mtu", "no such column"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_row_is_told_in_one_line(
    store: Store, path: Path, damage: str, words: str
) -> None:
    with store.transaction() as connection:
        fill(connection)
    with sqlite3.connect(path) as other:
        other.execute(damage)
    other.close()

    with pytest.raises(Unavailable, match=rf"is damaged: .*{words}") as told:
        read_all(store)

    assert str(path) in str(told.value)
    assert str(told.value).isprintable()


NARROW = {
    "its fixed address": "UPDATE floating_ips SET fixed_ip_id = 9999",
    "the network of that": "UPDATE fixed_ips SET network_id = 77",
    "the instance of that": "DELETE FROM instances",
}


@pytest.mark.parametrize("damage", NARROW.values(), ids=NARROW.keys())
def test_one_floating_address_is_not_taken_for_free(store: Store, path: Path, damage: str) -> None:
    with store.transaction() as connection:
        fill(connection)
    with sqlite3.connect(path) as other:
        other.execute(damage)
    other.close()

    with pytest.raises(Unavailable, match=r"is damaged: .* is not in table"):
        read_narrow(store)


def test_what_may_be_gone_is_no_damage(store: Store) -> None:
    """An address waits for the end of its lease, its instance and its port are gone."""
    with store.transaction() as connection:
        fixed_ip = fill(connection)
        floating_ips.disassociate(connection, floating_ips.find(connection, FLOATING))
        fixed_ips.set_leased(connection, fixed_ip, leased=True)
        fixed_ips.deallocate(connection, fixed_ip)
        instances.delete(connection, instances.find(connection, "web0"))

    read_all(store)
    read_narrow(store)


FLOATING = "203.0.0.1"


def fill(connection: Connection) -> FixedIP:
    """Write a row of each kind, and return the instance's address."""
    network = a_network(connection)
    port = an_instance(connection, network)
    fixed_ip = allocations.allocate(connection, network, port.instance_uuid, port.id)
    (made,) = floating_ips.insert_many(connection, (floating(1),))
    floating_ips.associate(connection, made, fixed_ip, "host")
    dns.insert_domain(connection, DnsDomain("example.org", "public"))
    dns.put(connection, DnsEntry(0, "www", "example.org", FLOATING))
    return fixed_ip


def read_narrow(store: Store) -> None:
    with store.reading() as connection:
        records_of_floating(connection, "host", FLOATING)


def read_all(store: Store) -> None:
    with store.reading() as connection:
        records(connection, "host")
        list(views.fixed_ip_views(connection, None))
        for each in instances.every(connection):
            views.instance_view(connection, each)
