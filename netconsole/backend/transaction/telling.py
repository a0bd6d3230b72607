"""Telling: each change in the system's journal as well, and reading back what was told.

The audit log is what counts: where no journal is, nothing is missing.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import decoded, from_json
from netconsole.backend.system import files, journald
from netconsole.backend.system.journald import LogMessage, Priority
from netconsole.backend.transaction.audit import AuditLine

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
    return LogMessage(
        f"{line.asked}: {line.outcome}",
        Priority.NOTICE if done else Priority.WARNING,
        {name: value for name, value in values.items() if value},
        _moment(line.at),
    )


def audited(path: str, count: int) -> list[LogMessage]:
    """Return the latest changes of an audit log, the oldest first. Raises Unavailable."""
    try:
        with files.opened(path) as log:
            log.seek(-min(_TAIL, log.seek(0, os.SEEK_END)), os.SEEK_END)
            lines = log.read().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unread(path, error) from error
    return [message for line in lines if (message := _read(line)) is not None][-count:]


def audited_on(path: str, count: int) -> Iterator[LogMessage]:
    """Yield the latest changes of an audit log, and each as it comes. Raises Unavailable."""
    yield from audited(path, count)
    while not Path(path).exists():
        time.sleep(_PAUSE)
    try:
        with files.opened(path) as log:
            log.seek(0, os.SEEK_END)
            begun = b""
            while True:
                begun += log.readline()
                if not begun.endswith(b"\n"):
                    time.sleep(_PAUSE)
                    continue
                message, begun = _read(begun), b""
                if message is not None:
                    yield message
    except OSError as error:
        raise _unread(path, error) from error


def audit_lines(path: str) -> Iterator[AuditLine]:
    """Yield every change of an audit log, the oldest first. Raises Unavailable."""
    try:
        with files.opened(path) as log:
            yield from (line for text in log if (line := _line(text)) is not None)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unread(path, error) from error


def _read(text: bytes) -> LogMessage | None:
    line = _line(text)
    try:
        return None if line is None else message_of(line)
    except (TypeError, ValueError):
        return None


def _line(text: bytes) -> AuditLine | None:
    """Read a line of the audit log; nothing of one that was cut off."""
    try:
        told: dict[str, Any] = from_json(decoded(text))
        return AuditLine(**{"uid": None, **told})
    except (TypeError, ValueError):
        return None


def _unread(path: str, error: OSError) -> Unavailable:
    return Unavailable(f"audit log {path}: {error.strerror}")


def _moment(at: str) -> datetime | None:
    try:
        return datetime.fromisoformat(at).astimezone(UTC)
    except ValueError:
        return None
