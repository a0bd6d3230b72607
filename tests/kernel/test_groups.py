"""What security groups let reach the guests, shown by packets."""

import json
from typing import Any

import cloud
import pytest
from cloud import FLOATING, answer, configure, netconsole, reaches
from private_host import PrivateHost, eventually
from secure_shell import Login, serve_ssh
from talk import Connection, connected, pinged, serve, settle
from two_projects import assert_kept_apart

from netconsole.backend.model.eui64 import address_v6

WORLD = "203.0.113.1"
NOVA = ("nova", "--os-project-name", "demo")


def boot(host: PrivateHost, name: str, project: str = "demo", more: tuple[str, ...] = ()) -> str:
    return cloud.boot(host, name, project, more, is_open=False)


def network(host: PrivateHost, *options: str, v6: bool = False) -> None:
    """A network; its projects have closed groups, as new ones do."""
    configure(host, *options)
    words = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
    ranges = ("--fixed-range-v6", "fd00:5::/64") if v6 else ()
    netconsole(host, "network", "create", "vmnet", *words, *ranges)
    host.outside("ip", "route", "add", "10.0.0.0/24", "via", "203.0.113.2")


def without_the_switch_for_all(host: PrivateHost) -> None:
    """Let bridged frames meet no rules, but where a bridge has its own switch."""
    for family in ("iptables", "ip6tables"):
        host.run("sysctl", "-w", f"net.bridge.bridge-nf-call-{family}=0")


def doctor(host: PrivateHost, check: str) -> Any:
    """The findings of one check."""
    said = host.run("netconsole", "doctor", "--only", check, "--json", check=False).stdout
    return json.loads(said)["findings"]


def nothing_to_do(host: PrivateHost) -> bool:
    return host.run("netconsole", "plan", check=False).stdout == ""


@pytest.mark.requires("dropbear", "dbclient")
def test_closed_then_open_by_the_guides_rules_and_closed_again_in_the_middle_of_a_flow(
    host: PrivateHost,
) -> None:
    network(host)
    fixed = boot(host, "web1")
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")
    netconsole(host, "floating", "associate", FLOATING, "web1")
    serve(host, "web1", 80)
    serve_ssh(host, "web1")
    ssh, web = f"{FLOATING}/22", f"{FLOATING}/80"
    assert not reaches(host)
    assert connected(host, "outside", ssh, web, f"{fixed}/22") == set()
    assert pinged(host, "web1", WORLD) == {WORLD}

    netconsole(host, *NOVA, "secgroup-add-rule", "default", "icmp", "-1", "-1", "0.0.0.0/0")
    assert reaches(host)
    assert connected(host, "outside", ssh, web) == set()
    netconsole(host, *NOVA, "secgroup-add-rule", "default", "tcp", "22", "22", "0.0.0.0/0")
    assert connected(host, "outside", ssh, web, f"{fixed}/22") == {ssh, f"{fixed}/22"}
    login = Login(host, "outside", FLOATING)
    assert login.answers(60)

    netconsole(host, *NOVA, "secgroup-delete-rule", "default", "icmp", "-1", "-1", "0.0.0.0/0")
    netconsole(host, *NOVA, "secgroup-delete-rule", "default", "tcp", "22", "22", "0.0.0.0/0")
    assert not login.answers(1)
    assert not reaches(host)
    assert connected(host, "outside", ssh, web) == set()
    assert nothing_to_do(host)

    netconsole(host, *NOVA, "secgroup-add-rule", "default", "tcp", "1", "100", f"{WORLD}/32")
    assert connected(host, "outside", ssh, web) == {ssh, web}


@pytest.mark.parametrize("same", [True, False])
def test_guests_of_one_bridge_reach_each_other_as_the_option_and_source_groups_say(
    host: PrivateHost, same: bool
) -> None:
    """Their members come and go."""
    without_the_switch_for_all(host)
    network(host, f"allow_same_net_traffic = {same}")
    netconsole(host, "secgroup", "create", "web", "--project", "demo")
    first = boot(host, "web1")
    boot(host, "web2", more=("--security-group", "web"))
    boot(host, "db1", project="other")
    serve(host, "web1", 22)
    place = f"{first}/22"
    everybody = {place} if same else set()
    assert connected(host, "web2", place) == everybody
    assert connected(host, "db1", place) == everybody
    if same:
        return

    allow = ("secgroup", "allow", "default", "--project", "demo")
    netconsole(host, *allow, "--protocol", "tcp", "--port", "22", "--source-group", "web")
    assert connected(host, "web2", place) == {place}
    assert connected(host, "db1", place) == set()
    assert connected(host, "outside", place) == set()
    connection = Connection(host, "web2", first, 22)

    netconsole(host, "instance", "secgroup", "remove", "web2", "web")
    assert not connection.answers()
    netconsole(host, "instance", "secgroup", "add", "web2", "web")
    assert connected(host, "web2", place) == {place}
    boot(host, "web3", more=("--security-group", "web"))
    assert connected(host, "web3", place) == {place}
    left = answer(host, "instance", "show", "web3")["ports"][0]["fixed_ips"][0]["address"]
    netconsole(host, "instance", "delete", "web3")
    assert left not in host.run("iptables", "-S").stdout
    assert connected(host, "web2", place) == {place}
    assert nothing_to_do(host)


def test_ipv6_is_closed_and_opened_as_ipv4_is(host: PrivateHost) -> None:
    """The address of the range, and that of the link alone."""
    without_the_switch_for_all(host)
    network(host, "allow_same_net_traffic = False", v6=True)
    boot(host, "web1")
    boot(host, "web2")
    own, other = (
        answer(host, "instance", "show", guest)["ports"][0]["port"]["mac"]
        for guest in ("web1", "web2")
    )
    made = address_v6(own, "fd00:5::/64")
    for guest, address in (("web1", made), ("web2", address_v6(other, "fd00:5::/64"))):
        host.run("ip", "-n", guest, "address", "replace", f"{address}/64", "dev", "eth0", "nodad")
    settle(host, "web1", "web2")
    on_link = f"{address_v6(own, 'fe80::/64')}%eth0"
    serve(host, "web1", 22)
    assert pinged(host, "web2", made, on_link) == set()
    assert connected(host, "web2", f"{made}/22") == set()

    allow = ("secgroup", "allow", "default", "--project", "demo", "--cidr", "::/0")
    netconsole(host, *allow, "--protocol", "icmp", "--icmp", "128")
    assert pinged(host, "web2", made, on_link) == {made, on_link}
    netconsole(host, *allow, "--protocol", "tcp", "--port", "22")
    connection = Connection(host, "web2", made, 22)
    assert connection.answers()
    netconsole(host, "secgroup", "revoke", *allow[2:], "--protocol", "tcp", "--port", "22")
    assert not connection.answers()
    assert nothing_to_do(host)


def test_where_the_firewall_is_switched_off_nothing_is_filtered(host: PrivateHost) -> None:
    network(host, "firewall_driver = nova.virt.firewall.NoopFirewallDriver")
    fixed = boot(host, "web1")
    assert pinged(host, "outside", fixed) == {fixed}
    since = "since the change of /etc/netconsole/netconsole.conf at 2"
    said = host.run("netconsole", "status").stdout
    assert f"wrong: firewall_driver switches the security groups off {since}" in said
    (finding,) = doctor(host, "firewall_off")
    assert since in finding["because"]
    assert "take the line firewall_driver out of" in finding["remedy"]
    allow = ("secgroup", "allow", "default", "--project", "demo", "--protocol", "tcp")
    said = host.run("netconsole", *allow, "--port", "22").stderr
    assert "firewall_driver switches the security groups off" in said
    configure(host)
    netconsole(host, "apply")
    assert pinged(host, "outside", fixed) == set()
    assert nothing_to_do(host)
    assert "firewall_driver" not in host.run("netconsole", "status").stdout
    assert [each["verdict"] for each in doctor(host, "firewall_off")] == ["ok"]


def test_an_accept_of_others_above_the_groups_is_told_and_our_jump_moves_before_it(
    host: PrivateHost,
) -> None:
    network(host)
    fixed = boot(host, "web1")
    host.run("iptables", "-I", "FORWARD", "-o", "br100", "-j", "ACCEPT")
    # An accept of another table ends the packet's way through that one alone.
    host.run("iptables", "-t", "mangle", "-I", "FORWARD", "-j", "ACCEPT")
    eventually(lambda: pinged(host, "outside", fixed) == {fixed})
    assert nothing_to_do(host)
    told = "rule 1 of FORWARD (iptables table filter) lets everything in to instances"
    assert f"wrong: {told}" in host.run("netconsole", "status").stdout
    (finding,) = doctor(host, "groups_bypassed")
    assert finding["verdict"] == "fail"
    netconsole(host, "playbook", "run", "groups_bypassed", "--apply")
    assert pinged(host, "outside", fixed) == set()
    assert "-o br100 -j ACCEPT" in host.run("iptables", "-S", "FORWARD").stdout
    assert [each["verdict"] for each in doctor(host, "groups_bypassed")] == ["ok"]
    assert nothing_to_do(host)
    # Undone once the rule is gone, the jump is not put behind ours that accepts.
    host.run("iptables", "-D", "FORWARD", "-o", "br100", "-j", "ACCEPT")
    undone = host.run("netconsole", "undo", check=False)
    assert undone.returncode != 0
    assert "what it was moved past is not there any more" in undone.stderr
    assert pinged(host, "outside", fixed) == set()
    assert nothing_to_do(host)


def test_two_projects_reach_each_other_only_as_they_allow(host: PrivateHost) -> None:
    configure(host)
    for label, number in (("one", "1"), ("two", "2")):
        words = ("--fixed-range-v4", f"10.0.{number}.0/24", "--bridge", f"br20{number}")
        netconsole(host, "network", "create", label, *words)
    assert_kept_apart(host)


READ_TAP = """
import fcntl, os, struct, sys
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))
print("ready", flush=True)
while True:
    frame = os.read(tap, 2000)
    if frame[12:14] == b"\\x08\\0" and frame[23] == 17:
        print(frame[42:].decode(errors="replace"), flush=True)
"""
"""What a machine behind a tap hears: the datagrams of IPv4."""

SEND = """
import socket, sys
with socket.socket(type=socket.SOCK_DGRAM) as out:
    for port in sys.argv[2:]:
        out.sendto(port.encode(), (sys.argv[1], int(port)))
"""


@pytest.mark.requires("tap")
def test_a_machine_behind_a_tap_hears_what_its_group_lets_in(host: PrivateHost) -> None:
    network(host)
    words = ("--project", "demo", "--network", "vmnet", "--port-kind", "tap")
    netconsole(host, "instance", "create", "machine", *words)
    (port,) = answer(host, "instance", "show", "machine")["ports"]
    address, device = port["fixed_ips"][0]["address"], port["port"]["device"]
    entry = (address, "lladdr", port["port"]["mac"], "nud", "permanent", "dev", "br100")
    host.run("ip", "neighbour", "replace", *entry)
    machine = host.spawn("python3", "-c", READ_TAP, device)
    assert machine.stdout is not None
    assert machine.stdout.readline() == "ready\n"
    eventually(lambda: "state forwarding" in host.run("bridge", "link", "show").stdout)
    rule = ("default", "--project", "demo", "--cidr", "0.0.0.0/0", "--protocol", "udp", "--port")
    for open_port, closed in (("1001", "1002"), ("1002", "1001")):
        netconsole(host, "secgroup", "allow", *rule, open_port)
        host.outside("python3", "-c", SEND, address, closed, open_port)
        assert machine.stdout.readline() == f"{open_port}\n", "the first was not let in"
        netconsole(host, "secgroup", "revoke", *rule, open_port)
