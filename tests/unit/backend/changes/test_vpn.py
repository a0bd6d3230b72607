"""The instance of a project's VPN: which address it gets, and what stands in its way."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import options as usual_options

from netconsole.backend.changes.fixed import ReserveFixed
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.changes.vpn import CreateVpn
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, Exhausted, InvalidValue
from netconsole.backend.model.records import InstanceView
from netconsole.backend.store import fixed_ips, networks, tables
from netconsole.backend.store.views import vpn_views

OPTIONS = replace(
    usual_options(),
    network_manager="nova.network.manager.VlanManager",
    vlan_interface="eth1",
    vpn_ip="192.168.1.10",
)


@pytest.fixture
def kept(connection: sa.Connection) -> str:
    """The address that a new network of nobody keeps for a VPN."""
    change = CreateNetwork("vmnet", "10.0.0.0/28", vlan=200)
    (network,) = change.write(connection, OPTIONS).result
    assert network.vpn_private_address is not None
    return network.vpn_private_address


def create(connection: sa.Connection, project: str, options: Options = OPTIONS) -> InstanceView:
    return CreateVpn(project).write(connection, options).result


def test_it_has_the_address_that_its_network_keeps(connection: sa.Connection, kept: str) -> None:
    made = create(connection, "demo")
    assert (made.instance.name, made.instance.project_id) == ("demo-vpn", "demo")
    assert [row.address for port in made.ports for row in port.fixed_ips] == [kept]
    assert networks.find(connection, "vmnet").project_id == "demo", "it was given a network"
    assert [port.port.guarded for port in made.ports] == [False], "others send by it"
    (view,) = vpn_views(connection)
    assert view.instance == made.instance
    other = CreateInstance("web1", "demo").write(connection, OPTIONS).result
    assert other.ports[0].fixed_ips[0].address != kept


def test_once_more_is_the_same_and_after_it_is_gone_it_can_be_made_anew(
    connection: sa.Connection, kept: str
) -> None:
    first = create(connection, "demo")
    assert create(connection, "demo") == first
    DeleteInstance("demo-vpn").write(connection, OPTIONS)
    assert vpn_views(connection)[0].instance is None
    assert fixed_ips.find(connection, kept).reserved, "no other instance gets it"
    with pytest.raises(Conflict, match=f"address {kept} is the VPN address of"):
        CreateInstance("web1", "demo", fixed_addresses=(kept,)).write(connection, OPTIONS)
    assert create(connection, "demo").instance != first.instance


def test_a_lease_and_another_reservation_are_no_way_around(
    connection: sa.Connection, kept: str
) -> None:
    create(connection, "demo")
    fixed_ips.set_leased(connection, fixed_ips.find(connection, kept), True)
    instance = CreateInstance("web1", "demo").write(connection, OPTIONS).result
    DeleteInstance("demo-vpn").write(connection, OPTIONS)
    with pytest.raises(Conflict, match=f"address {kept} is still leased to [^:]"):
        create(connection, "demo")
    ReserveFixed("10.0.0.9").write(connection, OPTIONS)
    assert instance.ports[0].fixed_ips[0].address != "10.0.0.9"
    assert vpn_views(connection)[0].instance is None


def test_a_name_that_is_none_of_the_dns_is_made_one(connection: sa.Connection, kept: str) -> None:
    made = create(connection, "my project_b").instance
    assert (made.name, made.hostname) == ("my project_b-vpn", "my-project-b-vpn")


def test_what_stands_in_its_way_is_said(connection: sa.Connection, kept: str) -> None:
    with pytest.raises(InvalidValue, match="project ' b'"):
        create(connection, " b")
    with pytest.raises(InvalidValue, match="instance name ' b'"):
        CreateVpn("demo", " b").write(connection, OPTIONS)
    with pytest.raises(Conflict, match="gives no networks to projects"):
        create(connection, "demo", usual_options())
    assert networks.find(connection, "vmnet").project_id is None
    create(connection, "demo")
    with pytest.raises(Exhausted, match="no network is left for project 'other'"):
        create(connection, "other")
    DeleteInstance("demo-vpn").write(connection, OPTIONS)
    connection.execute(sa.update(tables.networks).values(vpn_private_address=None))
    with pytest.raises(Conflict, match="network 'vmnet' keeps no address for a VPN"):
        create(connection, "demo")
