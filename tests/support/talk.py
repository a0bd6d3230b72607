"""Who answers whom: pings, and TCP connections that last while rules come and go."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from private_host import PrivateHost, eventually

from netconsole.backend.model.group_rules import GroupProtocol

HOST = ""
"""Sends for the host itself."""

SERVER = """
import socketserver, sys, threading

class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while told := self.request.recv(100):
            self.request.sendall(told)

class Server(socketserver.ThreadingTCPServer):
    address_family = 10  # AF_INET6, and IPv4 with it
    allow_reuse_address = daemon_threads = True

for port in sys.argv[2:]:
    server = Server(("::", int(port)), Echo)
    threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
"""

CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as connection:
    connection.settimeout(1)
    print("connected", flush=True)
    for line in sys.stdin:
        try:
            connection.sendall(line.encode())
            print(connection.recv(100).decode().strip(), flush=True)
        except TimeoutError:
            print("silence", flush=True)
"""


def serve(host: PrivateHost, guest: str, *ports: int) -> None:
    """Let a guest send back what it is told at some TCP ports."""
    numbers = map(str, ports)
    server = host.spawn("ip", "netns", "exec", guest, "python3", "-c", SERVER, "", *numbers)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"


class Connection:
    """A TCP connection from a namespace."""

    def __init__(self, host: PrivateHost, by: str, address: str, port: int) -> None:
        words = ("ip", "netns", "exec", by, "python3", "-c", CLIENT, address, str(port))
        self._process = host.spawn(*words)
        assert self._told() == "connected"

    def answers(self) -> bool:
        """Send a word, and return whether it came back within a second."""
        assert self._process.stdin is not None
        self._process.stdin.write("hello\n")
        self._process.stdin.flush()
        return self._told().startswith("hello")

    def _told(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


TRIES = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor

def reached(place):
    address, port = place.rsplit("/", 1)
    try:
        socket.create_connection((address, int(port)), 1).close()
    except (TimeoutError, OSError):
        return False
    return True

with ThreadPoolExecutor() as tries:
    for place, is_reached in zip(sys.argv[1:], tries.map(reached, sys.argv[1:])):
        if is_reached:
            print(place)
"""


def settle(host: PrivateHost, *guests: str) -> None:
    """Wait until every IPv6 address of the host and of its guests can send: none is tentative."""
    places = ((), *(("-n", guest) for guest in guests))

    def tentative() -> str:
        shown = (host.run("ip", *into, "-6", "address", "show", "tentative") for into in places)
        return "".join(each.stdout for each in shown)

    eventually(lambda: not tentative())


def connected(host: PrivateHost, by: str, *places: str) -> set[str]:
    """Return the places, `ADDRESS/PORT`, to which a namespace gets a connection within a second."""
    told = host.run("ip", "netns", "exec", by, "python3", "-c", TRIES, *places)
    return set(told.stdout.split())


def pinged(host: PrivateHost, by: str, *addresses: str) -> set[str]:
    """Return the addresses that answer one of three pings from a namespace, all asked at once."""
    asked = [
        (address, host.spawn("ip", "netns", "exec", by, "ping", "-c3", "-i0.5", "-W1", address))
        for address in addresses
    ]
    return {address for address, ping in asked if ping.wait() == 0}


DATAGRAMS = """
import socket, sys
served = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
served.bind(("::", int(sys.argv[1])))
print("ready", flush=True)
while True:
    served.sendto(*served.recvfrom(100))
"""

SENDER = """
import json, os, select, socket, struct, sys, time
from contextlib import suppress

flows, awaited = [tuple(flow) for flow in json.loads(sys.argv[1])], set(json.loads(sys.argv[2]))
OPEN, GRACE, AGAIN = 20, 0.3, 0.5

def echo_request(is_v6):
    identity, kind = int.from_bytes(os.urandom(2)), 128 if is_v6 else 8
    total = (kind << 8) + identity
    total = (total & 0xffff) + (total >> 16)
    return struct.pack("!BBHHH", kind, 0, ~total & 0xffff, identity, 0)

def is_connected(stream):
    try:
        stream.getpeername()
    except OSError:  # refused, or no way there
        return False
    return True

class Flow:
    def __init__(self, number, source, protocol, address, port):
        self.number, self.protocol = number, protocol
        is_v6 = ":" in address
        kinds = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0)}
        icmp = (socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if is_v6 else socket.IPPROTO_ICMP)
        family = socket.AF_INET6 if is_v6 else socket.AF_INET
        self.socket = socket.socket(family, *kinds.get(protocol, icmp))
        self.socket.setblocking(False)
        self.socket.bind((source, 0))
        self.socket.connect_ex((address, port or 0))
        self.said = echo_request(is_v6) if protocol == "icmp" else b"hello"
        self.begin = 0 if is_v6 or protocol != "icmp" else 20
        self.answer = {128: 129, 8: 0}[self.said[0]] if protocol == "icmp" else None

    def send(self):
        if self.protocol != "tcp":
            with suppress(PermissionError):  # dropped on its way out of the host
                self.socket.send(self.said)

    def is_answered(self):
        if self.protocol == "tcp":
            return is_connected(self.socket)
        told = self.socket.recv(1000)[self.begin:]
        if self.protocol == "udp":
            return True
        return told[0] == self.answer and told[4:6] == self.said[4:6]

waiting = {}
for number, flow in enumerate(flows):
    made = Flow(number, *flow)
    waiting[made.socket.fileno()] = made
answered, begun, sent, end = set(), time.monotonic(), 0.0, None
while (now := time.monotonic()) < (end or begun + OPEN):
    if now > sent + AGAIN:
        sent = now
        for flow in waiting.values():
            flow.send()
    streams = [number for number, flow in waiting.items() if flow.protocol == "tcp"]
    others = [number for number in waiting if number not in streams]
    for number in {each for found in select.select(others, streams, [], 0.05) for each in found}:
        if waiting[number].is_answered():
            answered.add(waiting.pop(number).number)
    if end is None and awaited <= answered:
        end = time.monotonic() + GRACE
print(json.dumps(sorted(answered)))
"""


def serve_datagrams(host: PrivateHost, guest: str, port: int) -> None:
    """Let a guest send back what it is told at a UDP port."""
    server = host.spawn("ip", "netns", "exec", guest, "python3", "-c", DATAGRAMS, str(port))
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"


@dataclass(frozen=True)
class Flow:
    """What a namespace sends from one of its addresses to another, which a server there answers."""

    by: str
    source: str
    protocol: GroupProtocol
    address: str
    port: int | None = None
    """None for a ping."""


def answered(host: PrivateHost, flows: Iterable[Flow], awaited: Iterable[Flow]) -> set[Flow]:
    """Send all flows at once, and return those that are answered.

    Those `awaited` are given twenty seconds; whatever else is answered comes by then, or just after
    the last of them.
    """
    senders: dict[str, list[Flow]] = {}
    for flow in flows:
        senders.setdefault(flow.by, []).append(flow)
    hoped = frozenset(awaited)
    asked = []
    for by, own in senders.items():
        words = [(flow.source, flow.protocol, flow.address, flow.port) for flow in own]
        wanted = [number for number, flow in enumerate(own) if flow in hoped]
        into = () if by == HOST else ("ip", "netns", "exec", by)
        what = ("python3", "-c", SENDER, json.dumps(words), json.dumps(wanted))
        asked.append((own, host.spawn(*into, *what)))
    found: set[Flow] = set()
    for own, sender in asked:
        told, reason = sender.communicate(timeout=60)
        assert sender.returncode == 0, reason
        found.update(own[number] for number in json.loads(told))
    return found
