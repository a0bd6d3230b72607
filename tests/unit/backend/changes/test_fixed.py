"""Reserving fixed addresses and giving them back."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import options
from hypothesis import given
from hypothesis import strategies as st
from store_samples import a_network, an_instance

from netconsole.backend.changes.fixed import ReserveFixed, UnreserveFixed
from netconsole.backend.model.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.store import allocations, fixed_ips, tables
from netconsole.backend.store.views import fixed_ip_view, fixed_ip_views


def reserve(connection: sa.Connection, address: str) -> bool:
    return ReserveFixed(address).write(connection, options()).result.fixed_ip.reserved


def unreserve(connection: sa.Connection, address: str) -> bool:
    return UnreserveFixed(address).write(connection, options()).result.fixed_ip.reserved


def test_a_reserved_address_is_passed_over_until_it_is_given_back(
    connection: sa.Connection,
) -> None:
    network = a_network(connection)
    assert reserve(connection, "10.0.0.2") is True
    assert allocations.allocate(connection, network, "i", None).address == "10.0.0.3"
    assert unreserve(connection, "10.0.0.2") is False
    assert allocations.allocate(connection, network, "i", None).address == "10.0.0.2"


def test_an_address_given_back_keeps_its_place_in_the_queue(connection: sa.Connection) -> None:
    a_network(connection)
    before = fixed_ips.find(connection, "10.0.0.2")
    reserve(connection, "10.0.0.2")
    unreserve(connection, "10.0.0.2")
    assert fixed_ips.find(connection, "10.0.0.2") == before


def test_once_more_changes_nothing(connection: sa.Connection) -> None:
    a_network(connection)
    assert reserve(connection, "10.0.0.2") is True
    assert reserve(connection, "10.0.0.2") is True
    assert unreserve(connection, "10.0.0.2") is False
    assert unreserve(connection, "10.0.0.2") is False


def test_an_address_in_use_is_refused_with_its_user(connection: sa.Connection) -> None:
    network = a_network(connection)
    port = an_instance(connection, network)
    row = allocations.allocate(connection, network, port.instance_uuid, port.id)
    with pytest.raises(Conflict, match=r"10\.0\.0\.2 is in use by instance 'web0'"):
        reserve(connection, "10.0.0.2")
    allocations.allocate(connection, network, "deleted", None)
    with pytest.raises(Conflict, match=r"10\.0\.0\.3 is still leased to [^:]"):
        reserve(connection, "10.0.0.3")
    assert not fixed_ips.find(connection, row.address).reserved


def test_a_lease_and_a_host_keep_an_address_too(connection: sa.Connection) -> None:
    network = a_network(connection)
    fixed_ips.set_leased(connection, fixed_ips.find(connection, "10.0.0.2"), True)
    with pytest.raises(Conflict, match="still leased"):
        reserve(connection, "10.0.0.2")
    given_ = sa.update(tables.fixed_ips).where(tables.fixed_ips.c.address == "10.0.0.3")
    connection.execute(given_.values(host="compute7"))
    with pytest.raises(Conflict, match="belongs to host compute7"):
        reserve(connection, "10.0.0.3")
    assert network.label == fixed_ip_view(connection, "10.0.0.3").network.label


@pytest.mark.parametrize(
    ("address", "purpose"),
    [
        ("10.0.0.0", "network address"),
        ("10.0.0.1", "gateway"),
        ("10.0.0.7", "broadcast address"),
        ("10.0.0.5", "DHCP server"),
        ("10.0.0.6", "VPN address"),
    ],
)
def test_what_the_network_itself_needs_stays_reserved(
    connection: sa.Connection, address: str, purpose: str
) -> None:
    a_network(connection)
    needed = {"dhcp_server": "10.0.0.5", "vpn_private_address": "10.0.0.6"}
    connection.execute(sa.update(tables.networks).values(**needed))
    reserve(connection, address)
    with pytest.raises(Conflict, match=rf"{address} is the {purpose} of network 'vmnet0'"):
        unreserve(connection, address)
    assert fixed_ips.find(connection, address).reserved


def test_an_address_of_no_network_is_not_found(connection: sa.Connection) -> None:
    a_network(connection)
    for change in (ReserveFixed("192.0.2.1"), UnreserveFixed("192.0.2.1")):
        with pytest.raises(NotFound, match=r"address 192\.0\.2\.1 is in no network"):
            change.write(connection, options())


@given(st.text(max_size=40).filter(lambda text: text.count(".") != 3))
@pytest.mark.parametrize("kind", [ReserveFixed, UnreserveFixed])
def test_only_an_address_is_an_address(
    kind: type[ReserveFixed] | type[UnreserveFixed], address: str
) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as untouched, pytest.raises(InvalidValue, match="must be an IPv4"):
        kind(address).write(untouched, options())
    engine.dispose()


def test_every_address_is_listed_with_who_has_it(connection: sa.Connection) -> None:
    network = a_network(connection)
    other = a_network(connection, "10.0.1.0/29", 1)
    port = an_instance(connection, network)
    allocations.allocate(connection, network, port.instance_uuid, port.id)
    views = tuple(fixed_ip_views(connection, None))
    assert len(views) == 16
    assert {view.network for view in views} == {network, other}
    (held,) = (view for view in views if view.instance is not None)
    assert held.instance is not None
    assert (held.fixed_ip.address, held.instance.name, held.host) == ("10.0.0.2", "web0", "host")
    assert list(fixed_ip_views(connection, other)) == [v for v in views if v.network == other]
    of_a_host = replace(held, fixed_ip=replace(held.fixed_ip, host="compute7"))
    assert of_a_host.host == "compute7"
