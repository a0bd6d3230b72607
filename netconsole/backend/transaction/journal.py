"""The journal: every apply written down step by step, so that a killed one can be taken back.

One file a change, one JSON object a line: the change, then which steps were begun and which have
happened, by number. Its name ends in how the change ended, which a rename does at once; one that
is `open` is under way or was cut off. So a change reads those alone, however much others have
written.

Who makes a change holds a lock on its file (flock(2)) until the end, and so do the programs that
take its steps. So one whose lock is free has no maker any more, whatever has become of
the host's lock.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from uuid import uuid4

from netconsole.backend.model.errors import Conflict, NotFound, Unavailable
from netconsole.backend.model.phrases import command
from netconsole.backend.model.text import decoded
from netconsole.backend.steps import Plan
from netconsole.backend.system.files import in_place_of
from netconsole.backend.system.who import Who, who
from netconsole.backend.transaction import journal_entry
from netconsole.backend.transaction.journal_entry import JournalEntry, Outcome, Torn, UnreadEntry
from netconsole.backend.transaction.lock import WAIT_SECONDS

__all__ = ["Journal", "JournalEntry", "OpenEntry", "Outcome"]

KEPT = 500
"""How many changes are kept; older ones are forgotten."""
LONGEST = 1 << 28
"""Of a file, in bytes; nothing that was written by us comes near."""

_OPEN = ".open"
_ENDS: dict[str, Outcome] = {f".{end}": end for end in get_args(Outcome)}
_NEW = ".begun-"
"""Begins the name of a file until it is locked and has its first line."""


class Journal:
    """A directory of changes."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    def begin(
        self,
        title: str,
        plan: Plan,
        *,
        undoable: bool,
        trial: bool = False,
        undoes: str = "",
        by: Who | None = None,
    ) -> "OpenEntry":
        """Write a change down before its first step. `by` as of an Auditor."""
        at = datetime.now(UTC)
        change_id = f"{at:%Y%m%dT%H%M%S%f}-{uuid4().hex[:4]}"
        entry = JournalEntry(
            *(change_id, at, title, plan),
            undoable=undoable,
            trial=trial,
            undoes=undoes,
            boot=boot_id(),
            pid=os.getpid(),
            by=by or who(),
        )
        path, new = self._directory / f"{change_id}{_OPEN}", self._directory / f"{_NEW}{change_id}"
        handle = -1
        if obstacle := self.obstacle:
            raise Unavailable(f"journal {obstacle}")
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o755)
            handle = os.open(new, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)
            fcntl.flock(handle, fcntl.LOCK_EX)
            _append(handle, journal_entry.head(entry))
            new.rename(path)
        except OSError as error:
            if handle >= 0:
                os.close(handle)
                new.unlink(missing_ok=True)
            raise _unavailable(self._directory if handle < 0 else path, error) from error
        self._forget_old()
        return OpenEntry(change_id, path, handle)

    def entries(self) -> Iterator[JournalEntry]:
        """Yield every change, the newest first; those that cannot be read say why.

        One that a later change has taken back ended with that. Raises Unavailable where none can be
        read.
        """
        if obstacle := self.obstacle:
            raise Unavailable(f"journal {obstacle}")
        taken_back: set[str] = set()
        for entry in _every(self._paths()):
            if entry.id in taken_back and entry.end == "done":
                yield replace(entry, end="undone")
                continue
            if entry.end == "done":
                taken_back.add(entry.undoes)
            yield entry

    def entry(self, change_id: str) -> JournalEntry:
        """Return one change by its id; raises NotFound, and Unavailable where it cannot be read."""
        entry = next((entry for entry in self.entries() if entry.id == change_id), None)
        if entry is None:
            shown = command("history")
            raise NotFound(f"change {change_id!r}: not in the journal, {shown} shows what is")
        if entry.unread:
            raise Unavailable(entry.unread)
        return entry

    @property
    def is_under_way(self) -> bool:
        """Whether a change has no end: it is under way, or was cut off."""
        return any(path.suffix == _OPEN for path in self._paths())

    def unfinished(self) -> tuple[JournalEntry, ...]:
        """Return the changes that have no end, the newest first; no others are read."""
        return tuple(_every([path for path in self._paths() if path.suffix == _OPEN]))

    def cut_off(self) -> tuple[JournalEntry, ...]:
        """Return the changes that have no end and nobody who could make one, the newest first."""
        return tuple(entry for entry in self.unfinished() if not self._lives(entry.id))

    @contextmanager
    def taken_over(self, change_id: str) -> Iterator["OpenEntry | None"]:
        """Wait until nobody is at a change, and hold it; None where it has an end by then.

        Raises Conflict where its maker goes on for over two minutes.
        """
        path = self._directory / f"{change_id}{_OPEN}"
        try:
            handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise _unavailable(path, error) from error
        taken = OpenEntry(change_id, path, handle)
        try:
            deadline = time.monotonic() + WAIT_SECONDS
            while not _locked(handle, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    entry = _read(path)
                    who = f"process {entry.pid}, {entry.title}," if entry else "a process"
                    raise Conflict(
                        f"{who} has been changing this host for over {WAIT_SECONDS:.0f} s "
                        f"(journal {path})"
                    )
                time.sleep(0.02)
            yield taken if taken.is_there() else None
        finally:
            taken.let_go()

    def _lives(self, change_id: str) -> bool:
        """Whether somebody is at a change, as far as this process may know."""
        try:
            handle = os.open(self._directory / f"{change_id}{_OPEN}", _FOR_READING)
        except (FileNotFoundError, PermissionError):
            return True
        except OSError:
            return False
        try:
            return not _locked(handle, fcntl.LOCK_SH)
        finally:
            os.close(handle)

    @property
    def obstacle(self) -> str:
        """What is in the way of reading it, in words; nothing where it can be read."""
        mistaken = in_place_of(self._directory)
        return f"{self._directory} {mistaken}" if mistaken else ""

    def _paths(self) -> list[Path]:
        found = (path for path in self._directory.glob("*") if path.suffix in (_OPEN, *_ENDS))
        return sorted(found, reverse=True)

    def _forget_old(self) -> None:
        for path in self._paths()[KEPT:]:
            if path.suffix != _OPEN or _read(path) is None:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        for path in self._directory.glob(f"{_NEW}*"):
            path.unlink(missing_ok=True)  # of one who was killed then


class OpenEntry:
    """A change that is under way, and the lock that says so."""

    def __init__(self, change_id: str, path: Path, handle: int) -> None:
        self.id = change_id
        self.handle = handle
        """Of the file; a program that is given it counts as a maker of the change as well."""
        self.taken = 0
        """How many steps have happened."""
        self.outcome: Outcome | None = None
        self._path = path

    def began(self, last: int) -> None:
        """The steps up to this one, counted from 0, are about to happen."""
        self._write(journal_entry.began(last))

    def done(self, last: int) -> None:
        """The steps up to this one, counted from 0, have happened."""
        self.taken = last + 1
        self._write(journal_entry.done(last))

    def end(self, outcome: Outcome, because: str = "") -> None:
        """The change is over; where it failed, `because` says why."""
        if because:
            with suppress(Unavailable):  # its end, which needs no room, says enough
                self._write(journal_entry.failed(because))
        self.outcome = outcome
        try:
            _end(self._path, outcome)
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Leave the change to others."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1

    def read(self) -> JournalEntry:
        """Return what the file says by now, also when it has lost its name. Raises Unavailable."""
        try:
            return journal_entry.parse(self.id, _content(self.handle), None)
        except UnreadEntry as error:
            raise Unavailable(f"journal {self._path}: {error}") from error

    def is_there(self) -> bool:
        """Whether the file is still in its place: others may remove it, or end the change."""
        try:
            here, there = os.fstat(self.handle), self._path.lstat()
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def is_lost(self) -> bool:
        """Whether the file has no name any more, so that nobody else can find the change."""
        return os.fstat(self.handle).st_nlink == 0

    def check(self) -> None:
        """Raise Unavailable where the file is gone: a kill would leave what nobody takes back."""
        if not self.is_there():
            raise Unavailable(f"journal {self._path}: removed while the change was under way")

    def _write(self, line: str) -> None:
        """Append a line; it is with the kernel, safe from our own death, when this returns."""
        self.check()
        try:
            _append(self.handle, line)
        except OSError as error:
            raise _unavailable(self._path, error) from error


def boot_id() -> str:
    """Return the boot of the running kernel (random(4)); empty where it does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


_FOR_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
"""Never led elsewhere by a symbolic link, nor held up by a FIFO."""


def _every(paths: Iterable[Path]) -> Iterator[JournalEntry]:
    return (entry for entry in map(_read, paths) if entry is not None)


def _read(path: Path) -> JournalEntry | None:
    """Read a change; None for one that is gone, or whose first step was not begun."""
    try:
        handle = os.open(path, _FOR_READING)
    except FileNotFoundError:
        return None  # forgotten meanwhile, or it has just ended
    except OSError as error:
        link = error.errno == errno.ELOOP
        return _unread(path, "it is a symbolic link" if link else error.strerror or str(error))
    try:
        return _parsed(path, _content(handle))
    except UnreadEntry as error:
        return _unread(path, str(error))
    except OSError as error:
        return _unread(path, error.strerror or str(error))
    finally:
        os.close(handle)


def _content(handle: int) -> str:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadEntry("it is not a regular file")
    if status.st_size > LONGEST:
        raise UnreadEntry(f"it has {status.st_size} bytes, more than any change")
    return decoded(os.pread(handle, status.st_size, 0))


def _parsed(path: Path, text: str) -> JournalEntry | None:
    try:
        return journal_entry.parse(path.stem, text, _ENDS.get(path.suffix))
    except Torn:
        return None


def _unread(path: Path, reason: str) -> JournalEntry:
    """What is known of a change whose file cannot be read, and what to do about it."""
    end = _ENDS.get(path.suffix)
    what_to_do = "it is over, so that nothing depends on it"
    if end is None:
        what_to_do = (
            "it may have been cut off half done; take it back with the netconsole that wrote it, "
            f"or compare `netconsole plan` and then remove it: rm -r {path}"
        )
    at = datetime.now(UTC)
    with suppress(OSError):
        at = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    return JournalEntry(
        path.stem, at, "", Plan(), end=end, unread=f"journal {path}: {reason}; {what_to_do}"
    )


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _append(handle: int, line: str) -> None:
    text = line.encode()
    if os.write(handle, text) < len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _end(path: Path, outcome: Outcome) -> None:
    try:
        path.rename(path.with_suffix(f".{outcome}"))
    except OSError as error:
        raise _unavailable(path, error) from error


def _unavailable(path: Path, error: OSError) -> Unavailable:
    return Unavailable(f"journal {path}: {error.strerror}")
