"""Instances with real DHCP clients: from creation to a freed address."""

import json
import sys

import pytest
from cloud import answer, boot, create_network, netconsole
from private_host import PrivateHost


def allocations(host: PrivateHost) -> dict[str, dict[str, object]]:
    return {row["instance"]: row for row in answer(host, "status")["allocations"]}


def test_a_guest_gets_its_address_without_a_reload_of_dnsmasq(host: PrivateHost) -> None:
    create_network(host)
    pid = answer(host, "status")["dnsmasq"][0]["pids"][0]
    address = boot(host, "web1")
    assert address == "10.0.0.2"
    row = allocations(host)["web1"]
    assert (row["allocated"], row["leased"]) == (True, True)
    assert str(row["mac"]).startswith("fa:16:3e:")
    assert answer(host, "status")["dnsmasq"][0]["pids"] == [pid]


def test_a_guest_with_a_display_name_gets_an_address_and_a_host_name(host: PrivateHost) -> None:
    create_network(host)
    address = boot(host, "Windows 2012 R2", "my project")
    leases = host.read("/var/lib/netconsole/networks/nova-br100.leases")
    assert f" {address} windows-2012-r2 " in leases
    refused = host.run(
        *("netconsole", "nova", "boot", "windows_2012_r2", "--nic", "net-id=vmnet"), check=False
    )
    assert refused.returncode == 1
    assert "is taken by instance 'Windows 2012 R2'" in refused.stderr
    netconsole(host, "nova", "delete", "windows-2012-r2")


def test_deleting_gives_the_lease_back_and_frees_the_address(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    netconsole(host, "instance", "delete", "web1")
    assert answer(host, "status")["allocations"] == []
    leases = host.read("/var/lib/netconsole/networks/nova-br100.leases")
    assert "10.0.0.2" not in leases
    assert "veth" not in host.run("ip", "-brief", "link").stdout.replace("eth0", "")
    assert host.run("netconsole", "plan", check=False).returncode == 0


@pytest.mark.parametrize(
    ("program", "said"), [("false", "exit status 1"), ("true", "had no effect")]
)
def test_an_instance_goes_though_its_lease_is_not_given_back(
    host: PrivateHost, program: str, said: str
) -> None:
    create_network(host)
    boot(host, "web1")
    release = host.run("sh", "-c", "command -v dhcp_release").stdout.strip()
    host.run("mount", "--bind", f"/bin/{program}", release)
    deleted = host.run("netconsole", "instance", "delete", "web1")
    assert said in deleted.stderr
    assert "the address is free when its lease is over" in deleted.stderr
    assert answer(host, "instance", "list") == []
    assert "dhcp_release" in host.run("netconsole", "plan", check=False).stdout
    host.run("umount", release)
    netconsole(host, "apply")
    assert host.run("netconsole", "plan", check=False).returncode == 0


def test_an_address_given_back_is_the_last_to_be_given_out_again(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    netconsole(host, "instance", "delete", "web1")
    assert boot(host, "web2") == "10.0.0.3"


def test_a_tap_is_ready_for_a_virtual_machine(host: PrivateHost) -> None:
    create_network(host)
    netconsole(host, "instance", "create", "vm1", "--project", "demo", "--network", "vmnet")
    device = answer(host, "instance", "show", "vm1")["ports"][0]["port"]["device"]
    shown = host.run("ip", "-json", "-details", "link", "show", device).stdout
    link = json.loads(shown)[0]
    assert link["linkinfo"]["info_kind"] == "tun"
    assert link["master"] == "br100"
    assert link["linkinfo"]["info_slave_data"]["hairpin"] is True
    assert link["address"].startswith("fe:16:3e:")


def test_many_at_once_get_addresses_of_their_own(host: PrivateHost) -> None:
    create_network(host)
    running = [
        host.spawn(
            *("netconsole", "instance", "create", f"vm{number}"),
            *("--project", "demo", "--network", "vmnet"),
        )
        for number in range(8)
    ]
    for process in running:
        _, words = process.communicate(timeout=60)
        assert process.returncode == 0, words
    addresses = [row["address"] for row in answer(host, "status")["allocations"]]
    assert len(set(addresses)) == 8
    assert host.run("netconsole", "plan", check=False).returncode == 0


def test_unknown_network_and_bad_names_change_nothing(host: PrivateHost) -> None:
    create_network(host)
    for name, network in (("web1", "nowhere"), ("web\t1", "vmnet"), ("x" * 300, "vmnet")):
        refused = host.run(
            *("netconsole", "instance", "create", name, "--project", "p", "--network", network),
            check=False,
        )
        assert refused.returncode in (1, 2)
        assert refused.stderr.count("\n") == 1
    assert answer(host, "instance", "list") == []
    assert host.run("netconsole", "plan", check=False).returncode == 0


DISCOVER = """
import sys
from scapy.config import conf
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.sendrecv import srp1

mac = sys.argv[1]
conf.checkIPaddr = False
asked = (
    Ether(src=mac, dst="ff:ff:ff:ff:ff:ff")
    / IP(src="0.0.0.0", dst="255.255.255.255")
    / UDP(sport=68, dport=67)
    / BOOTP(chaddr=bytes.fromhex(mac.replace(":", "")), xid=7, flags=0x8000)
    / DHCP(options=[("message-type", "discover"), "end"])
)
offer = srp1(asked, iface="eth0", timeout=2, verbose=False)
print(offer[BOOTP].yiaddr if offer else "nothing")
"""


def test_only_the_macs_of_ports_are_offered_an_address(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    mac = answer(host, "instance", "show", "web1")["ports"][0]["port"]["mac"]

    def offered(asking: str) -> str:
        inside = ("ip", "netns", "exec", "web1", sys.executable, "-c", DISCOVER, asking)
        return host.run(*inside).stdout.strip()

    assert offered("fa:16:3e:00:00:99") == "nothing"
    assert offered(mac) == "10.0.0.2"
