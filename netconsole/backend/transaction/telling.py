"""Telling: each change in the system's journal as well, and reading back what was told.

The audit log is what counts: where no journal is, nothing is missing.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import decoded, from_json
from netconsole.backend.system import files, journald
from netconsole.backend.system.journald import LogMessage, Priority
from netconsole.backend.system.privileges import run_as_root
from netconsole.backend.transaction.audit import FAILED, AuditLine

CHANGE: Final = "NETCONSOLE_CHANGE"
TITLE: Final = "NETCONSOLE_TITLE"
OUTCOME: Final = "NETCONSOLE_OUTCOME"
END: Final = "NETCONSOLE_END"
LOGIN: Final = "NETCONSOLE_LOGIN"
PEER: Final = "NETCONSOLE_PEER"

_TAIL: Final = 4 * 2**20
"""Bytes of an audit log that are read from its end."""
_PAUSE: Final = 0.5
"""Seconds after which a log is looked at again, where no journal tells of it."""


def tell(line: AuditLine) -> None:
    """Tell the journal of a change, where there is one."""
    if journald.is_there():
        journald.send(message_of(line))


def message_of(line: AuditLine) -> LogMessage:
    """Return a change as a message: it matters more where it was not done."""
    login = f"{line.sudo_user} (sudo)" if line.sudo_user else line.login
    values = {
        CHANGE: line.change_id,
        TITLE: line.asked,
        OUTCOME: line.outcome,
        END: line.end,
        LOGIN: login,
        PEER: line.ssh_peer,
    }
    done = line.outcome == "done"
    outcome = line.outcome.replace(f"{FAILED}{line.asked}: ", FAILED, 1)
    return LogMessage(
        f"{line.asked}: {outcome}",
        Priority.NOTICE if done else Priority.WARNING,
        {name: value for name, value in values.items() if value},
        moment_of(line),
    )


class AuditTail:
    """The end of an audit log: what is written there from now on."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._at = _size(path)

    def former(self, count: int) -> list[AuditLine]:
        """Return the latest lines of before, the oldest first. Raises Unavailable."""
        begin = max(0, self._at - _TAIL)
        lines = map(_read, self._between(begin, self._at).splitlines())
        return [line for line in lines if line is not None][-count:]

    def new(self) -> list[AuditLine]:
        """Return the lines that came since this was asked last. Raises Unavailable."""
        size = _size(self._path)
        if size < self._at:
            self._at = 0  # somebody began it anew
        whole = self._between(self._at, size).rpartition(b"\n")[0]
        self._at += len(whole) + bool(whole)
        lines = map(_read, whole.splitlines())
        return [line for line in lines if line is not None]

    def _between(self, begin: int, end: int) -> bytes:
        if begin >= end:
            return b""
        try:
            with files.opened(self._path) as log:
                log.seek(begin)
                return log.read(end - begin)
        except OSError as error:
            raise _unread(self._path, error) from error


def audited(path: str, count: int) -> list[LogMessage]:
    """Return the latest changes of an audit log, the oldest first. Raises Unavailable."""
    return [message_of(line) for line in AuditTail(path).former(count)]


def audited_on(path: str, count: int) -> Iterator[LogMessage]:
    """Yield the latest changes of an audit log, and each as it comes. Raises Unavailable."""
    tail = AuditTail(path)
    yield from map(message_of, tail.former(count))
    while True:
        yield from map(message_of, tail.new())
        time.sleep(_PAUSE)


def audit_lines(path: str) -> Iterator[AuditLine]:
    """Yield every change of an audit log, the oldest first. Raises Unavailable."""
    try:
        with files.opened(path) as log:
            yield from (line for text in log if (line := _read(text)) is not None)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unread(path, error) from error


def _read(text: bytes) -> AuditLine | None:
    """Read a line of the audit log; nothing of one that was cut off."""
    try:
        told: dict[str, Any] = from_json(decoded(text))
        if not all(isinstance(told[name], str) for name in ("at", "asked", "outcome")):
            return None
        return AuditLine(**{"uid": None, **told})
    except (KeyError, TypeError, ValueError):
        return None


def _unread(path: str, error: OSError) -> Unavailable:
    return Unavailable(f"audit log {path}: {error.strerror}{run_as_root(error)}")


def _size(path: str) -> int:
    """Bytes of a file; none where it is not there."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def moment_of(line: AuditLine) -> datetime | None:
    """Return when a change was asked for, in UTC; None where the line does not say."""
    try:
        return datetime.fromisoformat(line.at).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
