"""Record files: those that a record consists of, written so that each is good to its last line.

Their names are moments, in the order in which they were begun, whatever the clock was set to.
"""

import json
import os
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from netconsole import __version__
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import NotFound, Unavailable
from netconsole.backend.system.privileges import run_as_root
from netconsole.watch.frames import FORMAT, Json

ENDING: Final = ".jsonl.gz"
FILES: Final = 8
"""The size is divided among at least so many."""
_NAME: Final = "%Y%m%dT%H%M%S.%f"
_GZIP: Final = 31
"""Window bits of zlib(3) that make it write the header and the end of gzip (RFC 1952)."""
_END: Final = 16
"""Bytes of that end, at most."""


def directory(options: Options) -> Path:
    """Return where the record of a host is."""
    return Path(options.state_path, "record")


def record_files(options: Options) -> tuple[Path, ...]:
    """Return the files of a record, the oldest first. Raises Unavailable."""
    place = directory(options)
    try:
        found = sorted(path for path in place.iterdir() if path.name.endswith(ENDING))
    except FileNotFoundError:
        found = []
    except OSError as error:
        raise Unavailable(f"record {place}: {error.strerror}{run_as_root(error)}") from error
    if not found:
        raise NotFound(f"nothing is recorded in {place}: an agent records as it runs")
    return tuple(found)


class RecordFile:
    """One file of the record, under way."""

    def __init__(self, path: Path, handle: int, options: Options) -> None:
        self._path, self._handle, self._options = path, handle, options
        self._deflating = zlib.compressobj(wbits=_GZIP)
        self._size = self._room = 0
        self.frames = 0

    @property
    def is_there(self) -> bool:
        """Whether nobody has removed it."""
        return os.fstat(self._handle).st_nlink > 0

    def begin(self) -> None:
        """Write what the file is. Raises OSError."""
        self._put({"netconsole": __version__, "format": FORMAT, "host": self._options.host})

    def write(self, frame: Mapping[str, Json]) -> bool:
        """Write a frame so that all of it is in the file, or return that it does not fit.

        The first takes what room it needs of the whole record. Raises OSError, with the file as it
        was.
        """
        if not self._put(frame):
            return False
        self.frames += 1
        return True

    def tidy(self) -> None:
        """Remove other files that are too old by now. Raises OSError."""
        forget(self._options, self._room, self._path)

    def end(self) -> None:
        """Write the end of a file that is whole. Raises OSError."""
        os.write(self._handle, self._deflating.flush())

    def _put(self, line: Mapping[str, Json]) -> bool:
        text = f"{json.dumps(line, separators=(',', ':'))}\n".encode()
        ahead = self._deflating.copy()
        data = ahead.compress(text) + ahead.flush(zlib.Z_SYNC_FLUSH)
        if not self._has_room(len(data) + _END):
            return False
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._handle, self._size)
            raise
        self._size, self._deflating = self._size + len(data), ahead
        return True

    def _has_room(self, more: int) -> bool:
        """Whether so many bytes more are within the bounds, older files gone for them."""
        status = os.fstat(self._handle)
        needed = _rounded(self._size + more, status.st_blksize)
        most = self._options.record_size
        if needed > (most // FILES if self.frames else most):
            return False
        if needed > self._room:
            forget(self._options, needed, self._path)
            self._room = needed
        return True


@contextmanager
def opened(options: Options) -> Iterator[RecordFile]:
    """Begin a file. One that has no frame by the end is removed. Raises OSError."""
    place = directory(options)
    place.mkdir(mode=0o700, exist_ok=True)
    forget(options, options.record_size // FILES)
    path = place / f"{_next_name(place)}{ENDING}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        file = RecordFile(path, handle, options)
        try:
            file.begin()
            yield file
        finally:
            if not file.frames:
                path.unlink(missing_ok=True)
        with suppress(OSError):
            file.end()
    finally:
        os.close(handle)


def _next_name(place: Path) -> str:
    """The moment, or just after the last that has a file: a clock may be set back."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return max(now, *(begun + timedelta(microseconds=1) for begun in _begun(place))).strftime(_NAME)


def _begun(place: Path) -> Iterator[datetime]:
    yield datetime.min
    for path in place.glob(f"*{ENDING}"):
        with suppress(ValueError):
            yield datetime.strptime(path.name.removesuffix(ENDING), _NAME)


def forget(options: Options, needed: int, kept: Path | None = None) -> None:
    """Remove files that are too old, and the oldest where all are too large beside `needed`.

    `kept` is the one under way, which is what needs so many bytes. Raises OSError.
    """
    oldest = time.time() - options.record_days * 86400
    room = options.record_size - needed
    for path in sorted(directory(options).glob(f"*{ENDING}"), reverse=True):
        with suppress(FileNotFoundError):  # another agent forgets as well
            status = path.stat()
            if path == kept:
                continue
            room -= _rounded(status.st_size, status.st_blksize)
            if room < 0 or status.st_mtime < oldest:
                path.unlink()


def _rounded(size: int, block: int) -> int:
    """What so many bytes take on a disk."""
    return -(-size // block) * block
