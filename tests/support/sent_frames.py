"""Sends frames as a guest and says who received which; run by `python3 -c` on a private host.

Each frame carries its number at its very end, where bridges keep it and IP takes it for padding.
Where a filter has cut that off, or a router written another head, the frame is known by itself.
"""

import ctypes
import fcntl
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_NEWNET, _EVERYTHING = 0x40000000, 3
_TUNSETIFF, _TAP, _NO_PI = 0x400454CA, 2, 0x1000
MARK = b"frame"
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def within(name: str) -> Iterator[None]:
    """Be in a network namespace by its name; in the host's own for none."""
    if not name:
        yield
        return
    here, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{name}", 0)
    assert _LIBC.setns(there, _NEWNET) == 0
    try:
        yield
    finally:
        assert _LIBC.setns(here, _NEWNET) == 0


def listening(namespace: str, interface: str, protocol: int = _EVERYTHING) -> socket.socket:
    """A socket that gets what comes in at an interface."""
    with within(namespace):
        found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    found.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    found.bind((interface, protocol))
    found.setblocking(False)
    return found


def sender(namespace: str, interface: str) -> Callable[[bytes], object]:
    """What sends a frame as the guest: by its interface, or as the program at its tap."""
    if interface.startswith("tap"):
        tap = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", interface.encode(), _TAP | _NO_PI))
        return lambda frame: os.write(tap, frame)
    with within(namespace):
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        out.bind((interface, 0))
    return out.send


def main(asked: dict[str, object]) -> dict[str, list[int]]:
    """Send every frame, then an honest one until all have surely come through."""
    sockets = {
        name: [listening(*place) for place in places]
        for name, places in asked["listeners"].items()  # type: ignore[attr-defined]
    }
    send = sender(*asked["sender"])  # type: ignore[misc]
    seen: dict[str, set[int]] = {name: set() for name in sockets}
    frames = [bytes.fromhex(each) for each in asked["frames"]]  # type: ignore[attr-defined]
    last = len(frames)
    known = {each[at:]: number for number, each in enumerate(frames) for at in beginnings(each)}
    honest = bytes.fromhex(str(asked["honest"]))

    def send_numbered(number: int, frame: bytes) -> None:
        padded = frame + b"\0" * max(0, 60 - len(frame))
        send(padded + MARK + number.to_bytes(4, "big"))

    def look() -> None:
        for name, each in sockets.items():
            for one in each:
                seen[name] |= set(received(one, known))

    def wait_for(number: int, again: float) -> None:
        deadline = time.monotonic() + 60
        while number not in seen["other"]:
            assert time.monotonic() < deadline, "the honest frame did not come through"
            send_numbered(number, honest)
            select.select(sockets["other"], (), (), again)
            look()

    wait_for(last, 0.1)  # a tap has just been taken: its port comes up
    for number, frame in enumerate(frames):
        send_numbered(number, frame)
    wait_for(last + 1, 1.0)
    look()
    return {name: sorted(each - {last, last + 1}) for name, each in seen.items()}


def beginnings(frame: bytes) -> tuple[int, ...]:
    """From where on a frame is known: of IPv4, what a router does not write anew is enough."""
    return (0, 34) if frame[12:14] == b"\x08\0" and frame[34:] else (0,)


def received(one: socket.socket, known: dict[bytes, int]) -> Iterator[int]:
    """The numbers of the frames that have come in."""
    while True:
        try:
            frame, address = one.recvfrom(1 << 16)
        except BlockingIOError:
            return
        at = frame.rfind(MARK)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        if at >= 0:
            yield int.from_bytes(frame[at + 5 : at + 9], "big")
        elif (number := known.get(frame, known.get(frame[34:]))) is not None:
            yield number


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.stdin.read()))))
