"""Sends the packets that are traced: inside instances' network namespaces, and as frames.

    python -m ….send_packets COUNT PAUSE LAST      (after `unshare --net` where it writes frames)

What is to be sent comes on standard input, a line each, and `go` at the end:

    send PROCESS NUMBER PROTOCOL DESTINATION PORT MARK PAYLOAD
    write INTERFACE NUMBER FRAME

PROCESS is one in the network namespace that it is sent in, where the kernel chooses route and
source, so that what is in the way inside is met as well. PAYLOAD and FRAME are in hexadecimal, and
NUMBER is by what the packet is told of. First `ready` is printed, by when INTERFACEs may be made in
its network namespace. Then a line each: NUMBER and its source address, `sent`, `failed` and why, or
`heard`, what it is that the kernel there let in, from whom, and type and code of an error.

A packet that is answered is not sent again. It ends LAST seconds after the last, or when all that
it can hear the answers of are answered and all others sent COUNT times.
"""

import select
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final, cast

from netconsole.backend.system.link_flags import bring_up_without_arp, is_running
from netconsole.backend.system.network_namespaces import enter_network
from netconsole.backend.system.packet_sockets import bind
from netconsole.diagnostics.tracing.traced_packet import NUMBERS, TracedPacket, Transport

_MOST_BYTES: Final = 1 << 16
_NO_PROTOCOL: Final = 0
_CARRIER_SECONDS: Final = 1.0
_GAP_SECONDS: Final = 0.006
"""Between two packets, so that who hears what they meet can follow."""


@dataclass(slots=True)
class Outgoing:
    """A packet, and by which socket it goes out."""

    number: str
    out: socket.socket
    data: bytes
    packet: TracedPacket | None = None
    """None of a frame: what comes of it is not heard here."""
    is_answered: bool = False


@dataclass(slots=True)
class Place:
    """Where packets are sent from, and what listens there."""

    packets: list[Outgoing] = field(default_factory=list)
    listening: list[socket.socket] = field(default_factory=list)


def send(places: Sequence[Place], count: int, pause: float, last: float) -> None:
    """Send all of them so often, with so many seconds between."""
    waiting = [each for place in places for each in place.packets]
    for left in reversed(range(count)):
        for each in waiting:
            _send(each)
            time.sleep(_GAP_SECONDS)
        _listen(places, pause if left else last)
        waiting = [each for each in waiting if not each.is_answered]
        if not any(each.packet for each in waiting) and not (left and waiting):
            return


def _send(each: Outgoing) -> None:
    try:
        each.out.send(each.data)
        print(each.number, "sent", flush=True)
    except OSError as refusal:
        _say_failed(each.number, refusal)


def _say_failed(number: str, refusal: OSError) -> None:
    print(number, "failed", refusal.errno or 0, refusal.strerror or refusal, flush=True)


def _listen(places: Sequence[Place], seconds: float) -> None:
    """Wait so long, or until all that can be heard of are answered."""
    until = time.monotonic() + seconds
    at = {each: place for place in places for each in place.listening}
    while (left := until - time.monotonic()) > 0 and _is_waiting(places):
        for each in select.select(list(at), (), (), left)[0]:
            _take(each.recv(_MOST_BYTES), at[each])


def _is_waiting(places: Iterable[Place]) -> bool:
    """Whether an answer may still come, or comes to a frame's sender, which is not heard here."""
    sent = (each for place in places for each in place.packets)
    return any(each.packet is None or not each.is_answered for each in sent)


def _take(found: bytes, place: Place) -> None:
    for each in place.packets:
        what = each.packet.recognise(found) if each.packet and not each.is_answered else None
        if what is not None and what.way == "back":
            each.is_answered = True
            told = (each.number, "heard", what.reply, what.source, *(what.kind or ()))
            print(*told, flush=True)


def _inside(process: int, lines: Iterable[Sequence[str]], opened: ExitStack) -> Place:
    """Make ready what is sent in another network namespace: sockets stay where they were made."""
    place = Place()
    enter_network(process)
    for number, protocol, destination, port, mark, payload in lines:
        kind = cast(Transport, protocol)
        packet = TracedPacket(kind, destination, int(port), int(mark), bytes.fromhex(payload))
        out = opened.enter_context(_raw(NUMBERS[kind]))
        try:
            if kind == "udp":
                _look_up(packet)
            out.connect((destination, 0))
        except OSError as refusal:
            _say_failed(number, refusal)
            continue
        source = out.getsockname()[0]
        print(number, source, flush=True)
        place.packets.append(Outgoing(number, out, packet.transport(source), packet))
    kinds = {
        NUMBERS["icmp"],
        *(NUMBERS[each.packet.protocol] for each in place.packets if each.packet),
    }
    place.listening = [opened.enter_context(_raw(kind)) for kind in sorted(kinds)]
    return place


def _look_up(packet: TracedPacket) -> None:
    """Let the kernel look up the route as a program's datagram gets it, by its ports as well.

    A raw socket has none (ip-rule(8), sport and dport). Raises OSError where it is refused.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as program:
        program.bind(("", packet.source_port))
        program.connect((packet.destination, packet.port))


def _raw(number: int) -> socket.socket:
    """Of such a socket the kernel gives a copy of what comes in, after its packet filter."""
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, number)


def _frames(interface: str, lines: Iterable[Sequence[str]], opened: ExitStack) -> Place:
    """Make ready what is written at one end of a veth pair, in this process' own namespace."""
    bring_up_without_arp(interface)
    _await_carrier(interface)
    out = opened.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, _NO_PROTOCOL))
    bind(out, interface, _NO_PROTOCOL)
    return Place([Outgoing(number, out, bytes.fromhex(frame)) for number, frame in lines])


def _await_carrier(interface: str) -> None:
    """The other end is up already; the kernel says so of this one a moment later."""
    until = time.monotonic() + _CARRIER_SECONDS
    while time.monotonic() < until and not is_running(interface):
        time.sleep(0.005)


def _asked() -> dict[tuple[str, str], list[list[str]]]:
    """Read what is to be sent, by where."""
    found: dict[tuple[str, str], list[list[str]]] = {}
    for line in iter(sys.stdin.readline, ""):
        if line == "go\n":
            break
        how, where, *words = line.split(" ")
        found.setdefault((how, where), []).append([word.strip() for word in words])
    return found


def main(count: int, pause: float, last: float) -> None:
    """Send what is asked for."""
    print("ready", flush=True)
    asked = _asked()
    with ExitStack() as opened:
        places = []
        for (how, where), lines in sorted(asked.items(), key=lambda each: each[0][0] == "send"):
            try:
                make = _frames(where, lines, opened) if how == "write" else None
                places.append(make or _inside(int(where), lines, opened))
            except OSError as refusal:
                for line in lines:
                    _say_failed(line[0], refusal)
        send(places, count, pause, last)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
