"""The configuration: nova's options, read as nova read them, and checked."""

import os
from pathlib import Path

import pytest

from netconsole.backend.configuration import loading as configuration
from netconsole.backend.configuration.loading import load
from netconsole.backend.configuration.option_rules import MANAGERS
from netconsole.backend.configuration.options import Options
from netconsole.backend.configuration.places import CONFIGURATION_VARIABLE
from netconsole.backend.model.errors import InvalidValue

NOVA_CONF = """
[DEFAULT]
debug = False
my_ip = 192.168.1.10
enabled_apis = osapi_compute,metadata
network_manager = nova.network.manager.FlatDHCPManager
firewall_driver = nova.virt.libvirt.firewall.IptablesFirewallDriver
lock_path = $pybasedir/lock
state_path = /var/lib/nova
public_interface = eth1
flat_network_bridge = br100
flat_interface = eth2
dns_server = 8.8.8.8
dns_server = 8.8.4.4
dmz_cidr = 10.128.0.0/24, 10.128.1.7/24
force_snat_range = 0.0.0.0/0
forward_bridge_interface = eth1
forward_bridge_interface = eth3
metadata_port = 8776
send_arp_for_ha = yes
dhcp_domain =
use_network_dns_servers = True

[database]
connection = mysql+pymysql://nova:secret@controller/nova

[glance]
api_servers = http://controller:9292
"""


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CONFIGURATION_VARIABLE, raising=False)
    monkeypatch.setattr(configuration, "DEFAULT_FILE", tmp_path / "absent.conf")


@pytest.fixture
def host_address(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(configuration, "address_of_default_route", lambda: "192.0.2.7")
    return "192.0.2.7"


@pytest.fixture
def _no_default_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "address_of_default_route", lambda: None)


def written(directory: Path, text: str) -> str:
    file = directory / "netconsole.conf"
    file.write_text(text)
    return str(file)


def test_a_nova_conf_is_read_as_it_stands(tmp_path: Path) -> None:
    read = load(written(tmp_path, NOVA_CONF))
    assert read.my_ip == read.routing_source_ip == read.metadata_host == "192.168.1.10"
    assert read.networks_path == "/var/lib/nova/networks"
    assert read.public_interface == "eth1"
    assert read.flat_network_bridge == "br100"
    assert read.flat_interface == "eth2"
    assert read.dns_server == ("8.8.8.8", "8.8.4.4")
    assert read.dmz_cidr == ("10.128.0.0/24", "10.128.1.0/24")
    assert read.force_snat_range == ("0.0.0.0/0",)
    assert read.forward_bridge_interface == ("eth1", "eth3")
    assert read.metadata_port == 8776
    assert read.send_arp_for_ha is True
    assert read.use_network_dns_servers is True
    assert read.dhcp_domain == ""


def test_novas_own_mysql_database_is_left_alone(tmp_path: Path) -> None:
    read = load(written(tmp_path, NOVA_CONF))
    assert read.connection == "sqlite:////var/lib/nova/netconsole.sqlite"


def test_defaults(host_address: str) -> None:
    read = load()
    assert read.my_ip == read.routing_source_ip == read.metadata_host == host_address
    assert read.connection == "sqlite:////var/lib/netconsole/netconsole.sqlite"
    assert read.networks_path == "/var/lib/netconsole/networks"
    assert read.public_interface == "eth0"
    assert read.forward_bridge_interface == ("all",)
    assert read.dhcp_lease_time == 86400
    assert read.send_arp_for_ha is True


@pytest.mark.usefixtures("_no_default_route")
def test_what_load_reads_of_nothing_is_what_the_class_says() -> None:
    assert load() == Options()


@pytest.mark.usefixtures("_no_default_route")
def test_without_a_default_route_the_host_has_no_address_of_its_own(tmp_path: Path) -> None:
    read = load(written(tmp_path, "[DEFAULT]\nmetadata_host = 127.0.0.1\n"))
    assert read.my_ip is None
    assert read.routing_source_ip is None
    assert read.metadata_host == "127.0.0.1"


@pytest.mark.usefixtures("_no_default_route")
def test_a_reference_to_an_address_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"host '\$my_ip': is not known: set my_ip"):
        load(written(tmp_path, "[DEFAULT]\nhost = $my_ip\n"))


@pytest.mark.usefixtures("host_address")
def test_ethertypes_of_guests_are_numbers_that_hide_no_other(tmp_path: Path) -> None:
    read = load(written(tmp_path, "[DEFAULT]\nguest_ethertypes = 0x8863, 0x8864\n"))
    assert read.guest_ethertypes == (0x8863, 0x8864)
    for value, rule in (
        ("8863", "must be an ethertype from 0x0600 to 0xffff"),
        ("0x05ff", "must be an ethertype"),
        ("0x10000", "must be an ethertype"),
        ("0x8100", "must be none of IPv4, ARP, IPv6 and VLAN tags"),
        ("0x86dd", "must be none of"),
    ):
        with pytest.raises(InvalidValue, match=f"guest_ethertypes '{value}': {rule}"):
            load(written(tmp_path, f"[DEFAULT]\nguest_ethertypes = {value}\n"))


@pytest.mark.usefixtures("host_address")
def test_an_empty_routing_source_ip_turns_source_nat_off(tmp_path: Path) -> None:
    assert load(written(tmp_path, "[DEFAULT]\nrouting_source_ip =\n")).routing_source_ip == ""


def test_an_option_that_may_repeat_and_stands_empty_is_not_given(tmp_path: Path) -> None:
    assert load(written(tmp_path, "[DEFAULT]\ndns_server =\n")).dns_server == ()


def test_a_given_file_wins_over_the_environment_over_etc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("etc", "environment", "given"):
        (tmp_path / name).write_text(f"[DEFAULT]\nhost = {name}\n")
    monkeypatch.setattr(configuration, "DEFAULT_FILE", tmp_path / "etc")
    assert load().host == "etc"
    monkeypatch.setenv(CONFIGURATION_VARIABLE, str(tmp_path / "environment"))
    assert load().host == "environment"
    assert load(str(tmp_path / "given")).host == "given"


@pytest.mark.parametrize("by_environment", [False, True])
def test_a_file_that_is_not_there_is_named(
    by_environment: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_environment:
        monkeypatch.setenv(CONFIGURATION_VARIABLE, "/nowhere/at.all")
    with pytest.raises(InvalidValue, match=r"'/nowhere/at\.all': cannot be read: No such file"):
        load(*([] if by_environment else ["/nowhere/at.all"]))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("my_ip = 10.0.0", "IPv4"),
        ("routing_source_ip = ::1", "IPv4"),
        ("metadata_host = controller", "not a host name"),
        ("metadata_port = 0", "from 1 to 65535"),
        ("metadata_port = 65536", "from 1 to 65535"),
        ("metadata_port = http", "from 1 to 65535"),
        ("dmz_cidr = 10.0.0.0/33", "IPv4 range"),
        ("dmz_cidr = 10.0.0.0/8,,x", "IPv4 range"),
        ("force_snat_range = everywhere", "IPv4 range"),
        ("dns_server = resolver", "IP address"),
        ("dns_server = 192.0.2.1#99999", "IP address"),
        ("public_interface = sixteencharacter", "interface name"),
        ("public_interface = eth0/1", "interface name"),
        ("public_interface = eth0 -j DROP", "interface name"),
        ("public_interface = -j", "interface name"),
        ("flat_network_bridge = ..", "interface name"),
        ("forward_bridge_interface = eth+", "interface name"),
        ("iptables_drop_action = DROP -m x", "target"),
        ("dhcp_domain = nova,local", "domain name"),
        ("dhcp_domain = -nova.local", "domain name"),
        ("dhcp_domain = nova..local", "domain name"),
        (f"dhcp_domain = {'a' * 64}.org", "domain name"),
        ("dhcp_lease_time = 0", "whole number"),
        ("agent_socket = run/agent.sock", "absolute path"),
        (f"agent_socket = /{'x' * 98}", "98 bytes at most"),
        ("metrics_listen = 9555", "127.0.0.1:9555"),
        ("dhcp_lease_time = a day", "whole number"),
        ("send_arp_for_ha = perhaps", "true or false"),
        ("network_manager = nova.network.manager.OtherManager", "must be one of"),
        ("state_path = var/lib", "absolute path"),
        ("dnsmasq_config_file = dnsmasq.conf", "absolute path"),
        ("host = two words", "blank"),
        ("record_size = 63K", "64K or more"),
        ("record_size = 64m", "powers of 1024"),
        ("repair_drift = boot, boot", "once for all kinds"),
        ("repair_drift = rules:always, never, rules:never", "once for the kind rules"),
        ("networks_path = $nowhere/networks", "refers to $nowhere, an option that is not known"),
    ],
)
def test_a_bad_value_is_named_with_its_file_option_and_rule(
    tmp_path: Path, line: str, rule: str
) -> None:
    file = written(tmp_path, f"[DEFAULT]\n{line}\n")
    with pytest.raises(InvalidValue) as raised:
        load(file)
    message = str(raised.value)
    assert message.startswith(f"{file}:2: {line.partition(' ')[0]} ")
    assert rule in message
    assert "\n" not in message


@pytest.mark.parametrize("manager", MANAGERS)
def test_every_manager_of_novas_is_known(tmp_path: Path, manager: str) -> None:
    read = load(written(tmp_path, f"[DEFAULT]\nnetwork_manager = {manager}\n"))
    assert read.network_manager == manager


@pytest.mark.parametrize("text", [b"junk\n", b"[DEFAULT\nx = 1\n", b"\x7fELF\0 = 1\n"])
def test_a_file_that_is_no_configuration_is_refused_in_one_line(
    tmp_path: Path, text: bytes
) -> None:
    file = tmp_path / "broken.conf"
    file.write_bytes(text)
    with pytest.raises(InvalidValue, match=r"broken\.conf") as raised:
        load(str(file))
    assert "\n" not in str(raised.value)


def test_variables_of_the_environment_change_no_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_DEFAULT__HOST", "elsewhere")
    assert load(written(tmp_path, "[DEFAULT]\nhost = here\n")).host == "here"


def test_it_is_known_which_file_names_the_firewall_and_since_when(tmp_path: Path) -> None:
    first, last = tmp_path / "a.conf", tmp_path / "b.conf"
    first.write_text("[DEFAULT]\nfirewall_driver = nova.virt.firewall.NoopFirewallDriver\n")
    last.write_text("[DEFAULT]\nmy_ip = 192.0.2.1\n")
    os.utime(first, (1_000_000_000, 1_000_000_000))
    source = load(str(first), str(last)).firewall_source
    assert source is not None
    assert source.since == f"since the change of {first} at 2001-09-09 01:46 UTC"
    assert load(str(last)).firewall_source is None


@pytest.mark.parametrize(
    ("given", "shown", "size"),
    [
        ("64K", "64K", 64 << 10),
        ("65537", "65537", 65537),
        ("1024M", "1G", 1 << 30),
        ("1536M", "1536M", 1536 << 20),
    ],
)
def test_a_size_is_shown_as_it_may_be_written(
    tmp_path: Path, given: str, shown: str, size: int
) -> None:
    found = load(written(tmp_path, f"[DEFAULT]\nrecord_size = {given}\n")).record_size
    assert (found, str(found)) == (size, shown)
