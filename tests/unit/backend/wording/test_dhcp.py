"""What dnsmasq is started with, what it reads, and what it leaves behind."""

from dataclasses import replace

import pytest
from core_samples import NETWORKS_PATH, fixed_ip, instance, network, options, port
from hypothesis import given
from hypothesis import strategies as st

from netconsole.backend.model import lease_file, validate
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.hoststate import File, Lease
from netconsole.backend.wording import dhcp

BASE = f"{NETWORKS_PATH}/nova-br100"


def test_dnsmasq_is_started_as_nova_did() -> None:
    """nova's order; a directory of hosts for its hosts file, a lease file for its script.

    And the interface, so that a network's dnsmasq gets what is sent to it and to no other.
    """
    found = dhcp.dnsmasq(network(), options(dns_server=("203.0.113.1", "203.0.113.9#5353")))

    assert found.bridge == "br100"
    assert found.argv == (
        "dnsmasq",
        "--strict-order",
        "--bind-interfaces",
        "--conf-file=",
        f"--pid-file={BASE}.pid",
        f"--dhcp-optsfile={BASE}.opts",
        "--listen-address=10.0.0.1",
        "--interface=br100",
        "--except-interface=lo",
        "--dhcp-range=set:vmnet,10.0.0.2,static,255.255.255.0,86400s",
        "--dhcp-lease-max=256",
        f"--dhcp-hostsdir={BASE}.hosts",
        f"--dhcp-leasefile={BASE}.leases",
        "--no-hosts",
        "--domain=novalocal",
        "--no-resolv",
        "--server=203.0.113.1",
        "--server=203.0.113.9#5353",
    )
    assert found.pid_file == f"{BASE}.pid"


def test_without_a_domain_and_name_servers_dnsmasq_uses_the_hosts() -> None:
    found = dhcp.dnsmasq(network(), options(dhcp_domain=""))

    assert found.argv[-1] == "--no-hosts"


def test_the_networks_own_name_servers_are_used_only_when_asked_for() -> None:
    """nova let later networks inherit those of earlier ones."""
    of_its_own = replace(network(1), dns1="192.0.2.1", dns2="192.0.2.2")
    settings = options(dns_server=("203.0.113.1",), use_network_dns_servers=True)

    assert dhcp.dnsmasq(network(), options()).argv[-1] == "--domain=novalocal"
    dhcp.dnsmasq(of_its_own, settings)
    assert dhcp.dnsmasq(replace(network(), dns1=None), settings).argv[-2:] == (
        "--no-resolv",
        "--server=203.0.113.1",
    )
    assert dhcp.dnsmasq(of_its_own, settings).argv[-3:] == (
        "--server=203.0.113.1",
        "--server=192.0.2.1",
        "--server=192.0.2.2",
    )


def test_guests_are_told_the_gateway_or_that_there_is_none() -> None:
    assert dhcp.options_file(network(), options()) == File("3,10.0.0.1\n", 0o644)
    assert dhcp.options_file(replace(network(), gateway=None), options()) == File("3\n", 0o644)


def test_the_tag_of_later_ports_is_no_networks_label() -> None:
    """A network's label is the tag of its range."""
    with pytest.raises(InvalidValue):
        validate.name("network label", dhcp.LATER_PORT)


@pytest.mark.parametrize(
    ("domain", "line"),
    [
        ("novalocal", "fa:16:3e:00:00:00,web0.novalocal,10.0.0.3\n"),
        ("", "fa:16:3e:00:00:00,web0,10.0.0.3\n"),
    ],
)
def test_a_port_has_one_file_with_one_line(domain: str, line: str) -> None:
    settings = options(dhcp_domain=domain)

    assert dhcp.host_file(f"{BASE}.hosts", instance(), port(), fixed_ip(), settings) == (
        f"{BASE}.hosts/fa-16-3e-00-00-00",
        File(line, 0o644),
    )


@pytest.mark.parametrize(
    ("name", "hostname"),
    [
        ("a" + "b" * 61 + "c", "a" + "b" * 61 + "c"),
        ("ab" + "c" * 2 + "d" * 60, "ab-" + "d" * 60),
        ("ab" + "c" * 3 + "d" * 60, "ab-" + "d" * 60),
        ("ab" + "c" * 193 + "d" * 60, "ab-" + "d" * 60),
        ("w", "w"),
    ],
    ids=["63", "64", "65", "255", "1"],
)
def test_a_long_name_is_cut_as_nova_cut_it(name: str, hostname: str) -> None:
    """dnsmasq passes over a host whose name is longer than 63 letters."""
    assert dhcp.hostname(name) == hostname
    assert len(dhcp.hostname(name)) <= 63


# Which bridge a file belongs to


@pytest.mark.parametrize(
    "bridge", ["br100", "br.100", "br100.5", "a.b.c", "br.pid", "br-x_y", "br.hosts"]
)
def test_a_bridge_finds_its_own_files_again(bridge: str) -> None:
    files = dhcp.paths(NETWORKS_PATH, bridge)

    for path in (files.pid, files.options, files.leases, files.hosts):
        assert dhcp.bridge_of(NETWORKS_PATH, path) == bridge
    assert dhcp.bridge_of(NETWORKS_PATH, f"{files.hosts}/fa-16-3e-00-00-01") == bridge


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/run/dnsmasq.pid",
        "/run/nova-br100.pid",
        f"{NETWORKS_PATH}-old/nova-br100.pid",
        f"{NETWORKS_PATH}/br100.pid",
        f"{NETWORKS_PATH}/nova-",
        f"{NETWORKS_PATH}/nova-.pid",
        f"{NETWORKS_PATH}/nova-br100",
        f"{NETWORKS_PATH}/nova-br100.conf",
        f"{NETWORKS_PATH}/nova-br100.pid.bak",
        f"{NETWORKS_PATH}/backup.hosts/nova-br100.pid",
    ],
)
def test_files_of_others_belong_to_no_bridge(path: str) -> None:
    """nova's own .conf among them, where networks_path is the one that nova used."""
    assert dhcp.bridge_of(NETWORKS_PATH, path) is None


# Leases

LEASES = """\
1767225600 FA:16:3E:00:00:01 10.0.0.3 web1 01:fa:16:3e:00:00:01
0 fa:16:3e:00:00:02 10.0.0.4 * *
duid 00:01:00:01:2a:2b:2c:2d:fa:16:3e:00:00:09
1767225600 1234 fd00::3 web1 00:01:00:01:2a
1767225600 T1234 fd00::4 web1 00:01:00:01:2a
"""


def test_leases_are_read_and_those_of_ipv6_passed_over() -> None:
    assert lease_file.parse(LEASES) == (
        Lease(1767225600, "fa:16:3e:00:00:01", "10.0.0.3", "web1"),
        Lease(0, "fa:16:3e:00:00:02", "10.0.0.4", ""),
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "garbage",
        "1767225600 fa:16:3e:00:00:01 10.0.0.3 web1",
        "1767225600 fa:16:3e:00:00:01 10.0.0",
        "² fa:16:3e:00:00:01 10.0.0.3 web1 *",
        "-1 fa:16:3e:00:00:01 10.0.0.3 web1 *",
        "1767225600 fa:16:3e:00:00 10.0.0.3 web1 *",
        "1767225600 a:b 10.0.0.3 web1 *",
        "1767225600 fa:16:3e:00:00:01 --help web1 *",
        "1767225600 fa:16:3e:00:00:01 10.0.0.3.4 web1 *",
        "1767225600 fa:16:3e:00:00:01 10.0.0.256 web1 *",
        "1767225600 fa:16:3e:00:00:01 fd00::3 web1 *",
        "9" * 5000 + " fa:16:3e:00:00:01 10.0.0.3 web1 *",
        "\0\0\0\0\0",
        "\ufffd\ufffd 1 2 3 4",
    ],
)
def test_garbage_in_a_lease_file_is_passed_over(line: str) -> None:
    assert lease_file.parse(f"{line}\n{LEASES}") == lease_file.parse(LEASES)


@given(st.text(st.sampled_from("0 :.fa²\n*ab1"), max_size=80))
def test_no_lease_file_is_too_broken_to_read(text: str) -> None:
    for lease in lease_file.parse(text):
        assert lease.expires >= 0
        assert len(lease.mac) == 17
        assert lease.address.count(".") == 3
