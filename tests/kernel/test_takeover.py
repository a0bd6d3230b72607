"""Taking over an existing nova-network on a real host."""

import json
from pathlib import Path

import nova_database
import pytest
from cloud import CONFIGURATION, answer, held, netconsole, reaches
from nova_conf import NOVA_CONF
from nova_database import OTHER, VMNET, WEB1
from private_host import PrivateHost

IMPORT = ("import", "nova", "--connection", "sqlite:////var/lib/nova.sqlite")
FLOATING = "203.0.113.129"
LEASE = "fa:16:3e:00:00:01 10.0.0.2 web1"


@pytest.fixture
def former(host: PrivateHost, tmp_path: Path) -> PrivateHost:
    """A host with nova's database."""
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION)
    path = tmp_path / "nova.sqlite"
    nova_database.create(path)
    host.run("cp", str(path), "/var/lib/nova.sqlite")
    return host


def test_a_dry_run_shows_everything_and_changes_nothing(former: PrivateHost) -> None:
    before = held(former)
    shown = former.run("netconsole", *IMPORT, "--dry-run")
    assert "vmnet" in shown.stdout
    assert "ip link add name br100" in shown.stdout
    assert "fixed addresses     512" in shown.stdout
    assert "1 network served by this host (testhost), 1 by others" in shown.stderr
    assert held(former) == before
    assert answer(former, "network", "list") == []


def test_everything_comes_over_in_one_change(former: PrivateHost) -> None:
    shown = answer(former, *IMPORT, "--dry-run")
    done = answer(former, *IMPORT)
    assert [step["step"] for step in done["steps"]] == [step["step"] for step in shown["steps"]]
    networks = answer(former, "network", "list")
    assert [(row["uuid"], row["host"]) for row in networks] == [
        (VMNET, "testhost"),
        (OTHER, "elsewhere"),
    ]
    assert "br101" not in former.run("ip", "link").stdout
    web1 = answer(former, "instance", "show", "web1")
    assert web1["instance"]["uuid"] == WEB1
    assert web1["ports"][0]["port"]["mac"] == "fa:16:3e:00:00:01"
    assert (web1["told"]["meta"], web1["told"]["keys"][0][0]) == ({"role": "web"}, "mykey")
    told = "netconsole instance user-data web1 | grep -a 'Extra user data here'"
    former.run("sh", "-c", told)
    assert "Extra user data here" not in json.dumps(done)
    address = answer(former, "fixed", "get", "10.0.0.2")
    assert (address["allocated"], address["leased"]) == (True, True)
    # Its guest is gone, and force_dhcp_release wants such an address back at once.
    assert answer(former, "fixed", "get", "10.0.0.4")["instance_uuid"] is None
    assert netconsole(former, "plan") == ""
    assert f"{FLOATING}/32" in former.run("ip", "address", "show", "eth0").stdout


def test_a_guest_that_has_its_lease_keeps_it(former: PrivateHost) -> None:
    """Its renewal is answered, though this dnsmasq never gave the lease itself."""
    netconsole(former, *IMPORT)
    assert LEASE in former.read("/var/lib/netconsole/networks/nova-br100.leases")
    former.run("ip", "netns", "add", "web1")
    former.run(
        "ip", "link", "add", "guest", "type", "veth", "peer", "name", "eth0", "netns", "web1"
    )
    former.run("ip", "link", "set", "guest", "master", "br100", "up")
    for command in (
        ("link", "set", "eth0", "address", "fa:16:3e:00:00:01", "up"),
        ("address", "add", "10.0.0.2/24", "dev", "eth0"),
        ("route", "add", "default", "via", "10.0.0.1"),
    ):
        former.run("ip", "-n", "web1", *command)
    said = former.run("ip", "netns", "exec", "web1", "python3", "-c", RENEW, timeout=60).stdout
    assert json.loads(said) == {"kind": 5, "address": "10.0.0.2"}
    assert reaches(former, FLOATING)


RENEW = """
import json, socket, struct
mac = bytes.fromhex("fa163e000001")
ours = socket.inet_aton("10.0.0.2")
head = struct.pack("!BBBBIHH", 1, 1, 6, 0, 0x1234, 0, 0) + ours + bytes(12) + mac + bytes(202)
request = head + bytes.fromhex("63825363") + bytes([53, 1, 3, 255])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.bind(("10.0.0.2", 68))
    client.settimeout(10)
    client.sendto(request, ("10.0.0.1", 67))
    answer = client.recv(1500)
options, found = answer[240:], {}
while options and options[0] != 255:
    code, size = options[0], options[1]
    found[code], options = options[2:2 + size], options[2 + size:]
print(json.dumps({"kind": found[53][0], "address": socket.inet_ntoa(answer[16:20])}))
"""
"""A DHCPREQUEST as RFC 2131 has it in the RENEWING state; 5 is DHCPACK, 6 is DHCPNAK."""


def test_a_clash_leaves_nothing_behind(former: PrivateHost) -> None:
    netconsole(
        former, "network", "create", "mine", "--fixed-range-v4", "10.1.0.0/16", "--bridge", "br9"
    )
    before = held(former)
    refused = former.run("netconsole", *IMPORT, check=False)
    assert refused.returncode == 1
    assert "10.1.0.0/24 overlaps 10.1.0.0/16 of network 'mine'" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert held(former) == before
    assert [row["label"] for row in answer(former, "network", "list")] == ["mine"]


def test_read_only_refuses(former: PrivateHost) -> None:
    refused = former.run("netconsole", "--read-only", *IMPORT, check=False)
    assert refused.returncode == 3
    assert "read-only" in refused.stderr


def test_a_bridge_of_novas_own_is_used_as_it_is(former: PrivateHost) -> None:
    former.run("ip", "link", "add", "br100", "type", "bridge")
    former.run("ip", "address", "add", "10.0.0.1/24", "brd", "10.0.0.255", "dev", "br100")
    former.run("ip", "link", "set", "br100", "up")
    netconsole(former, *IMPORT)
    assert netconsole(former, "plan") == ""


NOVAS_DNSMASQ = """
mkdir -p /var/lib/nova/networks && cd /var/lib/nova/networks
ip link add br100 type bridge
ip address add 10.0.0.1/24 broadcast 10.0.0.255 dev br100
ip link set br100 up
echo fa:16:3e:00:00:01,web1.novalocal,10.0.0.2 > nova-br100.conf
echo 10.0.0.2 web1.novalocal > nova-br100.hosts
echo > nova-br100.opts
exec dnsmasq --strict-order --bind-interfaces --conf-file= --pid-file=$PWD/nova-br100.pid \\
    --dhcp-optsfile=$PWD/nova-br100.opts --listen-address=10.0.0.1 --except-interface=lo \\
    --dhcp-range=set:vmnet,10.0.0.2,static,255.255.255.0,86400s --dhcp-lease-max=256 \\
    --dhcp-hostsfile=$PWD/nova-br100.conf --addn-hosts=$PWD/nova-br100.hosts --leasefile-ro \\
    --domain=novalocal --no-hosts
"""


def test_with_the_nova_conf_of_the_host_its_dnsmasq_is_replaced(former: PrivateHost) -> None:
    former.write("/etc/nova/nova.conf", NOVA_CONF)
    former.run("sh", "-ec", NOVAS_DNSMASQ)
    ours = ("--config-file", "/etc/nova/nova.conf")
    netconsole(former, *ours, *IMPORT)
    served = former.run("pgrep", "-a", "-x", "dnsmasq").stdout
    assert served.count("\n") == 1
    assert "--dhcp-hostsdir=/var/lib/nova/networks/nova-br100.hosts" in served
    assert LEASE in former.read("/var/lib/nova/networks/nova-br100.leases")
    assert netconsole(former, *ours, "plan") == ""


def held_but_for_carrier(host: PrivateHost) -> list[str]:
    """What the host holds; a bridge's carrier goes with its last port, for reasons of its own."""
    return [line for line in held(host) if '"br100"' not in line and not line.startswith("br100")]


def test_a_dnsmasq_elsewhere_leaves_everything_as_it_was(former: PrivateHost) -> None:
    former.run("sh", "-ec", NOVAS_DNSMASQ)
    before = held_but_for_carrier(former)
    refused = former.run("netconsole", *IMPORT, check=False)
    assert refused.returncode == 1
    assert "10.0.0.1: Address already in use" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert held_but_for_carrier(former) == before
    assert answer(former, "network", "list") == []
