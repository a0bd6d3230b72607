"""Writes a frame at the inner end of a veth pair: run in a network namespace of its own.

    python -m netconsole.diagnostics.tracing.write_frames INTERFACE SOURCE FRAME COUNT PAUSE

FRAME is in hexadecimal. Prints `ready`, waits for a line on standard input, by when the pair is
there, and prints the source address and a line for each frame. It ends with its standard input.
"""

import socket
import sys
import time

from netconsole.backend.system.packet_sockets import bind
from netconsole.backend.system.programs import run

_NOTHING = 0


def write(interface: str, source: str, frame: bytes, count: int, pause: float) -> None:
    """Write it so often, with so many seconds between. Raises OSError where it cannot be."""
    run(["ip", "link", "set", "dev", interface, "arp", "off", "up"])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, _NOTHING) as out:
        bind(out, interface, _NOTHING)
        _await_carrier(interface)
        print(source, flush=True)
        for left in reversed(range(count)):
            out.send(frame)
            print("sent", flush=True)
            time.sleep(pause if left else 0)


def _await_carrier(interface: str) -> None:
    """The other end is up already; the kernel says so of this one a moment later."""
    until = time.monotonic() + 1
    while time.monotonic() < until and "LOWER_UP" not in run(["ip", "link", "show", interface]):
        time.sleep(0.005)


if __name__ == "__main__":
    print("ready", flush=True)
    if sys.stdin.readline():
        try:
            write(
                sys.argv[1],
                sys.argv[2],
                bytes.fromhex(sys.argv[3]),
                int(sys.argv[4]),
                float(sys.argv[5]),
            )
        except OSError as refusal:
            print(refusal.strerror or refusal, file=sys.stderr)
            sys.exit(1)
