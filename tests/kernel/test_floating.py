"""Floating addresses: reached from outside while associated, and cut when not."""

from collections.abc import Iterator

import pytest
from cloud import FLOATING, answer, boot, create_cloud, create_network, netconsole, reaches
from private_host import PrivateHost, eventually

SERVE = """
import socket
server = socket.create_server(("0.0.0.0", 80))
print("listening", flush=True)
connection, _ = server.accept()
while data := connection.recv(100):
    connection.sendall(data)
"""

WHO_CONNECTS = """
import socket
with socket.create_server(("0.0.0.0", 7000)) as server:
    print("listening", flush=True)
    print(server.accept()[1][0], flush=True)
"""

CONNECT = f"""
import socket
import sys
connection = socket.create_connection(("{FLOATING}", 80), 5)
connection.settimeout(1)
for line in sys.stdin:
    try:
        connection.sendall(line.encode())
        print(connection.recv(100).decode().strip(), flush=True)
    except OSError as error:
        print(type(error).__name__, flush=True)
"""


def nat(host: PrivateHost) -> list[str]:
    listed = host.run("iptables", "-t", "nat", "-S").stdout.splitlines()
    return [line for line in listed if FLOATING in line]


def test_five_rules_and_the_address_and_it_answers(host: PrivateHost) -> None:
    fixed = create_cloud(host)
    assert sorted(nat(host)) == [
        f"-A nova-network-OUTPUT -d {FLOATING}/32 -j DNAT --to-destination {fixed}",
        f"-A nova-network-POSTROUTING -s {fixed}/32 -m conntrack --ctstate DNAT "
        f"-j SNAT --to-source {FLOATING}",
        f"-A nova-network-PREROUTING -d {FLOATING}/32 -j DNAT --to-destination {fixed}",
        f"-A nova-network-floating-snat -s {fixed}/32 -d {fixed}/32 -j SNAT --to-source {FLOATING}",
        f"-A nova-network-floating-snat -s {fixed}/32 -o eth0 -j SNAT --to-source {FLOATING}",
    ]
    assert f"inet {FLOATING}/32 scope global eth0" in host.run("ip", "address").stdout
    assert reaches(host)


def test_the_neighbours_are_told_at_once(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")
    stale = "02:00:00:00:00:99"
    host.outside(*("ip", "neigh", "add", FLOATING, "lladdr", stale, "nud", "stale", "dev", "eth0"))
    netconsole(host, "floating", "associate", FLOATING, "web1")
    own = host.run("cat", "/sys/class/net/eth0/address").stdout.strip()
    assert own in host.outside("ip", "neigh", "show", FLOATING).stdout


def test_disassociating_cuts_what_is_open_and_answers_no_more(host: PrivateHost) -> None:
    fixed = create_cloud(host)
    server = host.spawn("ip", "netns", "exec", "web1", "python3", "-c", SERVE)
    assert server.stdout is not None
    assert server.stdout.readline() == "listening\n"
    client = host.spawn("ip", "netns", "exec", "outside", "python3", "-uc", CONNECT)
    assert client.stdin is not None
    assert client.stdout is not None

    def say(word: str) -> str:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(f"{word}\n")
        client.stdin.flush()
        return client.stdout.readline().strip()

    assert say("before") == "before"
    netconsole(host, "floating", "disassociate", FLOATING)
    assert say("after") != "after"
    assert not reaches(host)
    assert nat(host) == []
    assert FLOATING not in host.run("ip", "address").stdout
    assert fixed not in host.run("conntrack", "-L", "-d", FLOATING, check=False).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "--pool", "p", "--ip-range", "203.0.113.136/29"), "exists already"),
        (("create", "--pool", "p", "--ip-range", "10.0.0.0/28"), "overlaps"),
        (("create", "--pool", "p", "--ip-range", "300.0.0.0/28"), "300.0.0.0/28"),
        (("create", "--pool", " a", "--ip-range", "198.51.100.0/30"), "' a'"),
        (("delete", FLOATING), f"netconsole floating disassociate {FLOATING}`"),
        (("delete", "203.0.113.128/28"), f"netconsole floating disassociate {FLOATING}`"),
        (("delete", "192.0.2.0/30"), "192.0.2.0/30"),
        (("associate", "203.0.113.130", "nobody"), "nobody"),
        (("associate", "192.0.2.1", "web1"), "192.0.2.1"),
        (("associate", FLOATING, "web2"), "associated already"),
        (("associate", "203.0.113.130", "web1", "--fixed-address", "10.0.0.77"), "10.0.0.77"),
        (("disassociate", "203.0.113.130"), "not associated"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_changes_nothing(
    shared_cloud: PrivateHost, arguments: tuple[str, ...], words: str
) -> None:
    before = answer(shared_cloud, "floating", "list")
    refused = shared_cloud.run("netconsole", "floating", *arguments, check=False)
    assert refused.returncode in (1, 2)
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert answer(shared_cloud, "floating", "list") == before
    assert shared_cloud.run("netconsole", "plan", check=False).returncode == 0


@pytest.fixture(scope="module")
def shared_cloud() -> Iterator[PrivateHost]:
    with PrivateHost() as made:
        create_cloud(made)
        boot(made, "web2")
        yield made


def test_a_range_of_two_and_of_one(host: PrivateHost) -> None:
    create_network(host)
    netconsole(host, "floating", "create", "--pool", "nova", "--ip-range", "68.99.26.170/31")
    netconsole(host, "floating", "create", "--pool", "nova", "--ip-range", "68.99.26.172")
    rows = answer(host, "floating", "list")
    assert [row["address"] for row in rows] == ["68.99.26.170", "68.99.26.171", "68.99.26.172"]


def test_an_instance_deleted_gives_its_floating_address_back(host: PrivateHost) -> None:
    create_cloud(host)
    netconsole(host, "instance", "delete", "web1")
    free = next(row for row in answer(host, "floating", "list") if row["address"] == FLOATING)
    assert free["instance"] is None
    assert not reaches(host)
    eventually(lambda: answer(host, "status")["allocations"] == [])


def test_a_masquerade_that_was_there_first_does_not_take_what_a_floating_address_sends(
    host: PrivateHost,
) -> None:
    theirs = "-A POSTROUTING -o eth0 -j MASQUERADE"
    host.run("iptables", "-t", "nat", *theirs.split())
    create_cloud(host)
    listener = host.spawn("ip", "netns", "exec", "outside", "python3", "-c", WHO_CONNECTS)
    assert listener.stdout is not None
    assert listener.stdout.readline() == "listening\n"
    connect = "import socket; socket.create_connection(('203.0.113.1', 7000), 60)"
    host.run("ip", "netns", "exec", "web1", "python3", "-c", connect)
    assert listener.stdout.readline().strip() == FLOATING

    netconsole(host, "floating", "disassociate", FLOATING)
    netconsole(host, "instance", "delete", "web1")
    netconsole(host, "network", "delete", "vmnet")
    left = host.run("iptables", "-t", "nat", "-S", "POSTROUTING").stdout.splitlines()[1:]
    assert left == [theirs]


def test_a_masquerade_that_was_put_first_later_is_told_by_the_association(
    host: PrivateHost,
) -> None:
    create_cloud(host)
    netconsole(host, "floating", "disassociate", FLOATING)
    associate = ("netconsole", "floating", "associate", FLOATING, "web1")
    assert "does not leave" not in host.run(*associate, "--dry-run").stderr
    host.run("iptables", "-t", "nat", "-N", "theirs")
    host.run("iptables", "-t", "nat", "-A", "theirs", "-o", "eth0", "-j", "MASQUERADE")
    host.run("iptables", "-t", "nat", "-I", "POSTROUTING", "-s", "10.0.0.0/24", "-j", "theirs")

    told = host.run(*associate).stderr

    assert f"what is sent from 10.0.0.2 does not leave as {FLOATING}: in nat POSTROUTING" in told
    assert "`-s 10.0.0.0/24 -j theirs` comes before ours" in told
    host.run("netconsole", "playbook", "run", "egress_source", "--apply")
    netconsole(host, "floating", "disassociate", FLOATING)
    assert "does not leave" not in host.run(*associate).stderr


def test_a_network_may_be_labelled_like_a_floating_address(host: PrivateHost) -> None:
    create_cloud(host)
    netconsole(
        *(host, "network", "create", FLOATING),
        *("--fixed-range-v4", "10.9.0.0/24", "--bridge", "br109"),
    )
    (row,) = (r for r in answer(host, "status")["floating_ips"] if r["address"] == FLOATING)
    assert (row["rules_present"], row["rules_expected"], row["state"]) == (5, 5, "ok")
    netconsole(host, "floating", "disassociate", FLOATING)
    assert nat(host) == []
    assert not reaches(host)
