"""Starts who sends the packet: inside an instance, on this host, or as if it came in by a port.

Where the host cannot enter who sends, a frame is written that comes in by the sender's port: one
end of a veth pair of ours is in a network namespace that our process has for itself, and what
comes out of the other is redirected to that port's ingress (tc-mirred(8)). From there on it is as
any frame of the sender: it meets taps, guards, bridge and rules. The pair goes with the process.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import decoded
from netconsole.backend.system.programs import ENVIRONMENT, ProgramFailed, run
from netconsole.diagnostics.parts.journey import Reply
from netconsole.diagnostics.probes.entering import process_inside
from netconsole.diagnostics.tracing.ends import Ends
from netconsole.diagnostics.tracing.traced_packet import TracedPacket

_SEND: Final = "netconsole.diagnostics.tracing.send_packet"
_WRITE: Final = "netconsole.diagnostics.tracing.write_frames"
INNER: Final = "frames"
"""The end of the pair in the process' own namespace."""
_EVERYTHING: Final = ("protocol", "all", "u32", "match", "u32", "0", "0")
_IPV4: Final = b"\x08\x00"


@dataclass(frozen=True, slots=True)
class Sender:
    """The process that sends it."""

    process: "subprocess.Popen[bytes]"
    listens: bool
    """Whether it tells what it hears of an answer; who writes frames for another cannot."""

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def end(self) -> "SentPackets":
        """End it, and return what it has told."""
        self.process.kill()
        told, said = self.process.communicate()
        return parse_sent(decoded(told), " ".join(decoded(said).split()))


@dataclass(frozen=True, slots=True)
class SentPackets:
    """What who sends has told."""

    source: str = ""
    """Address that its kernel chose; empty where it has not come so far."""
    refusal: str = ""
    """Why nothing was sent."""
    reply: Reply = ""
    """What it heard."""
    answered_by: str = ""
    error: tuple[int, int] | None = None
    """Type and code of an error of ICMP that it heard."""
    is_written: bool = False
    """Whether the host wrote it in the sender's stead, which it could not enter."""


def parse_sent(told: str, said: str) -> SentPackets:
    """Read what who sends has printed, and what on standard error. Pure."""
    lines = [line.split() for line in told.splitlines() if line not in ("", "ready")]
    source = lines[0][0] if lines else ""
    is_sent = ["sent"] in lines
    heard = next((words[1:] for words in lines if words[0] == "heard"), None)
    if heard is None:
        return SentPackets(source, "" if is_sent else said)
    reply, by, *kind = heard
    replies: dict[str, Reply] = {"answer": "answer", "refusal": "refusal", "error": "error"}
    error = (int(kind[0]), int(kind[1])) if kind else None
    return SentPackets(source, "", replies[reply], by, error)


@contextmanager
def sending(
    ends: Ends, packet: TracedPacket, count: int, pause: float, last: float
) -> Iterator[Sender]:
    """Have it sent so often, with so many seconds between, and listened `last` seconds more.

    Raises Unavailable where it cannot be.
    """
    how_often = (str(count), str(pause))
    words = (packet.protocol, packet.destination, str(packet.port), str(packet.mark), *how_often)
    inside = process_inside(ends.guest_mac) if ends.guest_mac else None
    if inside is not None or not ends.interface:
        enter = ("nsenter", f"--target={inside}", "--net", "--") if inside is not None else ()
        with _started((*enter, sys.executable, "-m", _SEND, *words, str(last))) as process:
            yield Sender(process, True)
        return
    frame = _mac(ends.destination_mac) + _mac(ends.source_mac) + _IPV4 + packet.packet(ends.source)
    command = ("unshare", "--net", sys.executable, "-m", _WRITE, INNER, ends.source, frame.hex())
    with _started((*command, *how_often)) as process:
        _lead_in(process, ends.interface, ends.interface_mac)
        yield Sender(process, False)


@contextmanager
def _started(command: Sequence[str]) -> "Iterator[subprocess.Popen[bytes]]":
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd="/",
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _lead_in(process: "subprocess.Popen[bytes]", interface: str, mac: str) -> None:
    """Lead what the process writes in by an interface, and let it begin.

    The outer end has that interface's MAC address, as a frame is judged by the first interface.
    """
    told, back = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
    if back.readline().strip() != b"ready":
        _, said = process.communicate()
        raise Unavailable(f"no network namespace of its own: {' '.join(decoded(said).split())}")
    outer = f"nctrace{process.pid % 10_000_000}"
    pair = ("peer", "name", INNER, "netns", str(process.pid))
    redirected = ("action", "mirred", "ingress", "redirect", "dev", interface)
    try:
        run(["ip", "link", "add", outer, "address", mac, "type", "veth", *pair])
        # No address of its own: a kernel without IPv6 refuses that, and needs it not.
        run(["ip", "link", "set", "dev", outer, "addrgenmode", "none"], good=(0, 2))
        run(["tc", "qdisc", "add", "dev", outer, "clsact"])
        run(["tc", "filter", "add", "dev", outer, "ingress", *_EVERYTHING, *redirected])
        run(["ip", "link", "set", "dev", outer, "arp", "off", "up"])
    except ProgramFailed as refusal:
        because = refusal.said or refusal.ending
        raise Unavailable(f"nothing can be sent in by {interface}: {because}") from refusal
    told.write(b"begin\n")
    told.flush()


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
