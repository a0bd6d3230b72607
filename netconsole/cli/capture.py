"""`netconsole capture`: the same packets at several interfaces, and what becomes of them."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.codec import record
from netconsole.backend.model.errors import ExitStatus
from netconsole.backend.model.phrases import count as counted
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context

if TYPE_CHECKING:
    from netconsole.capture.comparison import Comparison, PairReport, PointReport, Progress
    from netconsole.capture.exchanges import Exchange
    from netconsole.capture.packet import Packet, Sight
    from netconsole.capture.sink import Sink
    from netconsole.capture.topology import Point
    from netconsole.diagnostics.probes.live_capture import CaptureRequest

LINES_PER_SECOND = 100
"""Printed at most: an SSH session carries no more, and nobody reads it."""


@click.command()
@click.argument("expression", nargs=-1, metavar="[FILTER]...")
@click.option(
    "--on",
    "interfaces",
    multiple=True,
    metavar="INTERFACE",
    help="Capture at this interface; repeat it in the order in which packets pass.",
)
@click.option(
    "--read",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Read this file (pcapng or pcap) instead; may be repeated.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="End after so long; 0: when interrupted.",
)
@click.option(
    "--count",
    type=click.IntRange(min=0),
    default=20_000,
    show_default=True,
    help="End after about so many packets, all interfaces together; 0: however many.",
)
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the packets in this new file (pcapng), for Wireshark and --read.",
)
@click.option(
    "--snaplen",
    type=click.IntRange(64, 65535),
    default=128,
    show_default=True,
    help="Keep so many bytes of each packet.",
)
@click.option("--own-session", is_flag=True, help="Capture this SSH session as well.")
@click.option("-q", "--quiet", is_flag=True, help="Print no packets, only what comes of them.")
@as_json
@pass_context
def capture(
    context: Context,
    expression: tuple[str, ...],
    interfaces: tuple[str, ...],
    files: tuple[Path, ...],
    seconds: float,
    count: int,
    write: Path | None,
    snaplen: int,
    own_session: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Capture packets at several interfaces and compare what passes.

    Each interface is compared with the next one named: how many packets were seen at both, which
    got lost in between and which way, what was changed, how long it took, and how long DNS and
    DHCP let their clients wait. FILTER is in the language of pcap-filter(7), as tcpdump has it, and
    holds for files as well.
    The packets are printed, a bounded number a second; the comparison is said on stderr, or with
    --json printed alone. Exit status 1 when packets got lost. Changes nothing.
    """
    if write is not None:
        context.may_save("capture --write")
    if files and write is not None:
        raise click.UsageError("--write is for a live capture, not for --read.")
    lines = _Lines(None if files else LINES_PER_SECOND)
    show = None if quiet or as_json else lines.show
    if files:
        from netconsole.capture import saved

        found = saved.compare(files, interfaces, show, " ".join(expression), context.rights)
    else:
        if not interfaces:
            raise click.UsageError("Name an interface with --on, or a file with --read.")
        from netconsole.diagnostics.probes.live_capture import CaptureRequest

        request = CaptureRequest(
            *(interfaces, " ".join(expression), seconds or None, count or None),
            snaplen=snaplen,
            spare_session=not own_session,
        )
        found = _captured(context, request, lines if show else None, write)
    lines.end()
    _say(found, as_json=as_json)
    click.get_current_context().exit(ExitStatus.FAILED if found.lossy else ExitStatus.OK)


def _say(found: "Comparison", *, as_json: bool) -> None:
    if as_json:
        output.print_json({"lossy": found.lossy, **record(found)})
        return
    for line in report(found):
        output.say(line)


def _captured(
    context: Context, request: "CaptureRequest", lines: "_Lines | None", write: Path | None
) -> "Comparison":
    """Return what came by until the request's bounds, or an interrupt."""
    with _until_interrupted() as cancel, _sinks(lines, write) as sinks:
        return _compare(context)(request, cancel=cancel, progress=_Beginning().say, sinks=sinks)


def _compare(context: Context) -> "Callable[..., Comparison]":
    """Return who captures: this process, which needs no store for it, or another host's agent."""
    from netconsole.diagnostics.probes.live_capture import compare

    return compare if context.host is None else context.door().capture


@contextmanager
def _sinks(lines: "_Lines | None", write: Path | None) -> "Iterator[Sequence[Sink]]":
    """Return who takes the packets; a file is there once the capture is complete.

    Raises NotSaved, and AlreadyThere where its name is taken.
    """
    from netconsole.backend.system.saving import new_file
    from netconsole.capture.sink import WrittenPackets

    shown = [lines] if lines is not None else []
    if write is None:
        yield shown
        return
    with new_file(write) as file:
        yield [*shown, WrittenPackets(file)]


@contextmanager
def _until_interrupted() -> Iterator[threading.Event]:
    """Return an event that the first interrupt sets; the second one ends the program."""
    cancel = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        cancel.set()
        signal.signal(number, former[signal.Signals(number)])

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class _Beginning:
    """Says once that packets are being captured: it takes a moment until they are."""

    def __init__(self) -> None:
        self._said = False

    def say(self, progress: "Progress") -> None:
        """Say it when it has begun."""
        if not self._said:
            self._said = True
            names = [point.interface for point in progress.comparison.points]
            output.say(f"capturing at {' and '.join(names)}")


class _Lines:
    """Prints packets, a bounded number a second; a sink of a live capture."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._second = 0.0
        self._printed = 0
        self._passed_over = 0
        self._names: tuple[str, ...] = ()

    def start(self, points: "tuple[Point, ...]", snaplen: int, begin: int) -> None:
        """Begin with these interfaces."""
        self._names = tuple(point.name for point in points)

    def add(self, sights: "Sequence[Sight]", until: int) -> None:
        """Print packets."""
        if sights:
            self.show([(self._names[index], packet) for index, packet in sights])

    def show(self, packets: "Sequence[tuple[str, Packet]]") -> None:
        """Print packets with their interfaces."""
        from netconsole.capture.summary import line

        now = time.monotonic()
        if now - self._second >= 1:
            self._say_passed_over()
            self._second, self._printed = now, 0
        room = len(packets) if self._most is None else self._most - self._printed
        self._printed += len(packets[:room])
        self._passed_over += len(packets[room:])
        output.print_lines(output.shown(line(*each)) for each in packets[:room])
        output.flush()

    def finish(
        self, packets: "Sequence[int]", dropped: "Sequence[int]", begin: int, end: int
    ) -> None:
        """End: what was not printed is said after the last packet."""

    def end(self) -> None:
        """Say what is left to say."""
        self._say_passed_over()

    def _say_passed_over(self) -> None:
        if self._passed_over:
            output.say(f"… {counted(self._passed_over, 'more packet')} not printed")
            self._passed_over = 0


def report(found: "Comparison") -> Iterator[str]:
    """Return the comparison for people."""
    columns = ("interface", "packets", "dropped")
    rows = [(point.interface, point.packets, point.dropped) for point in found.points]
    yield from output.table(columns, rows)
    for pair in found.pairs:
        yield from _pair(pair)
    for point in found.points:
        yield from _exchanges(point)


def _pair(pair: "PairReport") -> Iterator[str]:
    verdict = pair.verdict
    yield ""
    yield f"{pair.first} and {pair.second}: {verdict.sentence}"
    yield f"  confidence: {verdict.confidence}{'. ' if verdict.doubt else ''}{verdict.doubt}"
    for way in pair.ways:
        if way.passed:
            took = way.latency.said or "no times"
            yield f"  {way.source} to {way.target}: {way.passed} passed, {took}"
        yield from (f"  lost: {output.shown(example)}" for example in way.examples)
    for name, number in pair.changed.items():
        yield f"  changed: {name}, {counted(number, 'packet')}"
    if pair.duplicates:
        yield f"  {counted(pair.duplicates, 'duplicate')}"
    if pair.undecided:
        yield f"  {counted(pair.undecided, 'packet')} too near the beginning or the end"


def _exchanges(point: "PointReport") -> Iterator[str]:
    for exchange in point.exchanges:
        yield ""
        yield _exchange(point.interface, exchange)
        for question in exchange.slowest:
            wait = "no answer" if question.seconds is None else f"{question.seconds * 1000:.1f} ms"
            again = counted(question.retransmissions, "retransmission")
            said = output.shown(f"{question.client} to {question.server}: {question.what}")
            yield f"  {wait}  {said}{f', {again}' if question.retransmissions else ''}"


def _exchange(interface: str, exchange: "Exchange") -> str:
    outcomes = ", ".join(f"{name} {number}" for name, number in exchange.outcomes.items())
    truncated = f", {exchange.truncated} truncated" if exchange.truncated else ""
    return (
        f"{exchange.service.upper()} at {interface}: "
        f"{counted(exchange.questions, 'question')}, {exchange.answered} answered, "
        f"{exchange.lost} without an answer, "
        f"{counted(exchange.retransmissions, 'retransmission')}; "
        f"{exchange.waits.said or 'no times'}{f' ({outcomes}{truncated})' if outcomes else ''}"
    )
