"""The watch: what happens on a host by anyone's doing is in the next picture, and nobody polls."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cloud import boot, configure, create_network, netconsole
from private_host import PrivateHost, eventually

PROGRAM = (Path(__file__).parents[1] / "support" / "watched_pictures.py").read_text()


class Watching:
    """A watch on a private host."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, question: str) -> Any:
        """Ask the process that watches; see its program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            _, complaint = self._process.communicate(timeout=60)
            raise AssertionError(complaint)
        return json.loads(answer)

    @property
    def picture(self) -> Any:
        return self.ask("latest")["picture"]

    @property
    def heard(self) -> int:
        return int(self.ask("latest")["heard"])

    def rests(self) -> bool:
        """Whether nothing was heard for a moment: what went before is over."""
        before = self.heard
        time.sleep(1.5)
        return self.heard == before


@contextmanager
def watching(host: PrivateHost, *arguments: str) -> Iterator[Watching]:
    """Watch a host from when nothing happens there any more, and as long as this lasts."""
    process = host.spawn("python3", "-c", PROGRAM, *arguments)
    try:
        watch = Watching(process)
        eventually(lambda: watch.picture)
        eventually(watch.rests)
        yield watch
    finally:
        process.communicate("quit\n", timeout=60)


def link_down(picture: Any) -> bool:
    return "ip link set dev br100 up" in picture["commands"]


def gateway_gone(picture: Any) -> bool:
    return "br100 10.0.0.1/24" not in picture["addresses"]


def rules_gone(picture: Any) -> bool:
    return "iptables -t filter -A FORWARD -j nova-filter-top" in picture["commands"]


def guards_gone(picture: Any) -> bool:
    return "nft 'add table netdev netconsole'" in picture["commands"]


def server_gone(picture: Any) -> bool:
    return not picture["dnsmasq"]


def hosts_changed(picture: Any) -> bool:
    return bool(picture["commands"])


HOSTS = "/var/lib/netconsole/networks/nova-br100.hosts"
BREAKING = {
    "a link goes down": ("ip link set br100 down", link_down),
    "an address goes": ("ip address del 10.0.0.1/24 dev br100", gateway_gone),
    "a chain is flushed": ("iptables -F FORWARD", rules_gone),
    "the guards go": ("nft delete table netdev netconsole", guards_gone),
    "dnsmasq is killed": (
        "kill -9 $(cat /var/lib/netconsole/networks/nova-br100.pid)",
        server_gone,
    ),
    "a hosts file is edited": (f"for each in {HOSTS}/*; do echo '#' >> $each; done", hosts_changed),
    "a hosts file goes": (f"rm {HOSTS}/*", hosts_changed),
}


@pytest.fixture(scope="module")
def booted() -> Iterator[PrivateHost]:
    """A host with a guest, which is mended after each test."""
    with PrivateHost() as host:
        create_network(host)
        boot(host, "web1")
        yield host


@pytest.mark.parametrize("breaking", BREAKING)
def test_what_is_broken_by_hand_is_in_the_picture(booted: PrivateHost, breaking: str) -> None:
    host, (command, is_seen) = booted, BREAKING[breaking]
    with watching(host) as watch:
        assert watch.picture["commands"] == []
        heard = watch.heard
        host.run("sh", "-c", command)
        eventually(lambda: is_seen(watch.picture), seconds=30)
        assert watch.heard > heard
        netconsole(host, "apply")
        eventually(lambda: not watch.picture["commands"])
        eventually(watch.rests)


def test_a_change_by_another_process_is_in_the_picture(host: PrivateHost) -> None:
    create_network(host)
    with watching(host) as watch:
        boot(host, "web1")
        eventually(lambda: watch.picture["instances"] == ["web1"])
        eventually(lambda: not watch.picture["commands"])
        eventually(watch.rests)


def test_before_there_is_anything_the_first_network_is_seen(host: PrivateHost) -> None:
    configure(host)
    with watching(host) as watch:
        create_network(host)
        eventually(lambda: watch.picture["networks"] == ["vmnet"])
        eventually(lambda: watch.picture["dnsmasq"] and not watch.picture["commands"])


def test_a_storm_ends_with_the_right_picture(host: PrivateHost) -> None:
    create_network(host)
    lines = []
    for number in range(1000):
        lines += [
            f"address add 192.0.2.{number % 250 + 1}/32 dev br100",
            f"address del 192.0.2.{number % 250 + 1}/32 dev br100",
        ]
    lines += ["link add storm type bridge", "address add 192.0.2.251/32 dev br100"]
    with watching(host) as watch:
        looks = watch.ask("latest")["looks"]
        host.run("ip", "-batch", "-", input="\n".join(lines))
        eventually(lambda: "br100 192.0.2.251/32" in watch.picture["addresses"])
        eventually(lambda: "storm" in watch.picture["links"])
        eventually(watch.rests)
        assert [each for each in watch.picture["addresses"] if "192.0.2." in each] == [
            "br100 192.0.2.251/32"
        ]
        assert watch.ask("latest")["looks"] < looks + 100


def test_an_idle_watch_does_not_look(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    with watching(host) as watch:
        heard = watch.heard
        time.sleep(4)
        assert watch.heard == heard


def test_counters_are_read_once_somebody_looks(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    with watching(host) as watch:
        counted = watch.picture["packets"]
        host.run("ping", "-c3", "-i0.2", "10.0.0.2")
        assert watch.picture["packets"] == counted
        watch.ask("glance")
        eventually(lambda: watch.picture["packets"] > counted)


HOLDER = """
import sqlite3
store = sqlite3.connect("/var/lib/netconsole/netconsole.sqlite")
((holder,),) = store.execute("select instance_uuid from fixed_ips where address = '10.0.0.2'")
print(holder)
"""


def test_an_address_whose_lease_does_not_end_is_given_back_in_time(host: PrivateHost) -> None:
    create_network(host, "force_dhcp_release = False", "fixed_ip_disassociate_timeout = 6")
    boot(host, "web1")
    with watching(host):
        netconsole(host, "instance", "delete", "web1")
        assert host.run("python3", "-c", HOLDER).stdout != "None\n"
        eventually(lambda: host.run("python3", "-c", HOLDER).stdout == "None\n", seconds=60)


def test_a_lease_is_noted_as_it_comes(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    with watching(host) as watch:
        assert watch.picture["leased"] == ["10.0.0.2"]
        host.run("truncate", "-s0", f"{HOSTS.removesuffix('.hosts')}.leases")
        eventually(lambda: watch.picture["leased"] == [])
        eventually(watch.rests)


def test_saved_evidence_can_be_planned_again(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    host.run("ip", "address", "add", "203.0.113.129/32", "dev", "eth0")
    host.run("sh", "-c", "iptables -F FORWARD; ip link set br100 down")
    host.run("ip", "link", "add", "other", "type", "bridge")
    planned = host.run("netconsole", "plan", check=False)
    assert planned.returncode == 2
    host.run("netconsole", "doctor", "--save", "/run/evidence.json", check=False)
    netconsole(host, "apply")
    again = host.run("netconsole", "plan", "--from", "/run/evidence.json", check=False)
    assert (again.stdout, again.returncode) == (planned.stdout, 2)
    host.run("netconsole", "doctor", "--save", "/run/whole.json", check=False)
    assert host.run("netconsole", "plan", "--from", "/run/whole.json").stdout == ""
    refused = host.run("netconsole", "plan", "--from", "/etc/hostname", check=False)
    assert refused.returncode == 2
    assert "/etc/hostname" in refused.stderr
