"""Guards of ports: which ranges they may send from, and who may be without."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import HOST, options
from store_samples import a_network

from netconsole.backend.changes.fixed import ReserveFixed
from netconsole.backend.changes.guards import (
    AllowAddress,
    DisallowAddress,
    GuardInstance,
    UnguardInstance,
)
from netconsole.backend.changes.instances import AddFixedIP, CreateInstance, DeleteInstance
from netconsole.backend.model.errors import Conflict, InvalidValue
from netconsole.backend.model.records import InstanceView
from netconsole.backend.store import allowed_addresses, networks, records, records_of_ports


def two_networks(connection: sa.Connection, name: str = "web1") -> InstanceView:
    """An instance with a port in each of two networks, one of them with IPv6."""
    first = a_network(connection)
    networks.update(connection, replace(first, cidr_v6="fd00::/64", gateway_v6="fd00::1"))
    a_network(connection, "10.0.1.0/29", 1)
    macs = ("fa:16:3e:00:00:01", "fa:16:3e:00:00:02")
    return CreateInstance(name, "demo", macs=macs).write(connection, options()).result


def allowed(view: InstanceView) -> list[list[str]]:
    """The ranges of each port."""
    return [[each.cidr for each in port.allowed_addresses] for port in view.ports]


def allow(connection: sa.Connection, cidr: str, network: str | None = None) -> list[list[str]]:
    return allowed(AllowAddress("web1", cidr, network).write(connection, options()).result)


def test_a_range_is_allowed_at_the_port_in_whose_network_it_lies(
    connection: sa.Connection,
) -> None:
    view = two_networks(connection)
    for address in ("10.0.0.5", "10.0.1.5"):
        ReserveFixed(address).write(connection, options())
    assert allow(connection, "10.0.1.5") == [[], ["10.0.1.5/32"]]
    assert allow(connection, "10.0.0.5/32") == [["10.0.0.5/32"], ["10.0.1.5/32"]]
    assert allow(connection, "FD00:0::99")[0][1:] == ["fd00::99/128"]
    with pytest.raises(Conflict, match="has ports in several networks"):
        allow(connection, "192.0.2.0/24")
    assert allow(connection, "192.0.2.0/24", "vmnet1")[1] == ["10.0.1.5/32", "192.0.2.0/24"]

    device = view.ports[1].port.device
    of_port = records_of_ports(connection, HOST, [device]).allowed_addresses
    assert [each.cidr for each in of_port] == ["10.0.1.5/32", "192.0.2.0/24"]

    left = DisallowAddress("web1", "10.0.1.5").write(connection, options())
    assert allowed(left.result)[1] == ["192.0.2.0/24"]
    assert [port.device for port in left.ports] == [device], "no other port is looked at"
    DeleteInstance("web1").write(connection, options())
    assert allowed_addresses.every(connection) == ()


@pytest.mark.parametrize(
    ("cidr", "words"),
    [
        ("ten", "must be an address or a range"),
        ("10.0.0.5/33", "must be an address or a range"),
        ("10.0.0.5/28", "has host bits set; meant 10.0.0.0/28"),
        ("0.0.0.0/0", "nearly all there are: `netconsole instance unguard NAME`"),
        ("128.0.0.0/1", "nearly all there are"),
        ("::/0", "nearly all there are"),
        ("127.0.0.1", "overlaps 127.0.0.0/8"),
        ("255.255.255.255", "overlaps 224.0.0.0/3"),
        ("224.0.0.18", "overlaps 224.0.0.0/3"),
        ("169.254.169.254", "overlaps 169.254.0.0/16"),
        ("::1", "overlaps ::/8"),
        ("::ffff:10.0.0.1", "overlaps ::/8"),
        ("ff02::12", "overlaps ff00::/8"),
        ("192.168.1.0/24", "holds 192.168.1.10, this host's own"),
        ("fe80::/64", "must be a single address in fe80::/10"),
        ("fd00::1:0/112", "must be a single address in fd00::/64"),
        ("fd00::f816:3eff:fe00:9", "a guest with the MAC address fa:16:3e:00:00:09 makes"),
    ],
)
def test_what_no_guest_may_send_from_is_refused(
    connection: sa.Connection, cidr: str, words: str
) -> None:
    two_networks(connection)
    with pytest.raises(InvalidValue, match=words):
        allow(connection, cidr, "vmnet0")
    assert allowed_addresses.every(connection) == ()


@pytest.mark.parametrize(
    ("cidr", "words"),
    [
        ("10.0.0.1", "10.0.0.1 is the gateway of network 'vmnet0'"),
        ("10.0.1.1", "10.0.1.1 is the gateway of network 'vmnet1'"),
        ("fd00::1", "fd00::1 is the IPv6 gateway of network 'vmnet0'"),
        ("10.0.0.0/31", "10.0.0.0 is the network address of network 'vmnet0'"),
        ("10.0.0.2/31", "10.0.0.2 is an address of the instance itself"),
        ("10.0.0.4/31", "10.0.0.4 may be given to another instance"),
        ("fe80::f816:3eff:fe00:3", "made of the MAC address of instance 'db1'"),
        ("fe80::fc16:3eff:fe00:3", "made of the MAC address of instance 'db1'"),
        ("fd00::f816:3eff:fe00:3", "made of the MAC address of instance 'db1'"),
    ],
)
def test_what_another_has_or_may_get_is_refused(
    connection: sa.Connection, cidr: str, words: str
) -> None:
    two_networks(connection)
    other = CreateInstance("db1", "demo", ("vmnet0",), macs=("fa:16:3e:00:00:03",))
    other.write(connection, options())
    with pytest.raises(Conflict, match=words):
        allow(connection, cidr, "vmnet0")
    assert allowed_addresses.every(connection) == ()


def test_who_is_not_guarded_is_told_and_stays_so(connection: sa.Connection) -> None:
    a_network(connection)
    a_network(connection, "10.0.1.0/29", 1)
    made = CreateInstance("vpn", "demo", ("vmnet0",), guarded=False).write(connection, options())
    assert [port.port.guarded for port in made.result.ports] == [False]
    told = ["instance 'vpn' has no guard: its guest can pass for any other"]
    assert [note.partition(";")[0] for note in made.notes] == told
    more = AddFixedIP("vpn", "vmnet1").write(connection, options()).result
    assert [port.port.guarded for port in more.ports] == [False, False]

    guarded = GuardInstance("vpn").write(connection, options())
    assert [port.port.guarded for port in guarded.result.ports] == [True, True]
    assert guarded.notes == ()
    again = UnguardInstance("vpn").write(connection, options())
    assert [note.partition(";")[0] for note in again.notes] == told
    assert [port.guarded for port in records(connection, HOST).ports] == [False, False]


def test_another_host_is_named_only_where_the_instance_runs_there(
    connection: sa.Connection,
) -> None:
    two_networks(connection)
    elsewhere = replace(options(), host="elsewhere")
    for there, said in ((options(), ""), (elsewhere, f"it runs on host {HOST}: ")):
        for verb in (UnguardInstance("web1"), GuardInstance("web1")):
            waits = verb.write(connection, there).waits
            assert (bool(waits), waits.startswith(said)) == (bool(said), True)
        assert GuardInstance("web1").write(connection, there).waits == "it was so already"
        waits = AllowAddress("web1", "192.0.2.0/24", "vmnet1").write(connection, there).waits
        assert (bool(waits), waits.startswith(said)) == (bool(said), True)
        DisallowAddress("web1", "192.0.2.0/24").write(connection, there)
    assert DeleteInstance("web1").write(connection, options()).waits == ""
