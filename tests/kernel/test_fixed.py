"""Fixed addresses: reserved, leased by real clients, free again; and the names that they carry."""

from collections.abc import Iterator
from typing import Any

import pytest
from cloud import answer, boot, configure, create_network, netconsole
from private_host import PrivateHost, eventually


def fixed(host: PrivateHost, address: str) -> Any:
    return answer(host, "fixed", "get", address)


def state(host: PrivateHost, address: str) -> tuple[bool, bool, bool]:
    """Whether it is allocated, leased and an instance's."""
    found = fixed(host, address)
    return found["allocated"], found["leased"], found["instance_uuid"] is not None


def test_reserved_addresses_are_kept_from_instances(host: PrivateHost) -> None:
    create_network(host)
    for last in (2, 3):
        netconsole(host, "fixed", "reserve", f"10.0.0.{last}")
    assert boot(host, "web1") == "10.0.0.4"
    netconsole(host, "fixed", "unreserve", "10.0.0.3")
    assert boot(host, "web2") == "10.0.0.3"
    rows = answer(host, "fixed", "list")
    assert len(rows) == 256
    reserved = [row["address"] for row in rows if row["reserved"]]
    assert reserved == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.255"]
    used = answer(host, "fixed", "list", "--network", "vmnet", "--host", "testhost")
    assert [(row["address"], row["instance"], row["leased"]) for row in used] == [
        ("10.0.0.3", "web2", True),
        ("10.0.0.4", "web1", True),
    ]
    assert {row["network"] for row in used} == {"vmnet"}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("reserve", "10.0.0.2"), 1, "10.0.0.2 is in use by instance 'web1'"),
        (("unreserve", "10.0.0.1"), 1, "10.0.0.1 is the gateway of network 'vmnet'"),
        (("unreserve", "10.0.0.0"), 1, "10.0.0.0 is the network address of network 'vmnet'"),
        (("unreserve", "10.0.0.255"), 1, "10.0.0.255 is the broadcast address"),
        (("reserve", "10.9.9.9"), 1, "10.9.9.9 is in no network"),
        (("get", "10.0.0.256"), 2, "10.0.0.256"),
        (("list", "--network", "nowhere"), 1, "nowhere"),
    ],
)
def test_what_cannot_be_reserved_is_refused_in_one_line(
    shared: PrivateHost, arguments: tuple[str, ...], status: int, words: str
) -> None:
    before = answer(shared, "fixed", "list")
    refused = shared.run("netconsole", "fixed", *arguments, check=False)
    assert refused.returncode == status
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert answer(shared, "fixed", "list") == before


@pytest.fixture(scope="module")
def shared() -> Iterator[PrivateHost]:
    with PrivateHost() as made:
        create_network(made)
        netconsole(made, "instance", "create", "web1", "--project", "demo", "--network", "vmnet")
        yield made


def test_an_address_lives_as_its_leases_do(host: PrivateHost) -> None:
    """nova's table of states, each reached by what a real dnsmasq writes down."""
    create_network(host)
    assert state(host, "10.0.0.2") == (False, False, False)
    boot(host, "web1")
    assert state(host, "10.0.0.2") == (True, True, True)
    netconsole(host, "instance", "delete", "web1")
    assert state(host, "10.0.0.2") == (False, False, False)
    netconsole(host, "instance", "create", "vm1", "--project", "demo", "--network", "vmnet")
    assert state(host, "10.0.0.3") == (True, False, True)
    netconsole(host, "instance", "delete", "vm1")
    assert state(host, "10.0.0.3") == (False, False, False)


def test_a_lease_that_is_not_released_keeps_its_address_for_a_while(host: PrivateHost) -> None:
    """Afterwards the next owner gets it: the old lease would have dnsmasq refuse it."""
    create_network(host)
    configure(host, "force_dhcp_release = False")
    boot(host, "web1")
    netconsole(host, "instance", "delete", "web1")
    leases = "/var/lib/netconsole/networks/nova-br100.leases"
    assert " 10.0.0.2 " in host.read(leases)
    assert state(host, "10.0.0.2") == (False, True, True)
    assert host.run("netconsole", "plan", check=False).returncode == 0
    configure(host, "force_dhcp_release = False", "fixed_ip_disassociate_timeout = 0")
    assert state(host, "10.0.0.2") == (False, False, False)
    assert " 10.0.0.2 " in host.read(leases)
    assert boot(host, "web2", more=("--fixed-address", "10.0.0.2")) == "10.0.0.2"
    assert host.run("netconsole", "plan", check=False).returncode == 0


def test_stale_addresses_come_back_with_any_change(host: PrivateHost) -> None:
    create_network(host)
    configure(host, "force_dhcp_release = False", "fixed_ip_disassociate_timeout = 0")
    boot(host, "web1")
    netconsole(host, "instance", "delete", "web1")
    netconsole(host, "fixed", "reserve", "10.0.0.99")
    assert state(host, "10.0.0.2") == (False, False, False)


def test_a_stale_address_is_told_as_free_before_that_is_written(host: PrivateHost) -> None:
    create_network(host)
    configure(host, "force_dhcp_release = False")
    boot(host, "web1")
    netconsole(host, "instance", "delete", "web1")
    assert len(answer(host, "status")["allocations"]) == 1
    configure(host, "force_dhcp_release = False", "fixed_ip_disassociate_timeout = 0")
    seen = host.run("netconsole", "--read-only", "status", "--json").stdout
    assert '"allocations": []' in seen
    assert state(host, "10.0.0.2") == (False, False, False)
    configure(host, "force_dhcp_release = False")
    assert state(host, "10.0.0.2") == (False, True, True)
    configure(host, "force_dhcp_release = False", "fixed_ip_disassociate_timeout = 0")
    answer(host, "status")
    configure(host, "force_dhcp_release = False")
    assert state(host, "10.0.0.2") == (False, False, False)


LONG = "x" * 70


def test_guests_find_each_other_by_name(host: PrivateHost) -> None:
    """Names longer than a DNS label are cut as nova cut them; dnsmasq ignores longer ones."""
    create_network(host)
    boot(host, "web1")
    boot(host, LONG[:20], more=("--network", "vmnet"))
    netconsole(host, "instance", "create", LONG, "--project", "demo", "--network", "vmnet")

    def looked_up(name: str) -> str:
        asked = ("busybox", "nslookup", "-type=a", name, "10.0.0.1")
        return host.run("ip", "netns", "exec", "web1", *asked, check=False).stdout

    assert "10.0.0.3" in eventually(lambda: looked_up(f"{LONG[:20]}.novalocal"))
    assert "10.0.0.2" in looked_up("web1.novalocal")
    assert "10.0.0.9" not in looked_up("nobody.novalocal")
    written = host.run("sh", "-c", "cat /var/lib/netconsole/networks/nova-br100.hosts/*").stdout
    assert f",xx-{'x' * 60}.novalocal,10.0.0.4\n" in written
