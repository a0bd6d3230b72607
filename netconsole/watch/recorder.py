"""Recorder: writes down how a host stood, bounded by size and age. It is read by `recorded`.

A directory of files, each begun with everything and closed after an hour or at an eighth of the
size. Each frame is flushed, so that a file that was cut off is good to its last frame.
"""

import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from netconsole import __version__
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import said
from netconsole.backend.model.facility import Facility
from netconsole.watch.frames import FORMAT, Json, RecordedMoment, frame
from netconsole.watch.picture import Picture
from netconsole.watch.watch import Watch

ENDING: Final = ".jsonl.gz"
_FILE_SECONDS: Final = 3600.0
_FILES: Final = 8
"""The size is divided among at least so many."""
_LEAST_SECONDS: Final = 1.0
"""Between two frames: of a storm one a second is written."""
_RETRY_SECONDS: Final = 60.0
"""After the disk took no more."""
_GZIP: Final = 31
"""Window bits of zlib(3) that make it write the header and the end of gzip (RFC 1952)."""


def directory(options: Options) -> Path:
    """Return where the record of a host is."""
    return Path(options.state_path, "record")


@contextmanager
def recording(watch: Watch, options: Options, say: Callable[[str], None]) -> Iterator[None]:
    """Write down what the watch sees, as long as this is entered."""
    if not options.record_days:
        yield
        return
    recorder = _Recorder(options, say)
    leave = watch.subscribe(recorder.take)
    thread = threading.Thread(target=recorder.run, name="recorder", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leave()
        recorder.stop()
        thread.join()


class _Recorder:
    """Takes the newest picture whenever it has time for one."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._picture: Picture | None = None
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._told = ""

    def take(self, result: Picture | Exception) -> None:
        """Called by the watch. Counters alone are no news: they are read while somebody looks."""
        if isinstance(result, Picture) and result.changed != {Facility.COUNTERS}:
            self._picture = result
            self._wake.set()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._write_on()
            except OSError as error:
                sentence = f"nothing is recorded: {said(error)}"
                if sentence != self._told:
                    self._say(sentence)
                self._told = sentence
                self._stopped.wait(_RETRY_SECONDS)

    def _write_on(self) -> None:
        """Write file after file until the end. Raises OSError."""
        place = directory(self._options)
        place.mkdir(mode=0o700, exist_ok=True)
        while not self._stopped.is_set():
            _forget(place, self._options)
            with _opened(place, self._options.host) as file:
                self._fill(file)

    def _fill(self, file: "_File") -> None:
        former: RecordedMoment | None = None
        most = self._options.record_size // _FILES
        until = time.monotonic() + _FILE_SECONDS
        while not self._stopped.is_set() and file.size < most and time.monotonic() < until:
            if not self._wake.wait(max(0.0, until - time.monotonic())):
                return
            self._wake.clear()
            picture = self._picture
            if picture is None:
                continue
            now = RecordedMoment(picture.taken, picture.status, picture.findings)
            written = frame(former, now)
            if written is not None:
                file.write(written)
                self._told = ""
            former = now
            self._stopped.wait(_LEAST_SECONDS)


class _File:
    """One file of the record, under way."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._deflating = zlib.compressobj(wbits=_GZIP)
        self.size = 0

    def write(self, line: dict[str, Json]) -> None:
        """Write a line so that all of it is in the file. Raises OSError."""
        text = f"{json.dumps(line, separators=(',', ':'))}\n".encode()
        self._put(self._deflating.compress(text) + self._deflating.flush(zlib.Z_SYNC_FLUSH))

    def end(self) -> None:
        self._put(self._deflating.flush())

    def _put(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._handle, left) :]
        self.size += len(data)


@contextmanager
def _opened(place: Path, host: str) -> Iterator[_File]:
    begun = datetime.now(UTC)
    path = place / f"{begun:%Y%m%dT%H%M%S.%f}{ENDING}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        file = _File(handle)
        file.write({"netconsole": __version__, "format": FORMAT, "host": host})
        yield file
        with suppress(OSError):
            file.end()
    finally:
        os.close(handle)


def _forget(place: Path, options: Options) -> None:
    """Remove files that are too old, and the oldest where all are too large."""
    files = sorted(place.glob(f"*{ENDING}"), reverse=True)
    oldest = time.time() - options.record_days * 86400
    room = options.record_size - options.record_size // _FILES  # the next file needs some
    for path in files:
        status = path.stat()
        room -= status.st_size
        if room < 0 or status.st_mtime < oldest:
            path.unlink(missing_ok=True)
