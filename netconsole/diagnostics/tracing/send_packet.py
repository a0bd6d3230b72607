"""Sends the packet that is traced: run inside an instance's network namespace, or on the host.

    python -m ….send_packet PROTOCOL DESTINATION PORT MARK COUNT PAUSE LAST

The kernel there chooses route and source, so what is in the way inside is met as well. Prints the
source address, a line for each packet sent, and of what came back and was let in by the kernel
there a line: `heard`, what it is, from whom, and type and code of an error. It ends then, or LAST
seconds after the last packet.
"""

import select
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from netconsole.diagnostics.parts.journey import Protocol
from netconsole.diagnostics.tracing.traced_packet import NUMBERS, Recognised, TracedPacket

_MOST_BYTES = 1 << 16


def send(packet: TracedPacket, count: int, pause: float, last: float) -> None:
    """Send it so often, with so many seconds between. Raises OSError where there is no way."""
    with ExitStack() as opened:
        listening = [
            opened.enter_context(_raw(number))
            for number in sorted({NUMBERS["icmp"], NUMBERS[packet.protocol]})
        ]
        out = opened.enter_context(_raw(NUMBERS[packet.protocol]))
        out.connect((packet.destination, 0))
        source = out.getsockname()[0]
        print(source, flush=True)
        for left in reversed(range(count)):
            out.send(packet.transport(source))
            print("sent", flush=True)
            if found := _heard(listening, packet, pause if left else last):
                print("heard", found.reply, found.source, *(found.kind or ()), flush=True)
                return


def _raw(number: int) -> socket.socket:
    """Of such a socket the kernel gives a copy of what comes in, after its packet filter."""
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, number)


def _heard(
    listening: Sequence[socket.socket], packet: TracedPacket, seconds: float
) -> Recognised | None:
    """Wait so long for an answer, a refusal or an error."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for each in select.select(listening, (), (), left)[0]:
            found = packet.recognise(each.recv(_MOST_BYTES))
            if found is not None and found.way == "back":
                return found
    return None


def _asked(protocol: str, destination: str, port: str, mark: str) -> TracedPacket:
    known: dict[str, Protocol] = {each: each for each in NUMBERS}
    return TracedPacket(known[protocol], destination, int(port), int(mark))


if __name__ == "__main__":
    try:
        send(_asked(*sys.argv[1:5]), int(sys.argv[5]), float(sys.argv[6]), float(sys.argv[7]))
    except OSError as refusal:
        print(refusal.strerror or refusal, file=sys.stderr)
        sys.exit(1)
