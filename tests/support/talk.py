"""Who answers whom: pings, and TCP connections that last while rules come and go."""

from private_host import PrivateHost

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


def connected(host: PrivateHost, by: str, *places: str) -> set[str]:
    """Return the places, `ADDRESS/PORT`, to which a namespace gets a connection within a second."""
    told = host.run("ip", "netns", "exec", by, "python3", "-c", TRIES, *places)
    return set(told.stdout.split())


def pinged(host: PrivateHost, by: str, *addresses: str) -> set[str]:
    """Return the addresses that answer a ping from a namespace, all asked at once."""
    asked = [
        (address, host.spawn("ip", "netns", "exec", by, "ping", "-c1", "-W1", address))
        for address in addresses
    ]
    return {address for address, ping in asked if ping.wait() == 0}
