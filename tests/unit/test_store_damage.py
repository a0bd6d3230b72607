"""A row that nobody could have made is told by its table, key and value, in one line."""

import sqlite3
from pathlib import Path

import pytest
from store_samples import a_network, an_instance

from netconsole.backend.errors import Unavailable
from netconsole.backend.store import Store, instances, views
from netconsole.backend.store.snapshot import records

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
    "a network that is not there": ("UPDATE ports SET network_id = 77", "ports, row 1: .*networks"),
    "a table that is gone": ("DROP TABLE fixed_ips", "no such table"),
    "a column that is gone": ("ALTER TABLE networks DROP COLUMN mtu", "no such column"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_row_is_told_in_one_line(
    store: Store, path: Path, damage: str, words: str
) -> None:
    with store.transaction() as connection:
        an_instance(connection, a_network(connection))
    with sqlite3.connect(path) as other:
        other.execute(damage)
    other.close()

    with pytest.raises(Unavailable, match=rf"is damaged: .*{words}") as told:
        read_all(store)

    assert str(path) in str(told.value)
    assert str(told.value).isprintable()


def read_all(store: Store) -> None:
    with store.reading() as connection:
        records(connection, "host")
        list(views.fixed_ip_views(connection, None))
        for each in instances.every(connection):
            views.instance_view(connection, each)
