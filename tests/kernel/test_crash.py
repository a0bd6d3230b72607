"""Killed at any point: the next apply ends in the right state.

The command runs as ever, but kills itself with SIGKILL just before or just after a given step,
in the middle of a batch as well.
"""

import json
import signal
from collections.abc import Callable

import pytest
from cloud import (
    FLOATING,
    answer,
    configure,
    create_cloud,
    create_network,
    held,
    netconsole,
    reaches,
)
from kills import killed
from private_host import PrivateHost, eventually


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_at_a_step_leaves_no_trace(host: PrivateHost, by: signal.Signals) -> None:
    """An interrupt takes back itself what was begun; of the others the next change does."""
    configure(host)
    netconsole(host, "apply")
    before = held(host)
    create = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
    for number, when in ((0, "before"), (2, "after"), (7, "before")):
        assert killed(host, number, when, *create, by=by)
        if by != signal.SIGINT:
            netconsole(host, "apply")
        assert held(host) == before, (number, when)
        assert answer(host, "network", "list") == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_network_create_killed_at_each_step_leaves_no_trace(host: PrivateHost, when: str) -> None:
    configure(host)
    netconsole(host, "apply")
    before = held(host)
    create = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
    number = 0
    while killed(host, number, when, *create):
        netconsole(host, "apply")
        assert host.run("netconsole", "plan", check=False).stdout == ""
        assert held(host) == before, f"killed {when} step {number}"
        assert answer(host, "network", "list") == []
        number += 1
    assert number > (5 if when == "before" else 10)
    assert [row["label"] for row in answer(host, "network", "list")] == ["vmnet"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_apply_killed_at_each_step_is_finished_by_the_next(host: PrivateHost, when: str) -> None:
    create_cloud(host)
    whole = sorted(held(host))
    number = 0
    while True:
        host.run("iptables", "-t", "nat", "-F")
        host.run("pkill", "-KILL", "-x", "dnsmasq", check=False)
        host.run("ip", "address", "del", f"{FLOATING}/32", "dev", "eth0", check=False)
        host.run("sysctl", "-w", "net.ipv4.ip_forward=0")
        if not killed(host, number, when, "apply"):
            break
        netconsole(host, "apply")
        assert host.run("netconsole", "plan", check=False).stdout == ""
        assert sorted(held(host)) == whole, f"killed {when} step {number}"
        number += 1
    assert number >= 4
    assert reaches(host)
    allocation = answer(host, "status")["allocations"][0]
    assert (allocation["address"], allocation["leased"]) == ("10.0.0.2", True)


HOSTS = "/var/lib/netconsole/networks/nova-br100.hosts"


def probe(host: PrivateHost, mac: str) -> str:
    """The address that a machine with this MAC address gets from dnsmasq, or nothing."""
    host.run("ip", "-n", "probe", "link", "set", "eth0", "address", mac)
    client = ("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-R", "-t", "2", "-T", "1")
    said = host.run("ip", "netns", "exec", "probe", *client, check=False).stderr
    return said.partition("lease of ")[2].partition(" ")[0]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_guest_killed_on_its_way_out_or_in_has_its_address_or_none(
    host: PrivateHost, when: str
) -> None:
    """An instance is deleted, and its address given to another one, which dnsmasq has to learn."""
    create_network(host)
    create = ("instance", "create", "--project", "demo", "--network", "vmnet", "--port-kind=veth")
    netconsole(host, *create, "web1")
    link = ("ip", "link", "add", "probe0", "type", "veth", "peer", "name", "eth0", "netns")
    host.run("ip", "netns", "add", "probe")
    host.run(*link, "probe")
    host.run("ip", "link", "set", "probe0", "master", "br100", "up")
    host.run("ip", "-n", "probe", "link", "set", "eth0", "up")
    old = answer(host, "instance", "show", "web1")["ports"][0]["port"]["mac"]

    taken = steps_killed(host, when, ("instance", "delete", "web1"), lambda: probe(host, old))
    assert taken >= (1 if when == "before" else 2)
    assert probe(host, old) == ""
    old_file = old.replace(":", "-")
    reuse = (*create, "web2", "--fixed-address", "10.0.0.2")
    assert steps_killed(host, when, reuse, lambda: host.read(f"{HOSTS}/{old_file}")) > 1
    assert host.run("ls", HOSTS).stdout.count("\n") == 1
    new = answer(host, "instance", "show", "web2")["ports"][0]["port"]["mac"]
    assert eventually(lambda: probe(host, new)) == "10.0.0.2"
    assert probe(host, old) == ""


def steps_killed(
    host: PrivateHost, when: str, command: tuple[str, ...], answered: Callable[[], str]
) -> int:
    """Kill a command at each step and recover, until it goes through; return how many it has."""
    whole, before, number = sorted(held(host)), answered(), 0
    while killed(host, number, when, *command):
        netconsole(host, "apply")
        assert host.run("netconsole", "plan", check=False).stdout == ""
        assert sorted(held(host)) == whole, f"killed {when} step {number}"
        eventually(lambda: answered() == before)  # a busy server may be late
        number += 1
    return number


def test_what_was_cut_off_is_said(host: PrivateHost) -> None:
    create_cloud(host)
    assert killed(host, 1, "after", "floating", "disassociate", FLOATING)
    done = host.run("netconsole", "apply", environment={"SUDO_USER": "eve"})
    assert f"floating disassociate {FLOATING}" in done.stderr
    assert reaches(host)
    row = next(row for row in answer(host, "floating", "list") if row["address"] == FLOATING)
    assert row["instance"] == "web1"

    # The log has a line of it, of who asked for it.
    log = host.read("/var/lib/netconsole/audit.jsonl").splitlines()
    cut_off, after = map(json.loads, log[-2:])
    assert cut_off["asked"] == f"floating disassociate {FLOATING}"
    assert cut_off["outcome"] == "killed, taken back by apply"
    assert (cut_off["login"], cut_off["sudo_user"], cut_off["end"]) == ("root", None, "recovered")
    (entry,) = (each for each in answer(host, "history") if each["id"] == cut_off["change_id"])
    assert cut_off["commands"] == [
        command for step in entry["steps"][:2] for command in step["commands"]
    ]
    assert (after["asked"], after["sudo_user"]) == ("apply", "eve")


def test_a_change_waits_for_the_one_under_way(host: PrivateHost) -> None:
    create_cloud(host)
    host.write(
        "/run/hold.py",
        "import fcntl,sys\nf=open('/var/lib/netconsole/host.lock','r+')\n"
        "fcntl.flock(f, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()\n",
    )
    holder = host.spawn("python3", "/run/hold.py")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waiting = host.spawn("netconsole", "floating", "disassociate", FLOATING)
    assert FLOATING in host.run("ip", "address").stdout
    holder.communicate(timeout=60)
    assert waiting.wait(timeout=60) == 0
    assert FLOATING not in host.run("ip", "address").stdout
