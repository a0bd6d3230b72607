"""Hears what the kernel tells of traced packets, and sees them come by at interfaces."""

import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, Self

from netconsole.backend.system import packet_sockets, socket_filters
from netconsole.backend.system.socket_filters import Instruction
from netconsole.capture.filters import compile_filter
from netconsole.diagnostics.tracing.candidates import Candidates
from netconsole.diagnostics.tracing.heard import Heard, TracedArp, TraceSighting, parse_arp
from netconsole.diagnostics.tracing.trace_messages import TraceMessage, parse_traces
from netconsole.diagnostics.tracing.traced_packet import Keyed, Recognisable, Recognised

_NETLINK_NETFILTER: Final = 12
_NFNLGRP_NFTRACE: Final = 9
_SO_RCVBUFFORCE: Final = 33
_SO_TIMESTAMPNS: Final = 35
"""Of asm-generic/socket.h; Python has no names for them."""
_EVERY_PROTOCOL: Final = 0x0003
_BUFFER: Final = 1 << 22
_SNAPLEN: Final = 160
"""Bytes: Ethernet, IPv4 and its options, an error of ICMP, and what it quotes."""
_ETHERNET: Final = 14
_OUTGOING: Final = 4
"""PACKET_OUTGOING of linux/if_packet.h."""
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
"""Of linux/if_packet.h."""
_MOST: Final = 4_096
"""Messages and sightings kept: a loop of routes brings no more."""
_ALIKE: Final = 8
"""Of one packet at one place that are kept: it is sent again at most so often."""
_AT_ONCE: Final = 256
"""Frames that are read of an interface before the others have their turn, and the time is looked
at: more may come than can be read."""
_GLANCE: Final = 0.02
"""Seconds in which nothing comes before it is asked again whether there is enough: who sends may be
done."""


class TraceListener:
    """Listens from when it is opened; use it as a context manager."""

    def __init__(self, packets: Sequence[Recognisable], interfaces: Iterable[str]) -> None:
        """Raises OSError where the kernel tells this process nothing, NetconsoleError where no
        filter for the packets can be made."""
        self._packets = packets
        self._pieces: list[bytes] = []
        self._heard = 0
        """Pieces that were taken apart."""
        self.is_whole = True
        """Whether all was heard that the kernel told of rules."""
        self._arp: list[TracedArp] = []
        self._sightings: dict[Recognisable, list[TraceSighting]] = {each: [] for each in packets}
        self._candidates = Candidates(self._sightings)
        self._keys: frozenset[int] | None = None
        self._times = Counter[tuple[str, bool, Recognised]]()
        self._told: list[TraceMessage] = []
        """What the pieces say that were taken apart."""
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._seen: dict[int, tuple[socket.socket, str]] = {}
        try:
            self._kernel.setblocking(False)
            with suppress(OSError):  # without the right to it the usual buffer has to do
                self._kernel.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            self._kernel.bind((0, 1 << _NFNLGRP_NFTRACE - 1))
            program: Sequence[Instruction] = ()
            for name in interfaces:
                program = program or _compiled(name, packets)
                self._watch(name, program)
        except BaseException:
            self.close()
            raise

    def _watch(self, interface: str, program: Sequence[Instruction]) -> None:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            made.setblocking(False)
            socket_filters.attach(made, program)
            made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            packet_sockets.bind(made, interface, _EVERY_PROTOCOL)
        except OSError:
            made.close()  # it has gone, or is down: nothing comes by there
            return
        self._seen[made.fileno()] = made, interface

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hear no more."""
        self._kernel.close()
        for each, _ in self._seen.values():
            each.close()

    def of(self, packet: Recognisable) -> Heard:
        """Return where one of the packets was seen since the opening; ARP is of all."""
        return Heard([], self._sightings[packet], self._arp)

    def forget(self) -> None:
        """Hear as if it were opened now."""
        for descriptor in (self._kernel.fileno(), *self._seen):
            self._take(descriptor)
        self._pieces.clear()
        self._heard = 0
        self._told.clear()
        self._arp.clear()
        self._times.clear()
        for seen in self._sightings.values():
            seen.clear()
        self.missed()
        self.is_whole = True

    def narrow(self, packets: Sequence[Keyed]) -> None:
        """See no others of the traffic from now on, and forget those that were seen."""
        self._keys = frozenset(each.key for each in packets)
        for packet, seen in self._sightings.items():
            self._sightings[packet] = [each for each in seen if each.what.key in self._keys]
        program: Sequence[Instruction] = ()
        for each, name in self._seen.values():
            program = program or _compiled(name, packets)
            with suppress(OSError):  # the former filter stays, and lets by what is passed over here
                socket_filters.attach(each, program)

    def is_full(self, packet: Recognisable) -> bool:
        """Whether no more is kept of it, or soon not of what the kernel tells of rules."""
        told = self._heard + len(self._pieces)
        return len(self._sightings[packet]) >= _MOST or told >= _MOST * len(self._packets) // 2

    def times(self) -> int:
        """Return how many were seen, also of those that are not kept."""
        return self._times.total()

    def missed(self) -> tuple[str, ...]:
        """Return what could not be heard since this was asked last, each in a sentence."""
        counted = (_dropped(each) for each, _ in self._seen.values())
        rules = ("rules: the kernel told of more than could be heard",)
        interfaces = ("interfaces: more came by than could be seen",)
        return (*(() if self.is_whole else rules), *(interfaces if sum(counted) else ()))

    def messages(self) -> list[TraceMessage]:
        """Return what the kernel has told of all of them."""
        for piece in self._pieces:
            self._told += parse_traces(piece)
        self._heard += len(self._pieces)
        self._pieces.clear()
        return self._told

    def hear(self, seconds: float, is_enough: Callable[[], bool]) -> None:
        """Listen so long, or until there is enough."""
        until, asked = time.monotonic() + seconds, select.poll()
        asked.register(self._kernel, select.POLLIN)
        for descriptor in self._seen:
            asked.register(descriptor, select.POLLIN)
        while (left := until - time.monotonic()) > 0 and not is_enough():
            for descriptor, _ in asked.poll(min(left, _GLANCE) * 1000):
                self._take(descriptor)
        # What came before the last is there, perhaps at a socket that was not read since.
        for descriptor in (self._kernel.fileno(), *self._seen):
            self._take(descriptor)

    def _take(self, descriptor: int) -> None:
        if descriptor in self._seen:
            self._take_sightings(*self._seen[descriptor])
        else:
            self._take_messages()

    def _take_messages(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                piece = self._kernel.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: some are lost, and the hops between are missing
                self.is_whole = False
                continue
            if self._heard + len(self._pieces) < _MOST * len(self._packets):
                self._pieces.append(piece)  # taken apart later: the kernel does not wait

    def _take_sightings(self, packets: socket.socket, interface: str) -> None:
        for _ in range(_AT_ONCE):
            try:
                frame, told, _, (_, _, kind, *_) = packets.recvmsg(_SNAPLEN, 64)
            except OSError:  # nothing more, or the interface went down
                return
            leaves = kind == _OUTGOING
            arp = parse_arp(frame, interface, leaves)
            if arp is not None and len(self._arp) < _MOST:
                self._arp.append(arp)
            at = next((_nanoseconds(data) for _, _, data in told), time.time_ns())
            for packet in self._candidates.of(frame):
                what, seen = packet.recognise(frame[_ETHERNET:]), self._sightings[packet]
                if what is None or len(seen) >= _MOST:
                    continue
                self._times[place := (interface, leaves, what)] += 1
                is_followed = self._keys is None or what.key in self._keys
                if is_followed and self._times[place] <= _ALIKE:
                    (length,) = struct.unpack_from("!H", frame, _ETHERNET + 2)
                    mac = frame[:6].hex(":")
                    seen.append(TraceSighting(at, interface, leaves, what, length, mac))


def _dropped(packets: socket.socket) -> int:
    """Return how many did not fit into a socket since this was asked last."""
    told = packets.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    return int(struct.unpack("=II", told)[1])


def _nanoseconds(told: bytes) -> int:
    seconds, fraction = struct.unpack_from("@qq", told)
    return int(seconds) * 1_000_000_000 + int(fraction)


def _compiled(interface: str, packets: Iterable[Recognisable]) -> Sequence[Instruction]:
    expression = " or ".join(("arp", *(each.expression() for each in packets)))
    return compile_filter(interface, expression, "", _SNAPLEN)
