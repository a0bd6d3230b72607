"""Hears why the kernel gives packets up, by a tracing instance of our own.

An instance of tracefs (Documentation/trace/ftrace.rst, Instances) has its buffer, clock, events and
filters for itself: the machine's own tracing is left as it is. It is held open, and the kernel
removes none that is. One whose process was killed the next one removes.
"""

import os
import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netconsole.backend.model.text import decoded
from netconsole.backend.model.trace_table import PREFIX, is_trace_table
from netconsole.diagnostics.tracing.drop_events import (
    BufferEvent,
    filters,
    interfaces_to_name,
    parse_events,
)

TRACEFS: Final = Path("/sys/kernel/tracing")
_HOW: Final = f"mount -t tracefs tracefs {TRACEFS}"
_BUFFER_KILOBYTES: Final = 256
"""For each processor; what comes after that is lost, and not the packet."""
_MOST_BYTES: Final = 1 << 22
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class KernelDrops:
    """What is heard of packets that the kernel gives up."""

    pipe: int | None = None
    """The instance's trace_pipe; None where there is no instance."""
    unheard: str = ""
    """Why nothing is heard."""
    ahead: int = 0
    """Nanoseconds that the clock of the day is ahead of that of the events."""

    def events(self) -> tuple[BufferEvent, ...]:
        """Return what was told so far, once."""
        if self.pipe is None:
            return ()
        pieces, size = list[bytes](), 0
        with suppress(BlockingIOError):
            while size < _MOST_BYTES and (piece := os.read(self.pipe, 1 << 16)):
                pieces.append(piece)
                size += len(piece)
        return tuple(parse_events(decoded(b"".join(pieces))))


@contextmanager
def kernel_drops(interfaces: Collection[str], lengths: Collection[int]) -> Iterator[KernelDrops]:
    """Hear of packets of IPv4 so long that come in at these interfaces and are given up."""
    named = interfaces_to_name(interfaces)
    if not named or not lengths:
        yield KernelDrops()
        return
    instances = TRACEFS / "instances"
    if not instances.is_dir():
        yield KernelDrops(unheard=f"tracefs is not at {TRACEFS} (`{_HOW}`)")
        return
    try:
        remove_left(instances)
        instance, pipe = _held(instances)
    except OSError as error:
        yield KernelDrops(unheard=f"{instances}: {error.strerror or error}")
        return
    try:
        yield _begun(instance, pipe, filters(named, lengths))
    finally:
        os.close(pipe)
        with suppress(OSError):
            instance.rmdir()


def remove_left(instances: Path) -> None:
    """Remove the instances of ours that nobody holds open: their processes were killed."""
    for each in instances.iterdir():
        if is_trace_table(each.name):
            with suppress(OSError):  # EBUSY: it is in use
                each.rmdir()


def _held(instances: Path, tries: int = _TRIES) -> tuple[Path, int]:
    """Make an instance and open it; again where another took it for one that was left."""
    instance = instances / f"{PREFIX}{secrets.token_hex(4)}"
    instance.mkdir()
    try:
        return instance, os.open(instance / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        if tries == 1:
            raise
        return _held(instances, tries - 1)


def _begun(instance: Path, pipe: int, asked: Mapping[str, str]) -> KernelDrops:
    try:
        (instance / "trace_clock").write_text("mono")
        (instance / "buffer_size_kb").write_text(str(_BUFFER_KILOBYTES))
        for event, condition in asked.items():
            (instance / "events" / event / "filter").write_text(condition)
        for event in asked:
            (instance / "events" / event / "enable").write_text("1")
    except OSError as error:
        return KernelDrops(unheard=f"{error.filename or instance}: {error.strerror or error}")
    return KernelDrops(pipe, "", time.time_ns() - time.monotonic_ns())
