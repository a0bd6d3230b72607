"""The system's journal: messages with fields, by its native protocol, and reading them back.

The protocol is systemd's (JOURNAL_NATIVE_PROTOCOL): one datagram a message.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import decoded, encoded, from_json
from netconsole.backend.system.programs import ENVIRONMENT, PATH, ProgramFailed, run
from netconsole.backend.system.who import who

SOCKET: Final = Path("/run/systemd/journal/socket")
IDENTIFIER: Final = "netconsole"
STREAM: Final = "JOURNAL_STREAM"
LONGEST: Final = 8192
"""Bytes of a field; a message of ours, of some such, fits into a datagram."""

_KEPT: Final = (Path("/var/log/journal"), Path("/run/log/journal"))
_READING: Final = ("journalctl", "--quiet", "--output=json", "--all")
_OURS: Final = (f"SYSLOG_IDENTIFIER={IDENTIFIER}",)
_SECONDS: Final = 30.0


class Priority(IntEnum):
    """How much a message matters (syslog(3)); the smaller, the more."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A message as it goes to the journal, or comes from it."""

    text: str
    priority: Priority = Priority.INFO
    fields: Mapping[str, str] = field(default_factory=dict)
    """By the names that the journal has for them, as NETCONSOLE_CHANGE."""
    at: datetime | None = None
    """UTC; None for one that is not written yet."""


def is_there() -> bool:
    """Whether this machine, or what a process here sees of it, has a journal to write to."""
    return SOCKET.is_socket()


def is_stderr(environment: Mapping[str, str] | None = None) -> bool:
    """Whether what is written to stderr goes to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    told = (os.environ if environment is None else environment).get(STREAM, "")
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return told == f"{status.st_dev}:{status.st_ino}"


def send(message: LogMessage) -> bool:
    """Write a message to the journal; return whether it took it. It is never waited for."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
        sending.setblocking(False)
        try:
            sending.sendto(datagram(message), str(SOCKET))
        except OSError:
            return False
    return True


def datagram(message: LogMessage) -> bytes:
    """Return a message in the journal's protocol: what has a line break is told by its length."""
    values = {
        "MESSAGE": message.text,
        "PRIORITY": str(int(message.priority)),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        **message.fields,
    }
    parts = []
    for name, text in values.items():
        value = encoded(text)[:LONGEST]
        if b"\n" in value:
            parts += [f"{name}\n".encode(), len(value).to_bytes(8, "little"), value, b"\n"]
        else:
            parts += [f"{name}=".encode(), value, b"\n"]
    return b"".join(parts)


def latest(count: int) -> list[LogMessage]:
    """Return the latest messages of ours, the oldest first. Raises Unavailable."""
    _refuse_unreadable()
    try:
        told = run((*_READING, f"--lines={count}", *_OURS), timeout=_SECONDS, good=(0, 1))
    except ProgramFailed as error:
        raise Unavailable(str(error)) from error
    return [parsed(line) for line in told.splitlines() if line.startswith("{")]


def followed(count: int) -> Iterator[LogMessage]:
    """Yield the latest messages of ours, and each as it comes. Raises Unavailable."""
    _refuse_unreadable()
    program = shutil.which(_READING[0], path=PATH)
    if program is None:
        raise Unavailable(f"{_READING[0]}: not installed (looked in {PATH})")
    reading = subprocess.Popen(
        (program, *_READING[1:], "--follow", f"--lines={count}", *_OURS),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    try:
        for line in reading.stdout or ():
            if line.startswith(b"{"):
                yield parsed(decoded(line))
    finally:
        reading.terminate()
        reading.wait()


def _refuse_unreadable() -> None:
    """Raise Unavailable where this user may not read what the system wrote.

    journalctl(1) says so only where there is no other journal, as the user's own.
    """
    kept = [directory for directory in _KEPT if directory.is_dir()]
    if kept and not any(map(_is_readable, kept)):
        login = who().login
        raise Unavailable(
            "the system's journal is for root and its group: run as root, or have root let you in: "
            f"`usermod --append --groups systemd-journal {login}`"
        )


def _is_readable(directory: Path) -> bool:
    """Whether a file of the system's is there that may be read (systemd-journald(8))."""
    with suppress(PermissionError):
        return any(os.access(path, os.R_OK) for path in directory.glob("*/system*.journal"))
    return False


def parsed(line: str) -> LogMessage:
    """Read a message as journalctl(1) prints it: a value that is no text is a list of bytes."""
    told: dict[str, Any] = from_json(line)
    values = {name: _text(value) for name, value in told.items()}
    moment = values.pop("__REALTIME_TIMESTAMP", "0")
    priority = Priority.INFO
    with suppress(ValueError):
        priority = Priority(int(values.get("PRIORITY", "")))
    return LogMessage(
        values.pop("MESSAGE", ""),
        priority,
        {name: value for name, value in values.items() if name.startswith("NETCONSOLE_")},
        datetime.fromtimestamp(int(moment) / 1e6, UTC),
    )


def _text(value: object) -> str:
    """A value of the journal's JSON: one given twice is a list of them, a huge one is null."""
    match value:
        case str():
            return value
        case [int(), *_]:
            return decoded(bytes(each for each in value if isinstance(each, int)))
        case [first, *_]:
            return _text(first)
        case _:
            return ""
