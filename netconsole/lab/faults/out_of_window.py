"""A program: TCP connections in which packets come outside of the window, as on a path that
changes sequence numbers.

python -m netconsole.lab.faults.out_of_window SOURCE DESTINATION PORT
"""

import socket
import struct
import sys
import time

PACKETS = 20
"""Sent within each connection."""
PAUSE = 0.02
"""Seconds between two packets."""
FAR = 1 << 30
"""Farther than any window reaches."""
ACK = 0x10


def main() -> None:
    """Connect, send, and begin again until ended."""
    source, destination, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        while True:
            _send_outside(raw, source, destination, port)


def _send_outside(raw: socket.socket, source: str, destination: str, port: int) -> None:
    try:
        connection = socket.create_connection((destination, port), 1.0, (source, 0))
    except OSError:
        time.sleep(PAUSE)
        return
    with connection:
        own = connection.getsockname()[1]
        for number in range(PACKETS):
            sequence = (FAR + number) % (1 << 32)
            raw.sendto(_segment(source, destination, own, port, sequence), (destination, 0))
            time.sleep(PAUSE)


def _segment(source: str, destination: str, own: int, port: int, sequence: int) -> bytes:
    """A TCP header that only acknowledges (RFC 9293, 3.1)."""
    header = struct.pack("!HHIIBBHHH", own, port, sequence, 1, 5 << 4, ACK, 64, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination)
    pseudo += struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(header))
    return header[:16] + struct.pack("!H", _checksum(pseudo + header)) + header[18:]


def _checksum(octets: bytes) -> int:
    total = sum(int(word) for (word,) in struct.iter_unpack("!H", octets))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


if __name__ == "__main__":
    main()
