"""Reads the files that rsyslog(8) and auditd(8) write, where there is no journal to ask."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from netconsole.backend.model.text import decoded
from netconsole.backend.system.files import opened
from netconsole.diagnostics.parts.log import LogLine

AUDIT = (Path("/var/log/audit/audit.log"),)
KERNEL = tuple(Path("/var/log", name) for name in ("kern.log", "syslog", "messages"))
DAEMONS = tuple(Path("/var/log", name) for name in ("syslog", "messages", "daemon.log"))
MOST_BYTES = 1 << 20
"""Of the end of a file."""

_SYSLOG = re.compile(
    r"(\d{4}-\d\d-\d\dT\S+|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ "
    r"([^\s\[:]+)(?:\[(\d+)\])?: (.*)"
)
"""The time of RFC 5424 or of RFC 3164, the host, the program with its pid, and what it says."""
_AUDIT_TIME = re.compile(r"\baudit\((\d+\.\d+):\d+\)")


@dataclass(frozen=True, slots=True)
class SyslogEntry:
    """One line of such a file."""

    moment: float
    """Seconds since the epoch."""
    program: str
    pid: int
    text: str


def ends_of(files: Iterable[Path]) -> tuple[str, ...]:
    """Return the last lines of those that there are.

    Raises OSError where there are some and this user may read none of them.
    """
    found, refused = [], None
    for file in files:
        try:
            found.append(_end_of(file))
        except FileNotFoundError:
            continue
        except OSError as error:
            refused = error
    if refused and not found:
        raise refused
    return tuple(found)


def _end_of(file: Path) -> str:
    with opened(file) as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - MOST_BYTES))
        text = decoded(stream.read(MOST_BYTES))
    return text.partition("\n")[2] if size > MOST_BYTES else text


def syslog_entries(text: str, now: float) -> Iterator[SyslogEntry]:
    """Read what rsyslog writes, in either of its formats.

    One is in local time and lacks the year, which `now` tells.
    """
    for line in text.splitlines():
        if found := _SYSLOG.match(line):
            time, program, pid, said = found.groups()
            yield SyslogEntry(_moment(time, now), program, int(pid or 0), said)


def _moment(time: str, now: float) -> float:
    if "T" in time[10:11]:
        return datetime.fromisoformat(time).timestamp()
    today = datetime.fromtimestamp(now)
    said = datetime.strptime(f"{today.year} {time}", "%Y %b %d %H:%M:%S")
    if said > today + timedelta(days=1):
        said = said.replace(year=today.year - 1)
    return said.timestamp()


def audit_lines(text: str) -> Iterator[LogLine]:
    """Read what the kernel's audit says, from whichever file: the line has the time in it."""
    for line in text.splitlines():
        if found := _AUDIT_TIME.search(line):
            yield LogLine(float(found[1]), 0, line)
