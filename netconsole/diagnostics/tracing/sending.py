"""Has packets sent: inside an instance, by this host, or as if they came in by a port.

Where the host cannot enter who sends, a frame is written that comes in by the sender's port: one
end of a veth pair of ours is in a network namespace that our process has for itself, and what
comes out of the other is redirected to that port's ingress (tc-mirred(8)). From there on it is as
any frame of the sender: it meets taps, guards, bridge and rules. The pair goes with the process.
"""

import os
import select
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, Self, cast

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import decoded, encoded
from netconsole.backend.system.programs import ENVIRONMENT, ProgramFailed, run
from netconsole.diagnostics.parts.journey import Reply
from netconsole.diagnostics.probes.entering import processes_inside
from netconsole.diagnostics.tracing.drop_words import REFUSALS
from netconsole.diagnostics.tracing.ends import Ends
from netconsole.diagnostics.tracing.traced_packet import Traceable, TracedPacket

_SEND: Final = "netconsole.diagnostics.tracing.send_packets"
_INNER: Final = "frames"
"""With a number, the ends of pairs in the process' own namespace."""
_EVERYTHING: Final = ("protocol", "all", "u32", "match", "u32", "0", "0")
_HOST_UNREACHABLE: Final = (3, 1)
"""Type and code of ICMP (RFC 792)."""
_REPLIES: Final[dict[str, Reply]] = {"answer": "answer", "refusal": "refusal", "error": "error"}


@dataclass(frozen=True, slots=True)
class AddressedPacket:
    """A packet, and between whom it goes."""

    ends: Ends
    packet: Traceable


@dataclass(frozen=True, slots=True)
class SentPackets:
    """What who sends has told of one."""

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
    is_unresolved: bool = False
    """Whether its own kernel gave it up, as nobody told the MAC address of the next."""
    error_number: int = 0
    """By which error of its kernel nothing was sent (errno(3)); 0 where it was none."""

    def resolved_or_not(self) -> Self:
        """Return it without a reply where that was of its own kernel: who is next did not answer
        ARP (Linux, ipv4_link_failure)."""
        if self.error != _HOST_UNREACHABLE or self.answered_by != self.source:
            return self
        return replace(self, reply="", answered_by="", error=None, is_unresolved=True)

    def refused_or_not(self, destination: str) -> Self:
        """Return it with a refusal where the destination itself says by ICMP that it does not take
        what has come to it."""
        if self.error not in REFUSALS or self.answered_by != destination:
            return self
        return replace(self, reply="refusal")


def parse_sent(told: str) -> dict[int, SentPackets]:
    """Read what who sends has printed, by the numbers of the packets. Pure."""
    found: dict[int, SentPackets] = {}
    sent: set[int] = set()
    for line in told.splitlines():
        first, _, said = line.partition(" ")
        if not first.isdigit():
            continue
        number, words = int(first), said.split(" ")
        before = found.get(number, SentPackets())
        match words:
            case ["sent"]:
                sent.add(number)
                found[number] = replace(before, refusal="", error_number=0)
            case ["failed", code, *why] if number not in sent:
                failed = replace(before, refusal=" ".join(why), error_number=int(code))
                found[number] = failed
            case ["failed", *_]:
                found[number] = before
            case ["heard", reply, by, *kind]:
                error = (int(kind[0]), int(kind[1])) if kind else None
                found[number] = replace(before, reply=_REPLIES[reply], answered_by=by, error=error)
            case [source]:
                found[number] = replace(before, source=source)
    return found


@dataclass(slots=True)
class Sender:
    """The process that sends them."""

    process: "subprocess.Popen[bytes]"
    written: Mapping[int, str]
    """The source address of each that the host writes in its sender's stead, by its number."""
    lines: Sequence[str]
    """What is to be sent, in its words."""
    pairs: Sequence[Ends]
    """By whose interfaces it writes."""
    _told: bytes = b""
    _known: dict[int, SentPackets] | None = None
    """What that says."""

    def begin(self) -> None:
        """Have it send. Raises Unavailable where it cannot."""
        _begin(self.process, self.lines, self.pairs)

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def told(self) -> dict[int, SentPackets]:
        """Return what it has told so far, by the numbers of the packets."""
        out = cast(BinaryIO, self.process.stdout)
        while piece := os.read(out.fileno(), 1 << 16) if _has_some(out) else b"":
            self._told += piece
            self._known = None
        if self._known is None:
            whole = self._told[: self._told.rfind(b"\n") + 1]
            self._known = parse_sent(decoded(whole))
            for number, source in self.written.items():
                before = self._known.get(number, SentPackets())
                self._known[number] = replace(before, source=source, is_written=True)
        return self._known

    def end(self) -> dict[int, SentPackets]:
        """End it, and return what it has told. Raises Unavailable where it has failed."""
        has_failed = bool(self.process.poll())
        self.process.kill()
        self.process.wait()
        found = self.told()
        if has_failed:
            said = decoded(cast(BinaryIO, self.process.stderr).read())
            raise Unavailable(f"nothing was sent: {' '.join(said.split()[-40:])}")
        return found


def _has_some(pipe: BinaryIO) -> bool:
    return bool(select.select([pipe], (), (), 0)[0])


@contextmanager
def sending(
    addressed: Sequence[AddressedPacket], count: int, pause: float, last: float
) -> Iterator[Sender]:
    """Make ready who sends each so often once it is to begin, with so many seconds between, and
    listens `last` seconds more.

    It takes a while until it can, in which its caller can do something else.
    """
    able = (each.ends for each in addressed if isinstance(each.packet, TracedPacket))
    macs = {ends.guest_mac for ends in able} - {""}
    inside = processes_inside(macs) if macs else {}
    lines, written, pairs = list[str](), dict[int, str](), dict[str, Ends]()
    for number, each in enumerate(addressed):
        ends, packet = each.ends, each.packet
        entered = inside.get(ends.guest_mac) if ends.guest_mac else None
        if isinstance(packet, TracedPacket) and (entered is not None or not ends.interface):
            words = (packet.protocol, packet.destination, packet.port, packet.mark)
            told = (entered or os.getpid(), number, *words, packet.payload.hex())
            lines.append(" ".join(map(str, ("send", *told))))
            continue
        frame = packet.frame(ends.source, ends.source_mac, ends.destination_mac)
        pairs.setdefault(ends.interface, ends)
        inner = f"{_INNER}{list(pairs).index(ends.interface)}"
        lines.append(f"write {inner} {number} {frame.hex()}")
        written[number] = ends.source
    enter = ("unshare", "--net") if pairs else ()
    how_often = (str(count), str(pause), str(last))
    with _started((*enter, sys.executable, "-m", _SEND, *how_often)) as started:
        yield Sender(started, written, lines, tuple(pairs.values()))


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


def _begin(process: "subprocess.Popen[bytes]", lines: Sequence[str], pairs: Sequence[Ends]) -> None:
    """Lead what the process writes in by the interfaces, and let it begin."""
    told, back = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
    if os.read(back.fileno(), 6).strip() != b"ready":
        _, said = process.communicate()
        raise Unavailable(f"no network namespace of its own: {' '.join(decoded(said).split())}")
    if pairs:
        _lead_in(process.pid, pairs)
    told.write(encoded("\n".join((*lines, "go", ""))))
    told.flush()


def _lead_in(process: int, pairs: Sequence[Ends]) -> None:
    """Make pairs whose outer ends lead in by interfaces.

    Each outer end has its interface's MAC address, as a frame is judged by the first interface.
    """
    outer = {f"nct{process % 10_000_000}x{number}": ends for number, ends in enumerate(pairs)}
    try:
        _batch(
            f"link add {name} address {ends.interface_mac} type veth "
            f"peer name {_INNER}{number} netns {process}"
            for number, (name, ends) in enumerate(outer.items())
        )
        # No addresses of their own: a kernel without IPv6 refuses that, and needs it not.
        own = (f"link set dev {name} addrgenmode none" for name in outer)
        run(["ip", "-force", "-batch", "-"], text="\n".join(own), good=(0, 1))
        _redirect({name: ends.interface for name, ends in outer.items()})
        _batch(f"link set dev {name} arp off up" for name in outer)
    except ProgramFailed as refusal:
        names = ", ".join(each.interface for each in pairs)
        because = refusal.said or refusal.ending
        raise Unavailable(f"nothing can be sent in by {names}: {because}") from refusal


def _redirect(outer: Mapping[str, str]) -> None:
    """Redirect all that comes in at each to the ingress of its interface."""
    lines = [f"qdisc add dev {name} clsact" for name in outer]
    alone = []
    for name, interface in outer.items():
        redirected = ("action", "mirred", "ingress", "redirect", "dev", interface)
        words = ("filter", "add", "dev", name, "ingress", *_EVERYTHING, *redirected)
        if shlex.quote(interface) == interface:
            lines.append(" ".join(words))
        else:  # a name of others may be none for a batch
            alone.append(words)
    run(["tc", "-batch", "-"], text="\n".join(lines))
    for words in alone:
        run(["tc", *words])


def _batch(lines: Iterable[str]) -> None:
    run(["ip", "-batch", "-"], text="\n".join(lines))
