"""The console's one look by an agent: what it costs on a host where nothing happens."""

import json

import pytest
from agent import SOCKET, start_agent
from cloud import create_network
from private_host import PrivateHost

pytestmark = pytest.mark.requires("root")

LINE_BYTES = 300
"""Of a sight in which nothing differs from the one before."""
SMALL_SHARE = 0.05
"""Of a whole status, in one in which packets were counted, or checks made again."""

WATCH = f"""
import json, os, socket, sys, threading, time
from netconsole.door.channel import LocalChannel
from netconsole.door.remote import RemoteDoor

counted = {{"requests": 0, "bytes": 0}}
listener = socket.socket(socket.AF_UNIX)
listener.bind("/run/counted.sock")
listener.listen()

def copy(source, sink, name):
    while data := source.recv(1 << 16):
        counted[name] += len(data)
        sink.sendall(data)

def serve():
    while True:
        one = listener.accept()[0]
        counted["requests"] += 1
        agent = socket.socket(socket.AF_UNIX)
        agent.connect("{SOCKET}")
        for ends in ((agent, one, "bytes"), (one, agent, "sent")):
            threading.Thread(target=copy, args=ends, daemon=True).start()

counted["sent"] = 0
threading.Thread(target=serve, daemon=True).start()
seen = []
came = threading.Condition()

def deliver(sight):
    with came:
        seen.append((sight, counted["bytes"]))
        came.notify_all()

def until(is_so):
    with came:
        assert came.wait_for(is_so, 60), seen[-1]

RemoteDoor(LocalChannel("/run/counted.sock")).subscribe(deliver, 1.0)
until(lambda: seen and seen[-1][0].findings is not None)
quiet = len(seen)
until(lambda: len(seen) >= quiet + 8)
tail = seen[-6:]
print(json.dumps({{
    "first": seen[0][1],
    "each": [after[1] - before[1] for before, after in zip(tail, tail[1:])],
    "requests": counted["requests"],
    "floating": len(tail[-1][0].status.floating_ips),
}}), flush=True)
sys.stdin.readline()
until(lambda: seen[-1][0].status.drift)
print(len(seen[-1][0].status.drift), flush=True)
os._exit(0)
"""


def test_an_idle_host_costs_next_to_nothing(host: PrivateHost) -> None:
    create_network(host)
    host.run("netconsole", "floating", "create", "--ip-range", "198.18.0.0/22")
    start_agent(host)
    watch = host.spawn("python3", "-c", WATCH)
    assert watch.stdout is not None
    assert watch.stdin is not None
    told = json.loads(watch.stdout.readline())
    assert told["floating"] == 1022
    assert told["first"] > 100_000, "a whole status is large"
    assert sorted(told["each"])[2] < LINE_BYTES
    assert max(told["each"]) < SMALL_SHARE * told["first"]
    assert told["requests"] == 1
    host.run("iptables", "-t", "nat", "-F", "nova-network-snat")
    watch.stdin.write("\n")
    watch.stdin.flush()
    assert int(watch.stdout.readline()) > 0
