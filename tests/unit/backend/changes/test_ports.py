"""The MAC addresses of ports, and how many of them a bridge can have."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import HOST, options
from store_samples import a_network

from netconsole.backend.changes.instances import CreateInstance
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, Exhausted, InvalidValue
from netconsole.backend.model.records import Instance, InstanceView
from netconsole.backend.store import instances, tables


def create(connection: sa.Connection, settings: Options, name: str, *macs: str) -> InstanceView:
    change = CreateInstance(name, "demo", ("vmnet0",), macs=macs)
    return change.write(connection, settings).result


def test_a_port_has_the_mac_address_asked_for(connection: sa.Connection) -> None:
    a_network(connection)
    (port,) = create(connection, options(), "web1", "52-54-00-AB-00-01").ports
    assert port.port.mac == "52:54:00:ab:00:01"


@pytest.mark.parametrize(
    ("macs", "words"),
    [
        (("52:54:00:00:00",), "must be a MAC address"),
        (("00:00:00:00:00:00",), "must be a MAC address"),
        (("01:00:5e:00:00:01",), "its second digit must be even"),
        (("52:54:00:ab:00:01", "52:54:00:ab:00:02"), "one too many, the instance has 1 port"),
    ],
)
def test_what_is_no_mac_address_of_a_port_is_refused(
    connection: sa.Connection, macs: tuple[str, ...], words: str
) -> None:
    a_network(connection)
    with pytest.raises(InvalidValue, match=words):
        create(connection, options(), "web1", *macs)


@pytest.mark.parametrize("taken", ["52:54:00:ab:00:01", "fe:54:00:ab:00:01"])
def test_a_mac_address_is_had_once_on_either_end(connection: sa.Connection, taken: str) -> None:
    a_network(connection)
    create(connection, options(), "web1", "52:54:00:ab:00:01")
    with pytest.raises(Conflict, match="a port of instance 'web1' has it"):
        create(connection, options(), "web2", taken)


def test_a_bridge_that_is_full_is_said_before_the_kernel_says_it(connection: sa.Connection) -> None:
    network = a_network(connection)
    instances.insert(connection, Instance("crowd", "crowd", "demo", HOST, "crowd"))
    common = {"network_id": network.id, "instance_uuid": "crowd", "kind": "tap"}
    rows = [
        {"uuid": f"p{n}", "mac": f"fa:16:3e:00:{n >> 8:02x}:{n & 255:02x}", "device": f"tap{n}"}
        for n in range(1021)
    ]
    connection.execute(sa.insert(tables.ports), [common | row for row in rows])
    full = replace(options(), flat_interface="eth1")
    create(connection, full, "last")
    create(connection, replace(full, host="elsewhere"), "away")
    words = "bridge br100 .* has 1022 ports .* makes another network"
    with pytest.raises(Exhausted, match=words):
        create(connection, full, "web1")
