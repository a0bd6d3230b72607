"""Bounds of the kernel that only its first network namespace has: each reached by real packets,
named alone, raised, and as low as before."""

from collections.abc import Iterator

import pytest
from first_namespace import PYTHON, UNSERVED, first_namespace, program, settings
from lab_faults import examined, to_the_cure_and_back
from private_host import PrivateHost, eventually

NEIGHBOURS = 80
"""That the host sends to."""
ROOM = 60
"""For that many; twice as many are enough."""
CALL = f"""
import contextlib, socket, time
calling = socket.socket(type=socket.SOCK_DGRAM)
while True:
    for number in range({NEIGHBOURS}):
        with contextlib.suppress(OSError):
            calling.sendto(b"", (f"192.0.2.{{number + 10}}", 9))
    time.sleep(0.2)
"""
FRAGMENTS = 20
"""Of an echo that long; its reply is handed on all at once, by a processor that is busy with it."""
PING = ("ping", "-q", "-i", "0.1", "-s", str(1480 * FRAGMENTS - 100), "10.0.0.1")
CONNECTIONS = 200
LISTEN = """
import socket
listening = socket.create_server(("203.0.113.1", 8080), backlog=500)
held = []
print("listening", flush=True)
while True:
    held.append(listening.accept())
"""
CONNECT = f"""
import signal, socket
held = [socket.create_connection(("203.0.113.1", 8080)) for _ in range({CONNECTIONS})]
print("connected", flush=True)
signal.pause()
"""
ONE_MORE = """
import socket
socket.create_connection(("203.0.113.1", 8080), timeout=4)
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[PrivateHost]:
    """A host for all of them, in turn: each leaves it as it was."""
    with first_namespace() as host:
        yield host


def test_the_table_of_neighbours(cloud: PrivateHost) -> None:
    cloud.run("ip", "address", "add", "192.0.2.2/24", "dev", "eth0")
    bounds = {f"net.ipv4.neigh.default.gc_thresh{number}": ROOM for number in (1, 2, 3)}
    # The bounds first: who is known already is not refused.
    with settings(cloud, bounds), program(cloud, *PYTHON, CALL):
        told = ("tail", "-n", "1", "/proc/net/stat/arp_cache")
        eventually(lambda: int(cloud.run(*told).stdout.split()[-1], 16), seconds=60)
        to_the_cure_and_back(cloud, "neighbour_table", beside=UNSERVED)
    assert examined(cloud).findings["conntrack_full"]["verdict"] == "ok"
    cloud.run("ip", "address", "delete", "192.0.2.2/24", "dev", "eth0")


def test_the_backlog_of_a_processor(cloud: PrivateHost) -> None:
    with program(cloud, "ip", "netns", "exec", "web1", *PING):
        assert examined(cloud).named_beside(UNSERVED) == []
        with settings(cloud, {"net.core.netdev_max_backlog": FRAGMENTS * 2 // 3}):
            finding = to_the_cure_and_back(cloud, "saturation", beside=UNSERVED)
            assert "packets were dropped" in finding["because"]


def one_more(host: PrivateHost) -> bool:
    """Whether another connection can be made."""
    return host.run(*PYTHON, ONE_MORE, check=False).returncode == 0


def test_the_table_of_connections(cloud: PrivateHost) -> None:
    cloud.run("conntrack", "--flush")
    listen = ("ip", "netns", "exec", "outside", *PYTHON, LISTEN)
    with (
        program(cloud, *listen, says="listening"),
        program(cloud, *PYTHON, CONNECT, says="connected"),
    ):
        assert one_more(cloud)
        with settings(cloud, {"net.netfilter.nf_conntrack_max": CONNECTIONS}):
            eventually(lambda: not one_more(cloud), seconds=60)
            finding = to_the_cure_and_back(cloud, "conntrack_full", beside=UNSERVED)
            assert f"of {CONNECTIONS} connections are tracked" in finding["because"]
            assert "203.0.113.2 began more than half of them" in finding["remedy"]
        assert one_more(cloud)
    assert examined(cloud).findings["conntrack_full"]["verdict"] == "info"
