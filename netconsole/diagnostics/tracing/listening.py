"""Hears what the kernel tells of a traced packet, and sees it come by at interfaces."""

import ctypes
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Self

from netconsole.backend.system import packet_sockets
from netconsole.capture.filters import compile_filter
from netconsole.diagnostics.tracing.heard import Heard, TraceSighting, parse_arp
from netconsole.diagnostics.tracing.trace_messages import parse_traces
from netconsole.diagnostics.tracing.traced_packet import TracedPacket

_NETLINK_NETFILTER: Final = 12
_NFNLGRP_NFTRACE: Final = 9
_SO_ATTACH_FILTER: Final = 26
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
_MOST: Final = 4_096
"""Messages and sightings kept: a loop of routes brings no more."""
_GLANCE: Final = 0.02
"""Seconds after which is looked whether there is enough, where nothing comes: who sends may be
done."""
_INSTRUCTION: Final = struct.Struct("=HBBI")


class TraceListener:
    """Listens from when it is opened; use it as a context manager."""

    def __init__(self, packet: TracedPacket, interfaces: Iterable[str]) -> None:
        """Raises OSError where the kernel tells this process nothing, NetconsoleError where no
        filter for the packets can be made."""
        self._packet = packet
        self._heard = Heard()
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._seen: dict[int, tuple[socket.socket, str]] = {}
        try:
            self._kernel.setblocking(False)
            with suppress(OSError):  # without the right to it the usual buffer has to do
                self._kernel.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            self._kernel.bind((0, 1 << _NFNLGRP_NFTRACE - 1))
            program: bytes | None = None
            for name in interfaces:
                program = program or _compiled(name, packet)
                self._watch(name, program)
        except BaseException:
            self.close()
            raise

    def _watch(self, interface: str, program: bytes) -> None:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        code = ctypes.create_string_buffer(program)
        count = len(program) // _INSTRUCTION.size
        described = struct.pack("@HP", count, ctypes.addressof(code))
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
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

    def hear(self, seconds: float, is_enough: Callable[[Heard], bool]) -> Heard:
        """Listen so long, or until there is enough, and return all that came since the opening."""
        until, asked = time.monotonic() + seconds, select.poll()
        asked.register(self._kernel, select.POLLIN)
        for descriptor in self._seen:
            asked.register(descriptor, select.POLLIN)
        while (left := until - time.monotonic()) > 0 and not is_enough(self._heard):
            for descriptor, _ in asked.poll(min(left, _GLANCE) * 1000):
                self._take(descriptor)
        # What came before the last is there, perhaps at a socket that was not read since.
        for descriptor in (self._kernel.fileno(), *self._seen):
            self._take(descriptor)
        return self._heard

    def _take(self, descriptor: int) -> None:
        if descriptor in self._seen:
            self._take_sightings(*self._seen[descriptor])
        else:
            self._take_messages()

    def _take_messages(self) -> None:
        while True:
            try:
                piece = self._kernel.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: some are lost, and the hops between are missing
                continue
            if len(self._heard.messages) < _MOST:
                self._heard.messages.extend(parse_traces(piece))

    def _take_sightings(self, packets: socket.socket, interface: str) -> None:
        while True:
            try:
                frame, told, _, (_, _, kind, *_) = packets.recvmsg(_SNAPLEN, 64)
            except OSError:  # nothing more, or the interface went down
                return
            heard, leaves = self._heard, kind == _OUTGOING
            arp = parse_arp(frame, interface, leaves)
            if arp is not None and len(heard.arp) < _MOST:
                heard.arp.append(arp)
            what = self._packet.recognise(frame[_ETHERNET:])
            if what is not None and len(heard.sightings) < _MOST:
                at = next((_nanoseconds(data) for _, _, data in told), time.time_ns())
                heard.sightings.append(TraceSighting(at, interface, leaves, what))


def _nanoseconds(told: bytes) -> int:
    seconds, fraction = struct.unpack_from("@qq", told)
    return int(seconds) * 1_000_000_000 + int(fraction)


def _compiled(interface: str, packet: TracedPacket) -> bytes:
    found = compile_filter(interface, f"arp or {packet.expression()}", "", _SNAPLEN)
    return b"".join(_INSTRUCTION.pack(*each) for each in found)
