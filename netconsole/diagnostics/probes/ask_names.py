"""Asks a DNS server for a name, again and again: run inside an instance's network namespace.

    python -m netconsole.diagnostics.probes.ask_names SERVER NAME COUNT A-SECOND

Prints a line for each query sent; what becomes of it is for the capture to see.
"""

import contextlib
import secrets
import socket
import sys
import time

from netconsole.diagnostics.probes.dns_message import question


def ask(server: str, name: str, count: int, rate: int) -> None:
    """Send the queries, each from a port of its own as resolvers do, and wait for no answer."""
    for _ in range(count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
            connection.settimeout(1 / rate)
            began = time.monotonic()
            with contextlib.suppress(OSError):
                connection.sendto(question(name, secrets.randbelow(0x10000)), (server, 53))
                print("asked", flush=True)
                connection.recv(512)
            time.sleep(max(0.0, 1 / rate - (time.monotonic() - began)))


if __name__ == "__main__":
    ask(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
