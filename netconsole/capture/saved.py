"""Captures on disk, read back and compared."""

import heapq
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TypeAlias

from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.system.files import opened
from netconsole.capture.analysis import Analysis
from netconsole.capture.comparison import Comparison
from netconsole.capture.filters import passing
from netconsole.capture.packet import Packet
from netconsole.capture.recording import Batch, RecordedInterface, Recording

Rights: TypeAlias = Callable[[], AbstractContextManager[None]]

LONGEST = 1 << 18
"""What a file means that says it kept packets whole."""


def compare(
    paths: Sequence[Path],
    interfaces: Sequence[str] = (),
    show: Callable[[Sequence[tuple[str, Packet]]], None] | None = None,
    expression: str = "",
    rights: Rights = nullcontext,
) -> Comparison:
    """Compare the interfaces of one file, or of several, in the order given or that of the files.

    `show` is given the packets, each with the name of its interface. `expression` is a filter,
    pcap-filter(7): only what passes is compared. `rights` are those that the files are opened
    with.

    Raises BadFile, InvalidValue, and Unavailable where there is a filter and no tcpdump.
    """
    with ExitStack() as stack:
        recordings = [
            Recording(path.stem, stack.enter_context(_mapped(path, rights))) for path in paths
        ]
        return _compare(recordings, tuple(interfaces), show, expression)


@contextmanager
def _mapped(path: Path, rights: Rights) -> Iterator[mmap.mmap]:
    try:
        with rights():
            opened_file = opened(path)
        with opened_file as file:
            if not os.fstat(file.fileno()).st_size:
                raise InvalidValue("file", path, "is empty")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise InvalidValue("file", path, reason or "cannot be read") from None
    with mapped:
        yield mapped


def _compare(
    recordings: Sequence[Recording],
    wanted: tuple[str, ...],
    show: Callable[[Sequence[tuple[str, Packet]]], None] | None,
    expression: str,
) -> Comparison:
    """Compare recordings; what bears one name in several files is one interface."""
    found = [interface for recording in recordings for interface in recording.interfaces]
    names = wanted or tuple(dict.fromkeys(each.point.name for each in found))
    for name in names:
        if all(name != each.point.name for each in found):
            there = ", ".join(dict.fromkeys(each.point.name for each in found))
            raise InvalidValue("interface", name, f"is not in the capture, which has {there}")
    number = {name: index for index, name in enumerate(names)}
    chosen = [each for each in found if each.point.name in number]
    points = {each.point.name: each.point for each in chosen}
    snaplen = min((each.snaplen or LONGEST for each in chosen), default=LONGEST)
    begins = [each.begin for each in chosen if each.begin is not None]
    ends = [each.end for each in chosen if each.end is not None]
    timed = len(begins) == len(ends) == len(chosen) == len(names)
    span = (max(begins), min(ends)) if timed else (None, None)
    analysis = Analysis([points[name] for name in names], snaplen, *span)
    for each in chosen:
        analysis.dropped[number[each.point.name]] += each.dropped
    streams = [_stream(recording, expression) for recording in recordings]
    for interfaces, batch in heapq.merge(*streams, key=_begin):
        shown: list[tuple[str, Packet]] = []
        for index, packets in batch.items():
            name = interfaces[index].point.name
            if name in number:
                analysis.add(number[name], packets)
                shown += [(name, packet) for packet in packets] if show is not None else []
        if show is not None:
            show(sorted(shown, key=lambda each: each[1][0]))
    return analysis.conclude()


Step: TypeAlias = tuple[Sequence[RecordedInterface], Batch]


def _stream(recording: Recording, expression: str) -> Iterator[Step]:
    batches = _filtered(recording, expression) if expression else recording.batches()
    return ((recording.interfaces, batch) for batch in batches)


def _filtered(recording: Recording, expression: str) -> Iterator[Batch]:
    """Read the packets that pass a filter. The file is read twice: tcpdump looks first."""
    every = (packet for batch in recording.batches() for some in batch.values() for packet in some)
    marks = iter(passing(every, expression))
    for batch in recording.batches():
        chosen = {
            index: [packet for packet, passes in zip(some, marks, strict=False) if passes]
            for index, some in batch.items()
        }
        if left := {index: some for index, some in chosen.items() if some}:
            yield left


def _begin(step: Step) -> int:
    return min(packets[0][0] for packets in step[1].values())
