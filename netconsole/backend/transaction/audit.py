"""The audit log: one JSON line for every change asked for, refused and failed ones too."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import NetconsoleError, PartlyDone, Unavailable
from netconsole.backend.steps import Plan
from netconsole.backend.system.files import refuse_other, unfit_directory
from netconsole.backend.system.who import UNKNOWN, Who, who
from netconsole.backend.transaction.journal_entry import JournalEntry

FAILED: Final = "failed: "
"""Begins the outcome of a change that was refused, or that failed; what the error says follows."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who asked for what, and what came of it."""

    at: str
    login: str
    uid: int | None
    sudo_user: str | None
    ssh_peer: str | None
    asked: str
    change_id: str | None = None
    commands: tuple[str, ...] = ()
    """Those that were run, also where they were taken back later."""
    outcome: str = "done"
    end: str | None = None
    """How the change ended in the journal; None for one that was not begun."""


def _line(at: datetime, by: Who, title: str) -> AuditLine:
    when = at.isoformat(timespec="milliseconds")
    return AuditLine(when, by.login, by.uid, by.sudo_user, by.ssh_peer, title)


ROOM = 8192
"""Bytes that a line may need beyond its commands, for what went wrong."""


class NotAudited(PartlyDone):
    """What was done could not be written into the audit log."""


class Auditor:
    """Appends to the audit log. One that cannot be written stops a change before it begins."""

    def __init__(
        self,
        path: str,
        by: Who | None = None,
        tell: Callable[[AuditLine], object] = lambda _: None,
    ) -> None:
        """`by` is who asks; without it, whose process this is. `tell` is given each line too."""
        self._path = Path(path)
        self._tell = tell
        self._by = by or who()
        self._line = self._asked("")
        self._room: IO[bytes] | None = None

    @contextmanager
    def change(self, title: str) -> Iterator["Auditor"]:
        """Log one change, whatever becomes of it; `did` adds what was done.

        Raises Unavailable where the log cannot be written, before anything is done, and
        NotAudited where it could not be any more afterwards.
        """
        self._line = self._asked(title)
        with self._opened() as handle:
            self.reserve(())
            failure: BaseException | None = None
            try:
                yield self
            except NetconsoleError as error:
                self._line = replace(self._line, outcome=f"{FAILED}{error}")
                failure = error
                raise
            except BaseException as error:
                self._line = replace(self._line, outcome=f"aborted: {type(error).__name__}")
                failure = error
                raise
            finally:
                self._write(handle, failure)

    def _asked(self, title: str) -> AuditLine:
        return _line(datetime.now(UTC), self._by, title)

    def reserve(self, commands: tuple[str, ...]) -> None:
        """Keep room on the disk for a line with these commands. Raises Unavailable."""
        line = self._text(replace(self._line, commands=commands))
        self._let_go()
        try:
            self._room = TemporaryFile(dir=self._path.resolve().parent)  # noqa: SIM115  kept
            os.posix_fallocate(self._room.fileno(), 0, len(line) + ROOM)
        except OSError as error:
            self._let_go()
            raise self._unavailable(error) from error

    def killed(self, entry: JournalEntry, left: tuple[str, ...], by: str = "") -> None:
        """Log a change whose process was killed, and who took back what it had begun.

        That is this process's change unless it is told. `left` says what is not taken back.
        Raises Unavailable.
        """
        taken_back = f"killed, taken back by {by or self._line.asked}"
        line = replace(
            _line(entry.at, entry.by or UNKNOWN, entry.title),
            change_id=entry.id,
            commands=Plan(entry.plan.steps[: entry.begun]).commands,
            outcome="; ".join((taken_back, *left)),
            end="recovered",
        )
        with self._opened() as handle:
            try:
                _append(handle, self._text(line))
            except OSError as error:
                raise self._unavailable(error) from error
        self._tell(line)

    def did(self, change_id: str, commands: tuple[str, ...], end: str | None) -> None:
        """Add the change's id in the journal, the commands that were run, and how it ended."""
        self._line = replace(self._line, change_id=change_id, commands=commands, end=end)

    def _write(self, handle: int, failure: BaseException | None) -> None:
        self._let_go()
        self._tell(self._line)
        text = self._text(self._line)
        try:
            _append(handle, text)
        except OSError as error:
            problem = f"the audit log {self._path} could not be written: {error.strerror}"
            if failure is not None:
                failure.add_note(problem)
                return
            raise NotAudited(f"{self._line.asked}: done, but {problem}") from None

    @staticmethod
    def _text(line: AuditLine) -> bytes:
        return as_line(line).encode()

    def _let_go(self) -> None:
        if self._room is not None:
            self._room.close()
            self._room = None

    def _unavailable(self, error: OSError) -> Unavailable:
        unfit = unfit_directory(self._path.parent)
        reason = f"{self._path.parent} {unfit}" if unfit else error.strerror
        return Unavailable(f"audit log {self._path}: {reason}; without it nothing is changed")

    @contextmanager
    def _opened(self) -> Iterator[int]:
        handle = -1
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            with suppress(FileNotFoundError):
                refuse_other(self._path)
            how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK  # no FIFO holds it up
            handle = os.open(self._path, how, 0o640)
            refuse_other(self._path, handle)
        except OSError as error:
            if handle >= 0:
                os.close(handle)
            raise self._unavailable(error) from error
        try:
            yield handle
        finally:
            os.close(handle)


def _append(handle: int, text: bytes) -> None:
    if os.write(handle, text) < len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
