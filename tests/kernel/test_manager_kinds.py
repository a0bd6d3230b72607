"""What the managers and drivers other than FlatDHCP and Linux do to a host."""

import json

from cloud import CONFIGURATION, answer, create_cloud, held, netconsole
from private_host import PrivateHost

FLAT = "network_manager = nova.network.manager.FlatManager\n"


def create(host: PrivateHost) -> None:
    netconsole(
        host, "network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"
    )


def test_the_null_driver_keeps_the_books_and_touches_nothing(host: PrivateHost) -> None:
    text = f"{CONFIGURATION}l3_lib = nova.network.l3.NullL3\n"
    host.write("/etc/netconsole/netconsole.conf", text)
    netconsole(host, "apply")
    before = held(host)
    create(host)
    netconsole(host, "instance", "create", "vm1", "--project", "p", "--network", "vmnet")
    assert answer(host, "instance", "list")[0]["ports"][0]["fixed_ips"][0]["address"] == "10.0.0.2"
    assert held(host) == before
    assert host.run("netconsole", "plan", check=False).stdout == ""


def test_flat_plugs_ports_into_the_admins_bridge_and_does_no_more(host: PrivateHost) -> None:
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION + FLAT)
    host.run("ip", "link", "add", "br100", "type", "bridge")
    netconsole(host, "apply")
    before = held(host)
    create(host)
    assert held(host) == before
    netconsole(
        host,
        *("instance", "create", "vm1", "--project", "p", "--network", "vmnet"),
        *("--port-kind", "veth"),
    )
    device = answer(host, "instance", "show", "vm1")["ports"][0]["port"]["device"]
    link = json.loads(host.run("ip", "-json", "link", "show", device).stdout)[0]
    assert link["master"] == "br100"
    assert host.run("iptables-save", "-t", "nat").stdout.count("nova-network") == 0
    assert "nova-network-FORWARD" not in host.run("iptables-save").stdout
    assert host.run("pgrep", "-x", "dnsmasq", check=False).stdout == ""


def test_flat_says_when_the_admins_bridge_is_missing(host: PrivateHost) -> None:
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION + FLAT)
    create(host)
    failed = host.run(
        *("netconsole", "instance", "create", "vm1", "--project", "p", "--network", "vmnet"),
        check=False,
    )
    assert failed.returncode == 1
    assert "bridge 'br100' is not there" in failed.stderr
    assert answer(host, "instance", "list") == []


def test_under_another_manager_nothing_is_said_to_be_wrong(host: PrivateHost) -> None:
    """What the host should hold is not known then: no rule is left over, no dnsmasq a stranger."""
    create_cloud(host)
    before = answer(host, "status")
    manager = "network_manager = nova.network.manager.VlanManager\n"
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION + manager)

    told = json.loads(host.run("netconsole", "status", "--json", check=False).stdout)
    done = host.run("netconsole", "doctor", "--json", check=False)
    findings = json.loads(done.stdout)["findings"]

    rules = [(each["rule"], each["origin"], each["state"]) for each in before["nat"]]
    assert [(each["rule"], each["origin"], each["state"]) for each in told["nat"]] == rules
    assert {each["state"] for each in told["floating_ips"]} == {"unknown"}
    assert [each["check"] for each in findings if each["verdict"] in ("warn", "fail")] == []
    unknown = {each["check"]: each["because"] for each in findings if each["verdict"] == "unknown"}
    assert {"drift", "floating_nat", "dnsmasq_processes", "ip_forward", "uplink"} <= set(unknown)
    (because,) = set(unknown.values())
    assert "set network_manager = nova.network.manager.FlatDHCPManager" in because
