"""Hears why the kernel gives packets up, by a tracing instance of our own.

An instance of tracefs (Documentation/trace/ftrace.rst, Instances) has its buffer, clock, events and
filters for itself: the machine's own tracing is left as it is. It is held open, and the kernel
removes none that is. A program that waits for our end removes it, also where we are killed; where
that was killed as well, the next of us does.
"""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, cast

from netconsole.backend.model.errors import said
from netconsole.backend.model.text import decoded, encoded
from netconsole.backend.model.trace_table import PREFIX, is_trace_table
from netconsole.backend.system.programs import ENVIRONMENT, PATH
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
_MOST_BYTES: Final = 1 << 23
_TRIES: Final = 3


@dataclass(slots=True)
class KernelDrops:
    """What is heard of packets that the kernel gives up."""

    pipe: int | None = None
    """The instance's trace_pipe; None where there is no instance."""
    unheard: str = ""
    """Why nothing is heard."""
    ahead: int = 0
    """Nanoseconds that the clock of the day is ahead of that of the events."""
    _told: bytearray = field(default_factory=bytearray)

    def take(self) -> None:
        """Take what was told so far, before it has to make room; the latest is kept."""
        if self.pipe is None:
            return
        until = len(self._told) + _MOST_BYTES
        with suppress(BlockingIOError):
            while len(self._told) < until and (piece := os.read(self.pipe, 1 << 16)):
                self._told += piece
        del self._told[:-_MOST_BYTES]

    def events(self) -> tuple[BufferEvent, ...]:
        """Return what was told so far."""
        self.take()
        return tuple(parse_events(decoded(bytes(self._told))))


@contextmanager
def kernel_drops(interfaces: Collection[str], lengths: Collection[range]) -> Iterator[KernelDrops]:
    """Hear of packets of IPv4, so long in bytes, that come in at these and are given up."""
    named = interfaces_to_name(interfaces)
    if not named or not lengths:
        yield KernelDrops()
        return
    instances = TRACEFS / "instances"
    if not instances.is_dir():
        yield KernelDrops(unheard=f"tracefs is not at {TRACEFS} (`{_HOW}`)")
        return
    with ExitStack() as held:
        try:
            remove_left(instances)
            instance = instances / f"{PREFIX}{secrets.token_hex(4)}"
            held.enter_context(_removed_at_our_end(instance))
            pipe = _held(instance)
        except OSError as error:
            yield KernelDrops(unheard=said(error))
            return
        held.callback(os.close, pipe)
        yield _begun(instance, pipe, filters(named, lengths))


@contextmanager
def _removed_at_our_end(instance: Path) -> Iterator[None]:
    """Have an instance removed when this is left, or when this process ends, however it does.

    xargs(1) does so as soon as nobody holds its standard input. It is of no process group of ours,
    to which a terminal sends SIGINT.
    """
    program = shutil.which("xargs", path=PATH) or "/usr/bin/xargs"
    with subprocess.Popen(
        (program, "--no-run-if-empty", "rmdir", "--"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd="/",
        process_group=0,
    ) as removing:
        to = cast(BinaryIO, removing.stdin)
        to.write(encoded(f"{instance}\n"))
        to.flush()
        yield


def remove_left(instances: Path) -> None:
    """Remove the instances of ours that nobody holds open: their processes were killed."""
    for each in instances.iterdir():
        if is_trace_table(each.name):
            with suppress(OSError):  # EBUSY: it is in use
                each.rmdir()


def _held(instance: Path, tries: int = _TRIES) -> int:
    """Make an instance and open it; again where another took it for one that was left."""
    instance.mkdir()
    try:
        return os.open(instance / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        if tries == 1:
            raise
        return _held(instance, tries - 1)


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
