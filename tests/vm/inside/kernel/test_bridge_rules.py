"""Rules of ebtables of the legacy kind, on a kernel that has all of it."""

from cloud import answer, configure, netconsole
from external_gateway import create, redirects
from private_host import PrivateHost


def test_what_only_this_host_can_translate_is_led_to_it(host: PrivateHost) -> None:
    redirects(host, create(host))


def test_a_shared_address_is_fenced_in_beside_the_rules_of_others(host: PrivateHost) -> None:
    configure(host)
    host.run("ebtables", "-A", "FORWARD", "-p", "ARP", "-j", "ACCEPT")
    host.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "wire")
    words = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100", "--bridge-interface", "eth1")
    netconsole(
        host, "network", "create", "vmnet", *words, "--multi-host", "T", "--share-address", "T"
    )
    words = ("--project", "p", "--network", "vmnet", "--port-kind", "veth")
    netconsole(host, "instance", "create", "vm1", *words)
    drop = "-A nova-network-INPUT -p ARP -i eth1 --arp-ip-dst 10.0.0.1 -j DROP"
    assert drop in host.run("ebtables-save").stdout
    assert answer(host, "plan")["steps"] == []

    netconsole(host, "instance", "delete", "vm1")
    netconsole(host, "network", "delete", "vmnet")
    saved = host.run("ebtables-save").stdout
    assert "nova" not in saved
    assert "-A FORWARD -p ARP -j ACCEPT" in saved
