"""Recorder: writes down how a host stood, bounded by size and age. It is read by `recorded`.

Each file begins with everything. After an hour, and at an eighth of the size, what comes next
begins another.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import said
from netconsole.backend.model.facility import Facility
from netconsole.watch.frames import RecordedMoment, frame
from netconsole.watch.picture import Picture
from netconsole.watch.record_files import RecordFile, opened
from netconsole.watch.watch import Watch

RECORDER: Final = "recorder"
"""Its thread; there is none where nothing is to be recorded."""
_FILE_SECONDS: Final = 3600.0
_LEAST_SECONDS: Final = 1.0
"""Between two frames: of a storm one a second is written."""
_RETRY_SECONDS: Final = 60.0
"""After the disk took no more."""


@contextmanager
def recording(watch: Watch, options: Options, say: Callable[[str], None]) -> Iterator[None]:
    """Write down what the watch sees, as long as this is entered."""
    if not options.record_days:
        yield
        return
    recorder = _Recorder(options, say)
    leave = watch.subscribe(recorder.take)
    thread = threading.Thread(target=recorder.run, name=RECORDER, daemon=True)
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
                with opened(self._options) as file:
                    complaint = self._fill(file)
            except OSError as error:
                complaint = said(error)
            if complaint:
                self._complain(complaint)

    def _complain(self, because: str) -> None:
        """Say once that nothing is recorded, and wait before it is tried again."""
        sentence = f"nothing is recorded: {because}"
        if sentence != self._told:
            self._say(sentence)
        self._told = sentence
        self._wake.set()  # what could not be written is still to be
        self._stopped.wait(_RETRY_SECONDS)

    def _fill(self, file: RecordFile) -> str:
        """Write into a file until another is to be begun; return why none can be written."""
        former: RecordedMoment | None = None
        until = time.monotonic() + _FILE_SECONDS
        while not self._stopped.is_set():
            if not self._wake.wait(_FILE_SECONDS):
                file.tidy()
                if not file.is_there:
                    self._wake.set()
                continue
            picture = self._picture
            if picture is None or self._stopped.is_set():
                self._wake.clear()
                continue
            if not file.is_there or (file.frames and time.monotonic() > until):
                return ""
            self._wake.clear()
            now = RecordedMoment(picture.taken, picture.status, picture.findings)
            written = frame(former, now)
            if written is not None and not file.write(written):
                self._wake.set()
                return "" if file.frames else "record_size is less than one look takes: raise it"
            if written is not None:
                self._told = ""
            former = now
            self._stopped.wait(_LEAST_SECONDS)
        return ""
