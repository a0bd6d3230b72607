"""Reading through the service: whatever the host is like, there is a picture of it."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from core_samples import network

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict
from netconsole.backend.service.service import Service
from netconsole.backend.store import Store, networks

pytestmark = pytest.mark.requires("ip")


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(
        host="testhost",
        state_path=str(tmp_path),
        networks_path=f"{tmp_path}/networks",
        connection=f"sqlite:///{tmp_path}/netconsole.sqlite",
    )


@pytest.fixture
def service(options: Options) -> Service:
    """Of a network whose bridge is to be called as the loopback interface already is."""
    with closing(Store(options.connection)) as store, store.transaction() as connection:
        networks.insert(connection, replace(network(bridge="lo"), host="testhost"))
    return Service(options, read_only=True)


def test_what_stands_in_the_way_does_not_hide_the_rest(service: Service) -> None:
    told = service.status()

    (obstacle,) = told.host.obstacles
    assert "'lo' is wanted as a bridge" in obstacle
    assert told.host.wanted_unknown is None
    assert [(each.label, each.state, each.bridge_state) for each in told.networks] == [
        ("vmnet", "drift", "up")
    ]


def test_the_plan_is_without_what_cannot_be_had(service: Service) -> None:
    seen = service.planned()
    assert [each.link for each in seen.obstacles] == ["lo"]
    assert [c for c in seen.plan.commands if "lo" in c.split()] == []


VLAN = "nova.network.manager.VlanManager"


def test_networks_of_another_manager_are_not_planned_away(
    options: Options, service: Service
) -> None:
    """Under the VLAN manager, a network without a VLAN would have nothing on its host."""
    other = Service(replace(options, network_manager=VLAN), read_only=True)
    told = other.status()
    words = "network 'vmnet' has no VLAN, so that it is of nova.network.manager.FlatManager or"
    assert words in told.host.unreadable["plan"]
    assert (told.drift, told.networks[0].state) == ((), "unknown")
    assert told.host.wanted_unknown == told.host.unreadable["plan"]
    with pytest.raises(Conflict, match="set network_manager = nova"):
        other.plan()


def test_without_a_store_there_is_a_picture_of_the_host(options: Options, tmp_path: Path) -> None:
    (tmp_path / "netconsole.sqlite").write_text("not a database, whatever it is called\n" * 100)
    told = Service(options, read_only=True).status()

    assert "store" in told.host.unreadable
    assert told.networks == ()
    assert told.drift == ()
