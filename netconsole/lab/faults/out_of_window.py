"""A program: TCP connections in which packets come beyond the window, as on a path that changes
sequence numbers.

Beyond, and not behind: the kernel lets what is behind the window pass without counting it, as a
segment that was long delayed (Linux net/netfilter/nf_conntrack_proto_tcp.c, tcp_in_window).

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
"""Farther than any window reaches (RFC 7323, 2.3), and less than half way around."""
ACK = 0x10

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
RECEIVED, SENT = 1, 2
"""Linux include/uapi/linux/tcp.h; Python's socket does not name them."""
REPAIRED_SILENTLY = -1


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
        sent, received = _position(connection)
        sequence = (sent + FAR) % (1 << 32)
        segment = _segment(source, destination, own, port, sequence, received)
        for _ in range(PACKETS):
            raw.sendto(segment, (destination, 0))
            time.sleep(PAUSE)


def _position(connection: socket.socket) -> tuple[int, int]:
    """The sequence numbers of the next octet to send and of the next to receive.

    Only a socket under repair tells them (Linux net/ipv4/tcp.c, do_tcp_getsockopt).
    """
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    numbers = []
    for queue in (SENT, RECEIVED):
        connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        numbers.append(connection.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) % (1 << 32))
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIRED_SILENTLY)
    return numbers[0], numbers[1]


def _segment(
    source: str, destination: str, own: int, port: int, sequence: int, received: int
) -> bytes:
    """A TCP header that only acknowledges (RFC 9293, 3.1)."""
    header = struct.pack("!HHIIBBHHH", own, port, sequence, received, 5 << 4, ACK, 64, 0, 0)
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
