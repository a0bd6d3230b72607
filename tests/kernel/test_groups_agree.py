"""Random security groups: what the records say, what the rules do, and what packets get through."""

import json
import random
from collections.abc import Iterator

from cloud import answer, boot, configure, netconsole
from private_host import PrivateHost
from talk import HOST, Flow, answered, serve, serve_datagrams, settle

from netconsole.backend.model.eui64 import address_v6
from netconsole.backend.model.group_rules import GroupProtocol

WORLDS = range(4)
GUESTS = ("web1", "web2", "db1")
GROUPS = (1, 2, 3)
V6 = "fd00:5::/64"
TRAFFIC: tuple[tuple[GroupProtocol, int | None], ...] = (
    ("tcp", 22),
    ("tcp", 80),
    ("udp", 53),
    ("icmp", None),
)
OWN = {HOST: ("10.0.0.1", "fd00:5::1"), "outside": ("203.0.113.1",)}

WRITE = """
import json, sqlite3, sys
rules, members = json.loads(sys.argv[1])
with sqlite3.connect("/var/lib/netconsole/netconsole.sqlite") as store:
    store.execute("DELETE FROM security_group_rules")
    store.execute("DELETE FROM security_group_instance_association")
    store.executemany(
        "INSERT INTO security_group_rules (parent_group_id, protocol, from_port, to_port, cidr,"
        " group_id, created_at) VALUES (?, ?, ?, ?, ?, ?, '2026-01-01 00:00:00')",
        rules,
    )
    store.executemany(
        "INSERT INTO security_group_instance_association"
        " SELECT ?, uuid FROM instances WHERE name = ?",
        members,
    )
"""

ASK = """
import json, sys
from netconsole.backend.configuration.loading import load
from netconsole.backend.model.group_rules import Attempt
from netconsole.backend.service.service import Service
from netconsole.backend.survey.enforcement import answers
from netconsole.backend.survey.senders import Source

seen = Service(load()).survey()
for source, guest, protocol, port in json.loads(sys.argv[1]):
    (found,) = answers(seen, Source(source), guest, Attempt(protocol, port))
    print(json.dumps([found.by_records.allowed, found.by_rules, found.by_records.because]))
"""


def furnish(host: PrivateHost) -> dict[str, tuple[str, ...]]:
    """A network of both families with guests that answer; return who has which addresses.

    Of bridged frames each bridge says itself that they meet the rules.
    """
    for family in ("iptables", "ip6tables"):
        host.run("sysctl", "-w", f"net.bridge.bridge-nf-call-{family}=0")
    words = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100", "--fixed-range-v6", V6)
    netconsole(host, "network", "create", "vmnet", *words)
    host.outside("ip", "route", "add", "10.0.0.0/24", "via", "203.0.113.2")
    for name in ("blue", "green"):
        netconsole(host, "secgroup", "create", name, "--project", "demo")
    have = dict(OWN)
    for guest in GUESTS:
        fixed = boot(host, guest, is_open=False)
        mac = answer(host, "instance", "show", guest)["ports"][0]["port"]["mac"]
        made = address_v6(mac, V6)
        host.run("ip", "-n", guest, "address", "replace", f"{made}/64", "dev", "eth0", "nodad")
        serve(host, guest, 22, 80)
        serve_datagrams(host, guest, 53)
        have[guest] = (fixed, made)
    return have


def draw(source: random.Random, addresses: list[str]) -> list[tuple[object, ...]]:
    """Some rules, as rows."""
    wholes = ["0.0.0.0/0", "203.0.113.0/24", "10.0.0.0/24", "::/0", V6]
    singles = [f"{each}/{128 if ':' in each else 32}" for each in addresses]
    ports = [(22, 22), (1, 65535), (20, 30), (53, 53), (80, 80), (443, 443)]
    types = [(-1, -1), (8, -1), (8, 0), (128, -1), (128, 0), (3, 4)]
    rows: list[tuple[object, ...]] = []
    for _ in range(source.randint(2, 7)):
        protocol = source.choice((None, "tcp", "tcp", "udp", "icmp", "icmp"))
        first, last = source.choice(types if protocol == "icmp" else ports)
        numbers = (None, None) if protocol is None else (first, last)
        cidr = source.choice((None, source.choice(wholes), source.choice(singles)))
        group = source.choice(GROUPS) if cidr is None else None
        rows.append((source.choice(GROUPS), protocol, *numbers, cidr, group))
    return rows


def flows(have: dict[str, tuple[str, ...]]) -> Iterator[tuple[Flow, str, str]]:
    """Whatever anybody may send to a guest, with its source and the guest."""
    for sender, sources in have.items():
        for guest in GUESTS:
            if guest == sender:
                continue
            for source, address in zip(sources, have[guest], strict=False):
                for protocol, port in TRAFFIC:
                    yield Flow(sender, source, protocol, address, port), source, guest


def test_records_rules_and_packets_give_one_answer(host: PrivateHost) -> None:
    configure(host, "allow_same_net_traffic = False")
    have = furnish(host)
    settle(host, *GUESTS)
    every = list(flows(have))
    asked = [(source, guest, flow.protocol, flow.port) for flow, source, guest in every]
    sent = [flow for flow, _, _ in every]
    everybody = [address for own in have.values() for address in own]
    both = set()
    for number in WORLDS:
        chosen = random.Random(number)  # noqa: S311 - no secret
        rules = draw(chosen, everybody)
        members = [(group, guest) for group in GROUPS for guest in GUESTS if chosen.random() < 0.5]
        host.run("python3", "-c", WRITE, json.dumps((rules, members)))
        netconsole(host, "apply")
        told = host.run("python3", "-c", ASK, json.dumps(asked)).stdout.splitlines()
        said = dict(zip(sent, map(json.loads, told), strict=True))
        allowed = {flow for flow, (is_allowed, _, _) in said.items() if is_allowed}
        by_rules = {flow for flow, (_, verdict, _) in said.items() if verdict == "allowed"}
        assert by_rules == allowed, (number, rules, members)
        passed = answered(host, sent, allowed)
        wrong = [(flow, said[flow]) for flow in passed ^ allowed]
        assert not wrong, (number, rules, members)
        both |= {flow in allowed for flow in sent}
    assert both == {True, False}
