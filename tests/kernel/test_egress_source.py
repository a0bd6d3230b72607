"""Chains of others that translate what leaves: said where, and only where, they take it."""

import json
from collections.abc import Iterator
from subprocess import Popen
from typing import Any

import pytest
from cloud import FLOATING, create_cloud, netconsole
from private_host import PrivateHost

OWN = "203.0.113.2"
"""What the host itself is seen under."""
LISTEN = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("0.0.0.0", 7000))
    print("listening", flush=True)
    while True:
        print(server.recvfrom(10)[1][0], flush=True)
"""
SEND = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.bind(("", int(sys.argv[1])))
    client.sendto(b"hello", ("203.0.113.1", 7000))
"""
MASQUERADE = 'iifname "br100" oifname "eth0" counter masquerade'
JUMP = "ip saddr 10.0.0.0/24 ip daddr != 10.0.0.0/8 goto more"
LATER_IN_NAT = """
add chain ip nat later { type nat hook postrouting priority 100; }
add rule ip nat later oifname "eth0" masquerade
"""


class World:
    """A cloud, and who outside sees under which address its instance sends."""

    def __init__(self, host: PrivateHost) -> None:
        self.host = host
        listen = ("ip", "netns", "exec", "outside", "python3", "-c", LISTEN)
        self._listener: Popen[str] = host.spawn(*listen)
        assert self._heard() == "listening"

    def source(self, port: int = 0) -> str:
        """Send from the instance, from a port of its own or any; return from where that is seen to
        come."""
        self.host.run("ip", "netns", "exec", "web1", "python3", "-c", SEND, str(port))
        return self._heard()

    def _heard(self) -> str:
        assert self._listener.stdout is not None
        return self._listener.stdout.readline().strip()

    def finding(self) -> Any:
        told = self.host.run("netconsole", "doctor", "--only", CHECK, "--json", check=False)
        (found,) = json.loads(told.stdout)["findings"]
        return found

    def graded(self) -> tuple[str, str]:
        found = self.finding()
        return found["verdict"], found["confidence"]

    def load(self, told: str) -> None:
        self.host.run("nft", "-f", "-", input=told)


CHECK = "egress_source"


def table(family: str, priority: int, *rules: str, flags: str = "") -> str:
    """A table `theirs` whose chain `post` has these rules, with a chain `more`."""
    lines = (
        *(f"table {family} theirs {{", flags),
        *("chain more {", 'oifname "eth0" snat ip to 203.0.113.77', "}"),
        *("chain post {", f"type nat hook postrouting priority {priority};", *rules, "}", "}", ""),
    )
    return "\n".join(lines)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with PrivateHost() as host:
        create_cloud(host)
        yield World(host)


@pytest.mark.parametrize("family", ["ip", "inet"])
@pytest.mark.parametrize(
    ("priority", "rules", "source", "graded"),
    [
        (99, (MASQUERADE,), OWN, ("fail", "certain")),
        (100, (MASQUERADE,), OWN, ("warn", "likely")),
        (101, (MASQUERADE,), FLOATING, ("ok", "certain")),
        (99, (JUMP,), "203.0.113.77", ("fail", "certain")),
        (99, ("accept", MASQUERADE), FLOATING, ("ok", "certain")),
        (99, ("ip saddr 10.0.0.2 return", MASQUERADE), FLOATING, ("ok", "certain")),
        (99, ("ip saddr 10.0.0.9 masquerade",), FLOATING, ("ok", "certain")),
        (99, ("ip daddr 192.0.2.0/24 masquerade",), FLOATING, ("ok", "certain")),
        (99, ("meta l4proto udp masquerade",), OWN, ("info", "possible")),
        (99, ("meta l4proto udp ip saddr 10.0.0.2 masquerade",), OWN, ("warn", "possible")),
        (99, ("meta mark & 0x4000 != 0x4000 return", MASQUERADE), FLOATING, ("warn", "possible")),
    ],
)
def test_what_a_native_chain_takes_is_what_the_check_says(
    world: World,
    family: str,
    priority: int,
    rules: tuple[str, ...],
    source: str,
    graded: tuple[str, str],
) -> None:
    world.load(table(family, priority, *rules))
    try:
        assert world.source() == source
        assert world.graded() == graded
    finally:
        world.host.run("nft", "delete", "table", family, "theirs")
    assert world.source() == FLOATING


def test_a_dormant_table_takes_nothing(world: World) -> None:
    world.load(table("inet", 99, MASQUERADE, flags="flags dormant"))
    try:
        assert (world.source(), world.graded()) == (FLOATING, ("ok", "certain"))
    finally:
        world.host.run("nft", "delete", "table", "inet", "theirs")


def test_of_one_table_the_order_is_known(world: World) -> None:
    world.load(LATER_IN_NAT)
    try:
        assert (world.source(), world.graded()) == (OWN, ("fail", "certain"))
    finally:
        world.host.run("nft", "delete", "chain", "ip", "nat", "later")


def test_the_cure_leaves_the_instance_out_and_nobody_else(world: World) -> None:
    world.load(table("ip", 99, MASQUERADE))
    try:
        finding = world.finding()
        assert "chain post of the nft table ip theirs (priority 99)" in finding["because"]
        assert "nft -a list chain ip theirs post` (handle " in finding["remedy"]
        netconsole(world.host, "playbook", "run", CHECK, "--apply")
        assert world.source() == FLOATING
        assert world.graded() == ("ok", "certain")
        listed = world.host.run("nft", "list", "chain", "ip", "theirs", "post").stdout
        assert "masquerade" in listed
        assert 'ip saddr 10.0.0.2 oifname "eth0" accept' in listed
    finally:
        world.host.run("nft", "delete", "table", "ip", "theirs")


def test_what_an_admin_translates_before_the_rule_is_translated_after_the_cure(
    world: World,
) -> None:
    world.load(table("ip", 99, "udp sport 7777-7778 snat to 203.0.113.77", MASQUERADE))
    try:
        before = world.host.run("nft", "-s", "list", "ruleset").stdout
        assert (world.source(), world.source(7777)) == (OWN, "203.0.113.77")
        netconsole(world.host, "playbook", "run", CHECK, "--apply")
        # From another port, as what became of a connection is asked once.
        assert (world.source(), world.source(7778)) == (FLOATING, "203.0.113.77")
        netconsole(world.host, "playbook", "run", CHECK, "--undo")
        assert world.host.run("nft", "-s", "list", "ruleset").stdout == before
    finally:
        world.host.run("nft", "delete", "table", "ip", "theirs")


def test_an_association_says_what_takes_its_packets(world: World) -> None:
    def told() -> str:
        netconsole(world.host, "floating", "disassociate", FLOATING)
        return world.host.run("netconsole", "floating", "associate", FLOATING, "web1").stderr

    assert "leave" not in told()
    for priority, words in ((99, " does not leave"), (100, " probably does not leave")):
        world.load(table("inet", priority, MASQUERADE))
        said = told()
        assert f"what is sent from 10.0.0.2{words} as {FLOATING}: the rule `iifname" in said
        assert f"in chain post of the nft table inet theirs (priority {priority})" in said
        assert world.source() == OWN
        world.host.run("nft", "delete", "table", "inet", "theirs")
    world.load(table("inet", 101, MASQUERADE))
    assert "leave" not in told()
    world.host.run("nft", "delete", "table", "inet", "theirs")


def test_a_table_made_before_ours_comes_after_until_it_is_loaded_anew(host: PrivateHost) -> None:
    early = table("inet", 100, MASQUERADE)
    host.run("nft", "-f", "-", input=early)
    create_cloud(host)
    world = World(host)
    assert (world.source(), world.graded()) == (FLOATING, ("info", "likely"))
    world.load(f"delete table inet theirs\n{early}")
    assert (world.source(), world.graded()) == (OWN, ("warn", "likely"))


def test_the_legacy_kind_decides_only_where_it_translates(host: PrivateHost) -> None:
    create_cloud(host)
    world = World(host)
    legacy = ("iptables-legacy", "-w", "-t", "nat", "-A", "POSTROUTING")
    host.run(*legacy, "-j", "ACCEPT")
    assert (world.source(), world.graded()) == (FLOATING, ("ok", "certain"))
    host.run("iptables-legacy", "-t", "nat", "-F")
    host.run(*legacy, "-o", "eth0", "-j", "MASQUERADE")
    assert (world.source(), world.graded()) == (OWN, ("warn", "possible"))
    netconsole(host, "floating", "disassociate", FLOATING)
    told = host.run("netconsole", "floating", "associate", FLOATING, "web1").stderr
    assert f"what is sent from 10.0.0.2 may not leave as {FLOATING}: the rule `-o eth0" in told
    netconsole(host, "playbook", "run", CHECK, "--apply")
    assert (world.source(), world.graded()) == (FLOATING, ("ok", "certain"))
