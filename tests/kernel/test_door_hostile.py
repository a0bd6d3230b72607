"""Hostile requests at the agent's socket: nothing changes, nothing leaks, others are served.

NETCONSOLE_HOSTILE=100000 sends as many; it takes a quarter of an hour.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent import SOCKET, add_users, agent_kilobytes, curl, open_at_rest, open_files, start_agent
from cloud import create_cloud, held
from private_host import PrivateHost, eventually

pytestmark = pytest.mark.requires("root", "namespaces", "nsenter", "ip", "iptables")

COUNT = int(os.environ.get("NETCONSOLE_HOSTILE", "2000"))
PROGRAM = (Path(__file__).parents[1] / "support" / "hostile_requests.py").read_text()
MORE_MEMORY = 40_000
"""Kilobytes that the agent may have more after thousands of requests than after some."""


@pytest.fixture(scope="module")
def door() -> Iterator[PrivateHost]:
    """A host with its agent for all of them, in turn: what each may not do is leave a trace."""
    with PrivateHost() as host:
        create_cloud(host)
        add_users(host)
        start_agent(host)
        yield host


def as_user(user: str, *command: str) -> tuple[str, ...]:
    return ("setpriv", "--reuid", user, "--regid", user, "--init-groups", *command)


def store(host: PrivateHost) -> list[str]:
    return [
        host.run("netconsole", "--no-agent", *words, "--json").stdout
        for words in (("network", "list"), ("floating", "list"), ("secgroup", "list"))
    ]


def is_served(host: PrivateHost) -> bool:
    return curl(host, "/v1/networks", None, "-m", "10")[0] == 200


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("user", ["looker", "changer", "stranger"])
def test_fuzzed_requests_change_nothing_and_leak_nothing(door: PrivateHost, user: str) -> None:
    before, stored = held(door), store(door)
    command = as_user(user, "python3", "-c", PROGRAM)
    door.run(*command, "300", "0")
    files, kilobytes = open_at_rest(door), agent_kilobytes(door)
    attack = door.spawn(*command, str(COUNT // 3), "1")
    served = []

    def has_ended() -> bool:
        served.append(is_served(door))
        return attack.poll() is not None

    eventually(has_ended, seconds=3600)
    assert attack.stdout is not None
    assert attack.stderr is not None
    told = json.loads(attack.stdout.read() or "null")
    assert told, attack.stderr.read()
    assert told["never"] == [], told
    assert all(served)
    eventually(lambda: len(open_files(door)) <= files + 2, seconds=60)
    assert agent_kilobytes(door) < kilobytes + MORE_MEMORY
    assert held(door) == before
    assert store(door) == stored


MANY = f"""
import socket, sys
opened, refused = [], 0
for _ in range(1000):
    one = socket.socket(socket.AF_UNIX)
    one.connect("{SOCKET}")
    one.settimeout(20)
    try:
        one.sendall(b"GET /v1/ag")
    except ConnectionError:
        pass
    opened.append(one)
for one in opened[16:]:
    try:
        refused += one.recv(100).startswith(b"HTTP/1.1 429 ")
    except ConnectionError:
        refused += 1
print(refused, flush=True)
sys.stdin.read()
"""


def test_a_thousand_connections_of_one_user_hold_up_nobody_else(door: PrivateHost) -> None:
    command = ("prlimit", "--nofile=4096:4096", *as_user("looker", "python3", "-c", MANY))
    attack = door.spawn(*command)
    assert attack.stdout is not None
    assert int(attack.stdout.readline()) == 1000 - 16
    assert curl(door, "/v1/agent", user="looker")[0] in (0, 429)
    assert is_served(door)
    assert curl(door, "/v1/networks", user="changer")[0] == 200
    # Whoever never finishes a request is hung up on, though the connection is still held.
    eventually(lambda: curl(door, "/v1/agent", user="looker")[0] == 200, seconds=60, every=1)
    attack.communicate("", timeout=60)


SLOW_READER = f"""
import socket, sys
one = socket.socket(socket.AF_UNIX)
one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
one.connect("{SOCKET}")
one.sendall(b"GET /v1/watch HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
print(one.recv(10), flush=True)
sys.stdin.readline()
heard = b""
one.settimeout(10)
while b"no-such-backlog" not in heard:
    try:
        some = one.recv(1 << 16)
    except TimeoutError:
        break
    heard += some
lines = [line for line in heard.split(b"\\n") if line.startswith(b'{{"taken"')]
print(len(lines), b'"last.org' in heard, flush=True)
"""


def test_who_reads_a_watch_slowly_gets_the_newest_and_no_backlog(door: PrivateHost) -> None:
    reader = door.spawn(*as_user("looker", "python3", "-c", SLOW_READER))
    assert reader.stdout is not None
    assert reader.stdin is not None
    assert reader.stdout.readline().startswith("b'HTTP/1.1 ")
    kilobytes = agent_kilobytes(door)
    rule = ("-t", "nat", "-{}", "OUTPUT", "-d", "192.0.2.1", "-j", "RETURN")
    flip = "; ".join(" ".join(("iptables", *(word.format(what) for word in rule))) for what in "AD")
    door.run("sh", "-c", f"for n in $(seq 60); do {flip}; sleep 0.05; done")
    assert agent_kilobytes(door) < kilobytes + MORE_MEMORY
    reader.stdin.write("\n")
    reader.stdin.flush()
    lines, _ = reader.stdout.readline().split()
    assert int(lines) < 60
