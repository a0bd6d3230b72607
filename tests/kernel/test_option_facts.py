"""Options that name what this host does not have: `config check` says it, a change is refused."""

import json
import re
from collections.abc import Iterator

import pytest
from cloud import answer, configure, create_cloud, create_network, held, netconsole
from private_host import PrivateHost

SHAPES = """
mkfifo /run/fifo
mkdir /run/directory
ln -s /nowhere /run/dangling
ln -s /run/loop /run/loop
mkdir /run/fixed
mount -t tmpfs -o ro none /run/fixed
truncate -s 100M /run/huge
touch /run/file
perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0); bind(S,sockaddr_un("/run/socket")) or die'
echo conf-file=/run/fifo >/run/naming
echo addn-hosts=/dev/zero >/run/naming-zero
"""

READ_ONLY = "cannot be written: its file system is read-only"
ANOTHER_NETWORK = (
    *("network", "create", "other", "--fixed-range-v4", "10.1.0.0/24"),
    *("--bridge", "br101"),
)


def checked(host: PrivateHost) -> list[str]:
    """What `config check` finds wrong with this host."""
    done = host.run("netconsole", "config", "check", "--json", check=False, timeout=60)
    remarks = json.loads(done.stdout)["remarks"]
    found = [each["text"] for each in remarks if each["kind"] == "on this host" and each["wrong"]]
    assert done.returncode == (1 if found else 0)
    return found


def refused(host: PrivateHost, *command: str) -> str:
    """The one line that a refused command says at once; nothing of the host has changed."""
    before = held(host), answer(host, "status")["dnsmasq"][0]["pids"]
    done = host.run("netconsole", *command, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert (held(host), answer(host, "status")["dnsmasq"][0]["pids"]) == before
    return done.stderr


@pytest.fixture(scope="module")
def shaped() -> Iterator[PrivateHost]:
    """A host with a network, which stays as it is whatever the configuration names."""
    with PrivateHost() as host:
        create_network(host)
        host.run("sh", "-ec", SHAPES)
        yield host


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/dev/zero", "is a device, not a file"),
        ("/run/fifo", "is a FIFO, not a file"),
        ("/run/directory", "is a directory, not a file"),
        ("/run/socket", "is a socket, not a file"),
        ("/run/dangling", "No such file or directory"),
        ("/run/huge", "has more than"),
        ("/run/naming", "names /run/fifo: is a FIFO, not a file"),
        ("/run/naming-zero", "names /dev/zero: is a device, not a file"),
    ],
)
def test_what_dnsmasq_cannot_read(shaped: PrivateHost, path: str, rule: str) -> None:
    configure(shaped, f"dnsmasq_config_file = {path}")

    (text,) = checked(shaped)
    assert text.startswith("/etc/netconsole/netconsole.conf:")
    assert f"dnsmasq_config_file '{path}': {rule}" in text
    assert f"dnsmasq_config_file '{path}': {rule}" in refused(shaped, "apply")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("keep-in-foreground", "dnsmasq has started when it goes into the background"),
        ("no-daemon", "dnsmasq has started when it goes into the background"),
        ("pid-file=/run/other.pid", "netconsole gives it, and finds what it started by it"),
        ("dhcp-leasefile = /run/leases", "netconsole gives it, and finds what it started by it"),
    ],
)
def test_what_is_not_for_a_file_to_say(shaped: PrivateHost, line: str, rule: str) -> None:
    shaped.write("/run/named.conf", f"# one option\n{line}\n")
    shaped.write("/run/dnsmasq.conf", "conf-file=/run/named.conf\n")
    configure(shaped, "dnsmasq_config_file = /run/dnsmasq.conf")

    said = f"'/run/dnsmasq.conf': /run/named.conf, line 2: {re.split('[ =]', line)[0]} must not be"
    (text,) = checked(shaped)
    assert said in text
    assert rule in text
    assert said in refused(shaped, "apply")


def test_the_empty_device_is_a_configuration(host: PrivateHost) -> None:
    create_network(host, "dnsmasq_config_file = /dev/null")
    assert checked(host) == []


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/run/file", "is a file, not a directory"),
        ("/run/fifo/deeper", "cannot be made: /run/fifo is a FIFO, not a directory"),
        ("/dev/zero", "is a device, not a directory"),
        ("/run/dangling", "is a link that leads nowhere"),
        ("/run/loop/deeper", "cannot be made: /run/loop is a link that leads nowhere"),
        ("/run/fixed", READ_ONLY),
        ("/run/fixed/deeper", f"cannot be made: /run/fixed {READ_ONLY}"),
    ],
)
def test_directories_that_cannot_be_used(shaped: PrivateHost, path: str, rule: str) -> None:
    """It holds up dnsmasq alone. Without the other nobody could say later what was changed."""
    configure(shaped, f"networks_path = {path}")
    (text,) = checked(shaped)
    assert f"networks_path '{path}': {rule}" in text
    done = shaped.run("netconsole", "apply", check=False)
    assert done.returncode == 1
    assert f"networks_path '{path}' {rule}" in done.stderr
    assert f"'{path}': {rule}; nothing is changed" in refused(shaped, *ANOTHER_NETWORK)
    configure(
        shaped,
        f"state_path = {path}",
        "networks_path = /var/lib/netconsole/networks",
        "[database]",
        "connection = sqlite:////var/lib/netconsole/netconsole.sqlite",
    )
    (text,) = checked(shaped)
    assert f"state_path '{path}': {rule}" in text
    done = shaped.run("netconsole", "apply", check=False)
    assert done.returncode == 3
    assert f"{path} {rule}" in done.stderr


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("sqlite:////run/directory", "is a directory; must be an SQLite database"),
        ("sqlite:////run/fifo", "is a FIFO; must be an SQLite database"),
        ("sqlite:////run/naming", "is not an SQLite database; must be one"),
        ("sqlite:////run/file/store.sqlite", "/run/file is no directory; must be a directory"),
        ("sqlite:////run/dangling/store.sqlite", "/run/dangling is no directory"),
        ("sqlite:////run/fixed/deeper/store.sqlite", "/run/fixed cannot be written"),
        ("sqlite:////run/fixed/store.sqlite", "/run/fixed cannot be written"),
        ("sqlite:///:memory:", "must be sqlite:/// and the path of a file"),
        ("mssql://netconsole:***@db/store", "must be sqlite:/// and the path of a file"),
        ("/var/lib/netconsole.sqlite", "must be sqlite:/// and the path of a file"),
    ],
)
def test_what_can_be_no_store(shaped: PrivateHost, url: str, rule: str) -> None:
    configure(shaped, "[database]", f"connection = {url.replace('***', 'secret')}")
    (text,) = checked(shaped)
    assert text.startswith("/etc/netconsole/netconsole.conf:")
    assert f"[database] connection '{url}': {rule}" in text


@pytest.mark.parametrize("path", ["/run/empty.sqlite", "/run/new/deeper/store.sqlite"])
def test_what_can_become_a_store(host: PrivateHost, path: str) -> None:
    host.write("/run/empty.sqlite", "")
    configure(host, "[database]", f"connection = sqlite:///{path}")
    assert checked(host) == []
    netconsole(host, "apply")
    assert checked(host) == []


def test_a_public_interface_that_is_not_there(host: PrivateHost) -> None:
    create_cloud(host)
    configure(host, "public_interface = nope7")
    (text,) = checked(host)
    assert "public_interface 'nope7': this host has no such interface" in text
    for command in (("apply",), ("floating", "associate", "203.0.113.130", "web1")):
        told = refused(host, *command)
        assert "public_interface 'nope7': this host has no such interface" in told
        assert "netconsole config show" in told


def test_a_name_that_the_kernel_knows_an_interface_by_as_well(host: PrivateHost) -> None:
    create_cloud(host)
    host.run("ip", "link", "property", "add", "dev", "eth0", "altname", "enp1s0")
    kind = "network_manager = nova.network.manager.FlatDHCPManager"
    for option in ("public_interface", "flat_interface"):
        configure(host, kind, f"{option} = enp1s0")
        assert f"{option} 'enp1s0': is another name of eth0: give that one" in checked(host)[0]
    configure(host, "public_interface = enp1s0")
    told = refused(host, "floating", "associate", "203.0.113.130", "web1")
    assert "public_interface 'enp1s0': is another name of eth0: give that one" in told


@pytest.mark.parametrize(
    ("manager", "option", "name", "rule"),
    [
        ("FlatDHCP", "flat_interface", "nope7", "this host has no such interface"),
        ("FlatDHCP", "flat_interface", "lo", "is the loopback interface"),
        ("Vlan", "vlan_interface", "lo", "is the loopback interface"),
        ("Vlan", "vlan_interface", "nope7", "this host has no such interface"),
    ],
)
def test_interfaces_under_networks(
    host: PrivateHost, manager: str, option: str, name: str, rule: str
) -> None:
    kind = f"network_manager = nova.network.manager.{manager}Manager"
    configure(host, kind, f"{option} = {name}")
    (text,) = checked(host)
    assert f"{option} '{name}': {rule}" in text
    configure(host, kind, f"{option} = eth0")
    assert checked(host) == []


def test_a_default_that_is_not_there_is_no_fault(host: PrivateHost) -> None:
    host.run("ip", "link", "set", "eth0", "down")
    host.run("ip", "link", "set", "eth0", "name", "enp1s0")
    host.write("/etc/netconsole/netconsole.conf", "[DEFAULT]\n")
    said = netconsole(host, "config", "check")
    assert "public_interface 'eth0': this host has no such interface" in said


def test_a_bridge_that_networks_make_may_be_the_public_interface(host: PrivateHost) -> None:
    configure(host, "public_interface = br100\nflat_network_bridge = br100")
    assert checked(host) == []
