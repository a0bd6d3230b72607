"""What is in a lab: instances that are reached as the world would reach them, and the faults."""

import json
import shlex
from collections.abc import Callable, Mapping

import pytest
from private_host import eventually
from running_lab import RunningLab

from netconsole.lab.faults import FAULTS

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping", "ping"
)

FLOATING = "203.0.113.129"
OUTSIDE = "203.0.113.1"


READ_STATE = "ip -4 rule; ip -4 route show table all; ip -br -4 addr; sysctl -a -r rp_filter"


def pings(lab: RunningLab, member: str, address: str) -> bool:
    return lab.inside(member, "ping", "-q", "-c1", "-w2", address).returncode == 0


def page(lab: RunningLab, member: str, address: str) -> str:
    request = shlex.quote("GET / HTTP/1.0\r\n\r\n")
    fetch = f"printf {request} | timeout 2 busybox nc {address} 80"
    return lab.inside(member, "sh", "-c", fetch).stdout


def resolves(lab: RunningLab, member: str, name: str) -> bool:
    return OUTSIDE in lab.inside(member, "timeout", "2", "busybox", "nslookup", name).stdout


WORKS: Mapping[str, Callable[[RunningLab], bool]] = {
    "rp_filter": lambda lab: pings(lab, "outside", FLOATING),
    "nat_flushed": lambda lab: "web1" in page(lab, "outside", FLOATING),
    "dnsmasq_killed": lambda lab: resolves(lab, "web2", "example.com"),
    "floating_address_missing": lambda lab: pings(lab, "outside", FLOATING),
    "forward_filter": lambda lab: pings(lab, "db1", OUTSIDE),
    "forward_filter_docker": lambda lab: pings(lab, "db1", OUTSIDE),
    "forward_filter_nft": lambda lab: pings(lab, "db1", OUTSIDE),
    "ingress_destination": lambda lab: "web1" in page(lab, "outside", FLOATING),
    "legacy_filter": lambda lab: pings(lab, "outside", FLOATING),
}
"""What faults take from a user, by the fault; what takes nothing at once is not among them."""


def broken(lab: RunningLab) -> set[str]:
    found = json.loads(lab.netconsole("lab", "faults", "--json").stdout)
    assert [fault["id"] for fault in found] == [fault.id for fault in FAULTS]
    assert all(fault["breaks"] and fault["symptom"] for fault in found)
    return {fault["id"] for fault in found if fault["broken"]}


STARTED = """
import sys
from netconsole.cli.main import main
started = []
sys.addaudithook(lambda name, told: name == "subprocess.Popen" and started.append(told[1][0]))
sys.argv = ["netconsole", "lab", "faults"]
main()
print(len(started), started.count(b"iptables-save"), file=sys.stderr)
"""


def test_all_faults_are_told_after_one_look_at_the_rules(lab: RunningLab) -> None:
    started, looks = lab.run("python3", "-c", STARTED).stderr.split()
    assert int(looks) == 1, f"{started} programs"


@pytest.mark.requires("root", "setpriv")
@pytest.mark.parametrize("command", [("exec", "web1", "--", "true"), ("break", "rp_filter")])
def test_a_lab_is_its_root_s(lab: RunningLab, command: tuple[str, ...]) -> None:
    user = ("setpriv", "--reuid=65534", "--clear-groups")
    done = lab.run(*user, "netconsole", "lab", *command, check=False)
    assert done.returncode == 3
    assert "this lab is its root's" in done.stderr
    assert broken(lab) == set()


def test_every_member_is_a_machine_of_its_own(lab: RunningLab) -> None:
    for name in ("web1", "web2", "db1", "outside"):
        assert lab.inside(name, "hostname").stdout == f"{name}\n"
    resolver = lab.inside("web1", "cat", "/etc/resolv.conf").stdout
    assert "nameserver 10.0.0.1" in resolver
    assert "10.0.0.0/24" not in lab.inside("outside", "ip", "route").stdout


def test_instances_reach_each_other_and_the_world(lab: RunningLab) -> None:
    assert pings(lab, "web1", "10.0.0.3")
    assert "10.0.0.3" in lab.inside("web1", "timeout", "4", "getent", "ahosts", "web2").stdout
    assert pings(lab, "db1", OUTSIDE)
    assert resolves(lab, "web2", "example.com")
    assert "the world outside" in page(lab, "web2", "example.com")


def test_exec_gives_back_the_exit_status(lab: RunningLab) -> None:
    assert lab.inside("web1", "sh", "-c", "exit 9").returncode == 9
    assert lab.inside("web1", "sh", "-c", "kill -TERM $$").returncode == 143
    assert lab.inside("web1", "no-such-program").returncode == 127


def test_unknown_names_are_answered_with_those_there_are(lab: RunningLab) -> None:
    member = lab.inside("web9", "true")
    assert member.returncode == 1
    assert "db1, outside, web1, web2" in member.stderr
    for verb in ("break", "mend"):
        fault = lab.netconsole("lab", verb, "gremlins", check=False)
        assert fault.returncode == 2
        assert ", ".join(each.id for each in FAULTS) in fault.stderr


def test_commands_find_netconsole_first_and_its_configuration(lab: RunningLab) -> None:
    done = lab.run("sh", "-c", "NETCONSOLE_CONFIG_FILE= netconsole network list")
    assert "vmnet" in done.stdout


@pytest.mark.parametrize("fault", WORKS)
def test_a_fault_is_felt_and_mended(lab: RunningLab, fault: str) -> None:
    assert broken(lab) == set()
    assert WORKS[fault](lab)
    rules = lab.run("iptables-save").stdout.count("nova-")
    state = lab.run("sh", "-c", READ_STATE).stdout

    for _ in range(2):
        lab.netconsole("lab", "break", fault)
        assert broken(lab) == {fault}
        assert not WORKS[fault](lab)
    for _ in range(2):
        lab.netconsole("lab", "mend", fault)
        assert broken(lab) == set()
    assert WORKS[fault](lab)
    assert lab.run("iptables-save").stdout.count("nova-") == rules
    assert lab.run("sh", "-c", READ_STATE).stdout == state


def test_strict_filter_drops_at_the_ip_layer_and_loose_alone_heals(lab: RunningLab) -> None:
    lab.netconsole("lab", "break", "rp_filter")
    before = dropped(lab)
    assert not pings(lab, "outside", FLOATING)
    assert dropped(lab) > before
    lab.run("sysctl", "-w", "net.ipv4.conf.eth0.rp_filter=2")
    assert pings(lab, "outside", FLOATING)
    assert pings(lab, "db1", OUTSIDE)
    assert broken(lab) == set()
    lab.netconsole("lab", "mend", "rp_filter")
    assert lab.run("sysctl", "-n", "net.ipv4.conf.eth0.rp_filter").stdout == "0\n"
    assert "eth1" not in lab.run("ip", "route", "get", OUTSIDE).stdout


def dropped(lab: RunningLab) -> int:
    """TcpExt: IPReversePathFilter."""
    names, values = (
        line.split()
        for line in lab.run("cat", "/proc/net/netstat").stdout.splitlines()
        if line.startswith("TcpExt:")
    )
    return int(dict(zip(names, values, strict=True))["IPReversePathFilter"])


def test_disassociation_cuts_an_open_connection(lab: RunningLab) -> None:
    client = lab.spawn(
        "netconsole", "lab", "exec", "outside", "--", "busybox", "nc", FLOATING, "80"
    )
    established = ("ss", "-Htn", "state", "established", "dst", FLOATING)
    eventually(lambda: lab.inside("outside", *established).stdout)
    lab.netconsole("floating", "disassociate", FLOATING)
    assert client.stdin is not None
    client.stdin.write("GET / HTTP/1.0\r\n\r\n")
    client.stdin.flush()
    assert not pings(lab, "outside", FLOATING)
    assert lab.inside("outside", *established).stdout  # nobody has told the client
    client.kill()
    assert "web1" not in client.communicate(timeout=60)[0]
    lab.netconsole("floating", "associate", FLOATING, "web1")
    assert pings(lab, "outside", FLOATING)


THOUSAND = """
import sqlite3, sys
with sqlite3.connect("/run/netconsole-lab/state/netconsole.sqlite") as store:
    store.execute("DELETE FROM security_group_rules WHERE cidr = '192.0.2.0/24'")
    for port in range(1000, 1000 + int(sys.argv[1])):
        store.execute(
            "INSERT INTO security_group_rules"
            " (parent_group_id, protocol, from_port, to_port, cidr, created_at)"
            " VALUES (1, 'tcp', ?, ?, '192.0.2.0/24', '2026-01-01 00:00:00')",
            (port, port),
        )
"""


def test_more_rules_than_a_user_namespace_sends_at_once_are_loaded(lab: RunningLab) -> None:
    """The kernel takes some 460 in one transaction there (`backend/plan/portions.py`)."""
    listing = ("iptables", "-S", "nova-network-sg-1")
    former = lab.run(*listing).stdout
    for number in (1000, 0):
        lab.run("python3", "-c", THOUSAND, str(number))
        lab.netconsole("apply")
        assert lab.run(*listing).stdout.count("-s 192.0.2.0/24") == number
    assert lab.run(*listing).stdout == former
