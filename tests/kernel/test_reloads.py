"""What dnsmasq is told without being reloaded, and what it makes of it."""

import pytest
from cloud import answer, configure, create_network, netconsole
from private_host import PrivateHost, eventually

NETWORKS = "/var/lib/netconsole/networks"
LOG = "/run/dnsmasq.log"
CONFIGURED = "dnsmasq_config_file = /etc/dnsmasq-netconsole.conf"


@pytest.fixture
def logged(host: PrivateHost) -> PrivateHost:
    """A host with a network whose dnsmasq writes down what it does."""
    host.write("/etc/dnsmasq-netconsole.conf", f"log-facility={LOG}\nlog-dhcp\n")
    create_network(host, CONFIGURED)
    return host


def reloads(host: PrivateHost) -> int:
    """How often dnsmasq has read its options: at its start and with each SIGHUP.

    It looks at signals before packets, so whatever it was sent before a packet that it has
    answered or logged is counted.
    """
    lines = host.read(LOG).splitlines()
    return sum(line.endswith(f" read {NETWORKS}/nova-br100.opts") for line in lines)


def create(host: PrivateHost, name: str, *more: str) -> str:
    """Create an instance that has no machine behind it yet; return its MAC address."""
    words = ("instance", "create", name, "--project", "demo", "--network", "vmnet")
    netconsole(host, *words, *more)
    return str(answer(host, "instance", "show", name)["ports"][0]["port"]["mac"])


def plug(host: PrivateHost, guest: str, mac: str) -> None:
    """Put a machine with a MAC address on the bridge, whatever netconsole says of it."""
    host.run("ip", "netns", "add", guest)
    words = ("ip", "link", "add", f"{guest}p", "type", "veth", "peer", "name", "eth0", "netns")
    host.run(*words, guest)
    host.run("ip", "link", "set", f"{guest}p", "master", "br100", "up")
    host.run("ip", "-n", guest, "link", "set", "eth0", "address", mac, "up")


def leased(host: PrivateHost, guest: str) -> str:
    """The address that a guest's DHCP client gets, and gives back; nothing where it gets none."""
    client = ("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-R", "-t", "2", "-T", "1")
    said = host.run("ip", "netns", "exec", guest, *client, check=False).stderr
    return said.partition("lease of ")[2].partition(" ")[0]


def looked_up(host: PrivateHost, name: str) -> str:
    asked = ("busybox", "nslookup", "-type=a", f"{name}.novalocal", "10.0.0.1")
    return host.run(*asked, check=False).stdout.partition("Name:")[2]


def test_a_deleted_guest_that_still_runs_loses_its_address(logged: PrivateHost) -> None:
    host = logged
    mac = create(host, "web1")
    plug(host, "web1", mac)
    client = ("busybox", "udhcpc", "-f", "-i", "eth0", "-T", "1", "-t", "2")
    running = host.spawn("ip", "netns", "exec", "web1", *client)
    address = "10.0.0.2/24"
    eventually(lambda: address in host.run("ip", "-n", "web1", "address").stdout)
    assert "10.0.0.2" in eventually(lambda: looked_up(host, "web1"))
    before = reloads(host)

    netconsole(host, "instance", "delete", "web1")

    assert looked_up(host, "web1") == ""
    assert "10.0.0.2" not in host.read(f"{NETWORKS}/nova-br100.leases")
    host.run("pkill", "-USR1", "-x", "busybox")
    eventually(lambda: address not in host.run("ip", "-n", "web1", "address").stdout)
    eventually(lambda: "no address available" in host.read(LOG))
    assert host.read(LOG).count("DHCPACK") == 1
    host.run("pkill", "-x", "busybox")
    running.communicate(timeout=60)
    assert leased(host, "web1") == ""
    assert reloads(host) == before


def test_a_deleted_guest_whose_lease_is_kept_is_refused_too(logged: PrivateHost) -> None:
    host = logged
    configure(host, CONFIGURED, "force_dhcp_release = False")
    plug(host, "web1", create(host, "web1"))
    client = ("busybox", "udhcpc", "-f", "-i", "eth0", "-T", "1", "-t", "2")
    running = host.spawn("ip", "netns", "exec", "web1", *client)
    eventually(lambda: "10.0.0.2/24" in host.run("ip", "-n", "web1", "address").stdout)

    netconsole(host, "instance", "delete", "web1")

    assert "10.0.0.2" in host.read(f"{NETWORKS}/nova-br100.leases")
    host.run("pkill", "-USR1", "-x", "busybox")
    eventually(lambda: "DHCPNAK(br100) 10.0.0.2" in host.read(LOG))
    assert host.read(LOG).count("DHCPACK") == 1
    host.run("pkill", "-x", "busybox")
    running.communicate(timeout=60)


def test_an_address_goes_on_to_another_guest_by_a_reload(logged: PrivateHost) -> None:
    host = logged
    former = create(host, "web1")
    plug(host, "former", former)
    assert eventually(lambda: leased(host, "former")) == "10.0.0.2"
    netconsole(host, "instance", "delete", "web1")
    before = reloads(host)

    create(host, "web2")
    assert reloads(host) == before
    other = create(host, "web3", "--fixed-address", "10.0.0.2")
    eventually(lambda: reloads(host) == before + 1)

    plug(host, "other", other)
    assert eventually(lambda: leased(host, "other")) == "10.0.0.2"
    assert leased(host, "former") == ""
    assert host.run("netconsole", "plan", check=False).stdout == ""
    listed = host.run("ls", f"{NETWORKS}/nova-br100.hosts").stdout
    assert former.replace(":", "-") not in listed


@pytest.mark.parametrize(
    "damage",
    ["rm {file}", "echo nonsense > {file}", "kill -HUP $(cat {networks}/nova-br100.pid)"],
    ids=["removed", "changed", "reloaded"],
)
def test_what_is_left_of_a_guest_may_be_tampered_with(logged: PrivateHost, damage: str) -> None:
    host = logged
    former = create(host, "web1")
    plug(host, "former", former)
    netconsole(host, "instance", "delete", "web1")
    file = f"{NETWORKS}/nova-br100.hosts/{former.replace(':', '-')}"

    host.run("sh", "-c", damage.format(file=file, networks=NETWORKS))
    netconsole(host, "apply")

    assert host.run("netconsole", "plan", check=False).stdout == ""
    assert leased(host, "former") == ""
    create(host, "web2")
    assert host.run("netconsole", "plan", check=False).stdout == ""


def test_a_network_goes_with_what_is_left_of_its_guests(logged: PrivateHost) -> None:
    host = logged
    create(host, "web1")
    netconsole(host, "instance", "delete", "web1")
    netconsole(host, "network", "delete", "vmnet")
    assert host.run("ls", NETWORKS).stdout == ""
    assert host.run("netconsole", "plan", check=False).stdout == ""


def test_a_restarted_dnsmasq_finds_nothing_left(logged: PrivateHost) -> None:
    host = logged
    former = create(host, "web1")
    plug(host, "former", former)
    netconsole(host, "instance", "delete", "web1")
    host.run("pkill", "-KILL", "-x", "dnsmasq")
    netconsole(host, "apply")
    assert host.run("ls", f"{NETWORKS}/nova-br100.hosts").stdout == ""
    assert leased(host, "former") == ""


BURST = """
import sys
from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.model.records import Instance, Port
from netconsole.backend.service.service import Service
from netconsole.backend.store import Store, allocations, fixed_ips, instances, networks
from netconsole.backend.configuration.loading import load

options = load()
service = Service(options)
with Store(options.connection).transaction() as connection:
    (network,) = networks.every(connection)
    for number in range(200):
        uuid = f"instance-{number}"
        name = f"web{number}"
        instances.insert(connection, Instance(uuid, name, "demo", "elsewhere", name))
        mac = f"fa:16:3e:00:00:{number:02x}"
        port = Port(0, f"port-{number}", mac, network.id, uuid, "tap", f"tap{number}")
        made = instances.insert_port(connection, port)
        allocations.allocate(connection, network, uuid, made.id)
service.do(Converge())
for number in range(200):
    service.do(DeleteInstance(f"web{number}"))
    if number % int(sys.argv[1]) == 0:
        service.do(CreateInstance(f"new{number}", "demo", ("vmnet",)))
"""


@pytest.mark.parametrize("each", [1000, 3], ids=["deletions", "creations among them"])
def test_200_deletions_in_a_burst_cause_two_reloads_at_most(logged: PrivateHost, each: int) -> None:
    """With a creation after every third, the freed addresses are given out again in the end."""
    host = logged
    configure(host, CONFIGURED, "quota_fixed_ips = -1")
    before = reloads(host)

    host.run("python3", "-c", BURST, str(each), timeout=110)

    plug(host, "gone", "fa:16:3e:00:00:00")
    plug(host, "last", "fa:16:3e:00:00:c7")
    assert (leased(host, "gone"), leased(host, "last")) == ("", "")
    assert reloads(host) - before <= 2
    assert host.run("netconsole", "plan", check=False).stdout == ""
    rows = answer(host, "status")["allocations"]
    assert len(rows) == len(range(0, 200, each))
    plug(host, "new", rows[-1]["mac"])
    assert eventually(lambda: leased(host, "new")) == rows[-1]["address"]
