"""Sends the packet that is traced: run inside an instance's network namespace, or on the host.

    python -m netconsole.diagnostics.tracing.send_packet PROTOCOL DESTINATION PORT MARK COUNT PAUSE

The kernel there chooses route and source, so what is in the way inside is met as well. Prints the
source address, then a line for each packet sent.
"""

import socket
import sys
import time

from netconsole.diagnostics.parts.journey import Protocol
from netconsole.diagnostics.tracing.traced_packet import NUMBERS, TracedPacket


def send(packet: TracedPacket, count: int, pause: float) -> None:
    """Send it so often, with so many seconds between. Raises OSError where there is no way."""
    number = NUMBERS[packet.protocol]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, number) as out:
        out.connect((packet.destination, 0))
        source = out.getsockname()[0]
        print(source, flush=True)
        for left in reversed(range(count)):
            out.send(packet.transport(source))
            print("sent", flush=True)
            time.sleep(pause if left else 0)


def _asked(protocol: str, destination: str, port: str, mark: str) -> TracedPacket:
    known: dict[str, Protocol] = {each: each for each in NUMBERS}
    return TracedPacket(known[protocol], destination, int(port), int(mark))


if __name__ == "__main__":
    try:
        send(_asked(*sys.argv[1:5]), int(sys.argv[5]), float(sys.argv[6]))
    except OSError as refusal:
        print(refusal.strerror or refusal, file=sys.stderr)
        sys.exit(1)
