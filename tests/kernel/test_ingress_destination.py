"""Chains of others that translate what comes in: said where, and only where, they take it."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from cloud import FLOATING, create_cloud, netconsole
from private_host import PrivateHost, eventually

CHECK = "ingress_destination"
ANSWER = """
import socket
import sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("0.0.0.0", 7000))
    print("listening", flush=True)
    while True:
        server.sendto(sys.argv[1].encode(), server.recvfrom(10)[1])
"""
ASK = f"""
import socket
import sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.bind(("", int(sys.argv[1])))
    client.settimeout(1)
    client.sendto(b"who", ("{FLOATING}", 7000))
    print(client.recv(20).decode())
"""
TO_HOST = f"ip daddr {FLOATING} counter dnat ip to 203.0.113.2"
PROXY = 'iifname "eth0" redirect'


class World:
    """A cloud, and who answers outside for its floating address."""

    def __init__(self, host: PrivateHost) -> None:
        self.host = host
        self._source_ports = count(20000)
        """A port that was used is led where its first packet was, for as long as that is known."""
        for name, where in (("web1", ("ip", "netns", "exec", "web1")), ("host", ())):
            answering = host.spawn(*where, "python3", "-c", ANSWER, name)
            assert answering.stdout is not None
            assert answering.stdout.readline() == "listening\n"

    def answerer(self) -> str:
        """Ask the floating address from outside, each time anew; return who answers."""
        return eventually(self._asked).strip()

    def _asked(self) -> str:
        words = ("python3", "-c", ASK, str(next(self._source_ports)))
        return self.host.outside(*words, check=False).stdout

    def graded(self) -> tuple[str, str]:
        told = self.host.run("netconsole", "doctor", "--only", CHECK, "--json", check=False)
        found: Any
        assert told.stdout, told.stderr
        (found,) = json.loads(told.stdout)["findings"]
        return found["verdict"], found["confidence"]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with PrivateHost() as host:
        create_cloud(host)
        yield World(host)


def table(family: str, priority: int, rule: str, flags: str = "") -> str:
    hook = f"type nat hook prerouting priority {priority};"
    return f"table {family} theirs {{\n{flags}\nchain pre {{\n{hook}\n{rule}\n}}\n}}\n"


@pytest.mark.parametrize("family", ["ip", "inet"])
@pytest.mark.parametrize(
    ("priority", "rule", "flags", "answerer", "graded"),
    [
        (-101, TO_HOST, "", "host", ("fail", "certain")),
        (-101, PROXY, "", "host", ("fail", "certain")),
        (-100, TO_HOST, "", "host", ("warn", "likely")),
        (-99, TO_HOST, "", "web1", ("ok", "certain")),
        (-101, TO_HOST, "flags dormant", "web1", ("ok", "certain")),
        (-101, "accept", "", "web1", ("ok", "certain")),
        (-101, "udp dport 7001 redirect to :7000", "", "web1", ("info", "possible")),
    ],
)
def test_what_a_native_chain_takes_is_what_the_check_says(
    world: World,
    family: str,
    priority: int,
    rule: str,
    flags: str,
    answerer: str,
    graded: tuple[str, str],
) -> None:
    world.host.run("nft", "-f", "-", input=table(family, priority, rule, flags))
    try:
        assert (world.answerer(), world.graded()) == (answerer, graded)
        if graded[0] in ("fail", "warn"):
            netconsole(world.host, "playbook", "run", CHECK, "--apply")
            assert (world.answerer(), world.graded()) == ("web1", ("ok", "certain"))
    finally:
        world.host.run("nft", "delete", "table", family, "theirs")


def test_our_jump_moves_before_a_rule_of_others_in_our_own_chain(world: World) -> None:
    rule = ("PREROUTING", "-d", FLOATING, "-j", "DNAT", "--to-destination", "203.0.113.2")
    world.host.run("iptables", "-t", "nat", "-I", *rule)
    try:
        assert (world.answerer(), world.graded()) == ("host", ("fail", "certain"))
        netconsole(world.host, "playbook", "run", CHECK, "--apply")
        assert (world.answerer(), world.graded()) == ("web1", ("ok", "certain"))
        assert netconsole(world.host, "plan") == ""
    finally:
        world.host.run("iptables", "-t", "nat", "-D", *rule)


def test_the_legacy_kind_decides_only_where_it_translates(host: PrivateHost) -> None:
    create_cloud(host)
    world = World(host)
    legacy = ("iptables-legacy", "-w", "-t", "nat", "-A", "PREROUTING")
    host.run(*legacy, "-j", "ACCEPT")
    assert (world.answerer(), world.graded()) == ("web1", ("ok", "certain"))
    host.run("iptables-legacy", "-t", "nat", "-F")
    host.run(*legacy, "-i", "eth0", "-j", "REDIRECT")
    assert (world.answerer(), world.graded()) == ("host", ("warn", "possible"))
    netconsole(host, "playbook", "run", CHECK, "--apply")
    assert (world.answerer(), world.graded()) == ("web1", ("ok", "certain"))
