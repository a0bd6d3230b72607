"""Captures at several interfaces at once, and compares."""

import select
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from netconsole.backend.model.errors import InvalidValue, Unavailable
from netconsole.backend.system.privileges import Capability, lacking
from netconsole.backend.system.ssh_session import SshSession, ssh_session
from netconsole.capture.analysis import Analysis
from netconsole.capture.comparison import Comparison, Progress
from netconsole.capture.filters import compile_filter, of_session
from netconsole.capture.packet import Sight
from netconsole.capture.ring import BLOCKS, RETIRE_MS, Ring, count, packets
from netconsole.capture.sink import Sink
from netconsole.capture.topology import Point
from netconsole.diagnostics.evidence.links import read_links

SNAPLEN = 128
"""Bytes kept of a packet: enough for its heads, and for the name that DNS is asked."""
SNAPLENS = range(64, 65536)
LIMIT = 20_000
"""Packets, all interfaces together."""
MOST_INTERFACES = 32
MOST_BLOCKS = 256
"""Of 1 MiB, in the rings of all interfaces together."""
MOST_WAITING = 256
"""Blocks of up to 1 MiB that wait in memory to be analysed; beyond that the ring fills up."""
MOST_HELD = 200_000
"""Packets that wait for the sinks before they are handed over also while blocks wait."""
PROGRESS_SECONDS = 1.0
MANY_WAITING = MOST_WAITING * 3 // 4
"""As long as fewer wait, most of the processor is left to the traffic that is looked at."""
ANALYSED_AT_ONCE = 2
"""Blocks taken apart before the rings are looked at again: some 20 ms."""
PAUSE_SECONDS = 0.03
"""While a busy interface fills a few blocks of the ring."""
LAST_SECONDS = 2.5 * RETIRE_MS / 1000
"""After the end, until the kernel has handed over what it has."""
HELD_NS = 2 * RETIRE_MS * 1_000_000
"""Packets are handed over so much later, in the order of time."""


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """What to capture, and for how long."""

    interfaces: tuple[str, ...]
    expression: str = ""
    """A filter, pcap-filter(7)."""
    seconds: float | None = 10.0
    limit: int | None = LIMIT
    """Packets, all interfaces together."""
    snaplen: int = SNAPLEN
    spare_session: bool = True
    """Leave out the SSH session that this process was started from."""


def compare(
    request: CaptureRequest,
    *,
    cancel: threading.Event,
    progress: Callable[[Progress], None] = lambda _: None,
    sinks: Sequence[Sink] = (),
    session: Callable[[], SshSession | None] = ssh_session,
) -> Comparison:
    """Capture until the time is up, the limit is reached or `cancel` is set, and compare.

    Call it in a thread that may block, in which `progress` (when it has begun, then about once a
    second) and the sinks are called as well. `session` finds the SSH session that is spared.
    Raises Unavailable and InvalidValue.
    """
    with _opened(request, sinks, session) as capture:
        capture.go_on(cancel, progress)
        return capture.conclude(progress)


@contextmanager
def _opened(
    request: CaptureRequest, sinks: Sequence[Sink], session: Callable[[], SshSession | None]
) -> "Iterator[_Capture]":
    if (reason := lacking(Capability.NET_RAW)) is not None:
        raise Unavailable(reason)
    if request.snaplen not in SNAPLENS:
        raise InvalidValue("snaplen", request.snaplen, "is not between 64 and 65535 bytes")
    if not request.interfaces or len(set(request.interfaces)) < len(request.interfaces):
        raise InvalidValue("interfaces", " ".join(request.interfaces), "name each once")
    if len(request.interfaces) > MOST_INTERFACES:
        rule = f"more than {MOST_INTERFACES} are too many"
        raise InvalidValue("interfaces", len(request.interfaces), rule)
    points = _points(request.interfaces)
    own = session() if request.spare_session else None
    spared = of_session(own) if own is not None else ""
    programs = [
        compile_filter(point.name, request.expression, spared, request.snaplen) for point in points
    ]
    with ExitStack() as stack:
        rings = [
            stack.enter_context(Ring(point.name, program, min(BLOCKS, MOST_BLOCKS // len(points))))
            for point, program in zip(points, programs, strict=True)
        ]
        yield _Capture(request, points, rings, sinks)


def _points(names: Sequence[str]) -> tuple[Point, ...]:
    """Return what each interface is. Raises InvalidValue for one that is not there."""
    links = read_links()
    points = []
    for name in names:
        link = links.get(name)
        if link is None:
            raise InvalidValue("interface", name, "there is no such interface on this host")
        mac = bytes.fromhex(link.mac.replace(":", ""))
        points.append(Point(name, mac, link.master, link.parent, link.vlan))
    return tuple(points)


class _Capture:
    """One capture: blocks are fetched first, and taken apart when there are none to fetch."""

    def __init__(
        self,
        request: CaptureRequest,
        points: tuple[Point, ...],
        rings: list[Ring],
        sinks: Sequence[Sink],
    ) -> None:
        self.request = request
        self.rings = rings
        self.sinks = sinks
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.held: list[Sight] = []
        self.fetched = 0
        self.begin = time.time_ns()
        self.reached = [self.begin] * len(points)
        """The time up to which the packets of each interface were taken apart."""
        self.told = (time.monotonic(), [0] * len(points))
        """When progress was told last, and how many packets there were."""
        self.analysis = Analysis(points, request.snaplen, self.begin)
        for sink in sinks:
            sink.start(points, request.snaplen, self.begin)

    def go_on(self, cancel: threading.Event, progress: Callable[[Progress], None]) -> None:
        """Capture until it is to end."""
        request = self.request
        progress(self._progress())
        started = time.monotonic()
        while not cancel.is_set():
            now = time.monotonic()
            if request.seconds is not None and now - started >= request.seconds:
                break
            if request.limit is not None and self.fetched >= request.limit:
                break
            self._fetch()
            self._analyse(ANALYSED_AT_ONCE)
            if not self.waiting or len(self.held) > MOST_HELD:
                self._pass_on(self._complete())
            if now - self.told[0] >= PROGRESS_SECONDS:
                self._count_dropped()
                progress(self._progress())
            if not self.waiting:
                self._wait()
            elif len(self.waiting) < MANY_WAITING:
                time.sleep(PAUSE_SECONDS)

    def conclude(self, progress: Callable[[Progress], None]) -> Comparison:
        """End, and compare."""
        self._finish(time.time_ns())
        progress(self._progress())
        return self.analysis.conclude()

    def _progress(self) -> Progress:
        now, packets = time.monotonic(), list(self.analysis.packets)
        (then, before), self.told = self.told, (now, packets)
        seconds = max(now - then, 0.001)
        rates = tuple((more - less) / seconds for more, less in zip(packets, before, strict=True))
        at = time.time_ns()
        return Progress(at, self.analysis.so_far(at), rates, self.analysis.asked())

    def _wait(self) -> None:
        """Wait until a block is ready, or for as long as it takes to become so."""
        asked = select.poll()
        for ring in self.rings:
            asked.register(ring, select.POLLIN)
        for descriptor, event in asked.poll(RETIRE_MS):
            if event & select.POLLERR:
                next(ring for ring in self.rings if ring.fileno() == descriptor).clear_error()

    def _fetch(self) -> None:
        """Take what is ready from every ring, as long as there is room for it."""
        for index, ring in enumerate(self.rings):
            if len(self.waiting) >= MOST_WAITING:
                return
            for block in ring.blocks():
                self.waiting.append((index, block))
                self.fetched += count(block)

    def _analyse(self, blocks: int, end: int | None = None) -> None:
        for _ in range(min(blocks, len(self.waiting))):
            index, block = self.waiting.popleft()
            found = packets(block)
            if end is not None:
                found = [packet for packet in found if packet[0] <= end]
            if not found:
                continue
            self.reached[index] = found[-1][0]
            self.analysis.add(index, found)
            if self.sinks:
                self.held.extend([(index, packet) for packet in found])

    def _complete(self) -> int:
        """Return the time up to which every interface has handed over what it has."""
        behind = (self.reached[index] for index, _ in self.waiting)
        return min((time.time_ns() - HELD_NS, *behind))

    def _pass_on(self, until: int) -> None:
        """Hand over what is older; the interfaces hand over theirs at different times."""
        self.held.sort(key=_time)
        older = bisect_right(self.held, until, key=_time)
        sights, self.held = self.held[:older], self.held[older:]
        for sink in self.sinks:
            sink.add(sights, until)

    def _count_dropped(self) -> None:
        self.analysis.dropped[:] = [ring.dropped() for ring in self.rings]

    def _finish(self, end: int) -> None:
        """Take what was captured until the end and is still in the kernel or waits."""
        deadline = time.monotonic() + LAST_SECONDS
        while time.monotonic() < deadline:
            self._fetch()
            self._analyse(ANALYSED_AT_ONCE, end)
            time.sleep(0.01)
        self._count_dropped()
        self._analyse(len(self.waiting), end)
        self._pass_on(end)
        self.analysis.end = end
        for sink in self.sinks:
            sink.finish(self.analysis.packets, self.analysis.dropped, self.begin, end)


def _time(sight: Sight) -> int:
    return sight[1][0]
