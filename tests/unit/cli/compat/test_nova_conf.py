"""A nova.conf of an existing installation is a configuration of ours."""

from pathlib import Path

import pytest
from nova_conf import NOVA_CONF

from netconsole.backend.configuration.loading import load


def written(directory: Path, text: str) -> str:
    path = directory / "nova.conf"
    path.write_text(text)
    return str(path)


def test_it_counts_sixty_options_and_more() -> None:
    assert sum(" =" in line for line in NOVA_CONF.splitlines()) >= 60


def test_a_nova_conf_of_an_existing_installation(tmp_path: Path) -> None:
    options = load(written(tmp_path, NOVA_CONF))
    assert options.state_path == "/var/lib/nova"
    assert options.networks_path == "/var/lib/nova/networks"
    assert options.network_manager == "nova.network.manager.FlatDHCPManager"
    assert (options.network_size, options.multi_host) == (254, False)
    assert (options.flat_network_bridge, options.public_interface) == ("br100", "eth0")
    assert options.my_ip == options.metadata_host == options.routing_source_ip == "203.0.113.2"
    assert options.dns_server == ("8.8.8.8", "8.8.4.4")
    assert options.dmz_cidr == ("10.128.0.0/24", "203.0.113.128/28")
    assert (options.dhcp_lease_time, options.dhcp_domain) == (120, "novalocal")
    assert (options.default_floating_pool, options.quota_floating_ips) == ("nova", 20)
    assert (options.send_arp_for_ha, options.send_arp_for_ha_count) == (True, 3)


@pytest.mark.parametrize(
    "novas",
    [
        "mysql://nova:x@controller/nova",
        "mysql+pymysql://nova:x@controller/nova?charset=utf8",
        "postgresql://nova:x@controller/nova",
        "postgresql+psycopg2://nova:x@controller/nova",
        "sqlite:////var/lib/nova/nova.sqlite",
        "sqlite:///$state_path/nova.sqlite",
    ],
)
def test_novas_own_database_is_left_alone(tmp_path: Path, novas: str) -> None:
    text = NOVA_CONF.replace("mysql://nova:NOVA_DBPASS@controller/nova", novas)
    options = load(written(tmp_path, text))
    assert options.connection == "sqlite:////var/lib/nova/netconsole.sqlite"


def test_a_database_of_ours_is_used(tmp_path: Path) -> None:
    ours = "sqlite:////srv/netconsole.sqlite"
    text = NOVA_CONF.replace("mysql://nova:NOVA_DBPASS@controller/nova", ours)
    assert load(written(tmp_path, text)).connection == ours
