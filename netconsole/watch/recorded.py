"""Recorded: how a host stood, read back from the recorder's files or from one that was exported.

A file has a line that says what it is, then the changes of that time, where it was exported, then
the frames. What comes behind a line that was cut off is not read.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from netconsole import __version__
from netconsole.backend.model.codec import record
from netconsole.backend.model.errors import InvalidValue, NotFound
from netconsole.backend.model.text import decoded
from netconsole.backend.steps.codec import Undecodable
from netconsole.backend.transaction.audit import AuditLine
from netconsole.watch.frames import FORMAT, Json, RecordedMoment, Sections, applied, moment
from netconsole.watch.recorder import ENDING

_LONGEST_LINE: Final = 16 << 20
"""Bytes of a frame, at which 10,000 guests are; what is longer is none of ours."""
_MOST_CHANGES: Final = 100_000
"""In one record; what has more is none of ours."""
_CUT_OFF: Final = (EOFError, zlib.error)
_RULE: Final = f"is no record of format {FORMAT}"


@dataclass(frozen=True, slots=True)
class RecordHeading:
    """What a record says of itself, and who did what in its time."""

    host: str
    changes: tuple[Mapping[str, Json], ...] = ()
    """As in the audit log, the oldest first."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One frame: when, and in which sections something was not as before."""

    taken: datetime
    sections: tuple[str, ...]


def heading(path: Path) -> RecordHeading:
    """Return what a record says of itself. Raises InvalidValue."""
    host, changes = "", []
    for line in _lines(path):
        if "host" in line:
            host = str(line["host"])
        elif isinstance(change := line.get("change"), dict):
            changes.append(change)
            if len(changes) > _MOST_CHANGES:
                raise InvalidValue("record", path, f"{_RULE}: more than {_MOST_CHANGES:,} changes")
        else:
            break
    return RecordHeading(host, tuple(changes))


def differences(path: Path) -> Iterator[Difference]:
    """Return each frame of a record, the oldest first. Raises InvalidValue."""
    for taken, line in _frames(path):
        sections = line.get("sections")
        yield Difference(taken, tuple(sections) if isinstance(sections, dict) else ())


def standing(path: Path, at: datetime | None = None) -> RecordedMoment:
    """Return how the host stood at a moment, the last of the record if none is given.

    Raises InvalidValue, and NotFound where the record begins later.
    """
    sections: Sections | None = None
    last: Mapping[str, Json] | None = None
    for taken, line in _frames(path):
        if at is not None and taken > at:
            break
        sections, last = _applied(path, sections, line), line
    if sections is None or last is None:
        when = "at all" if at is None else f"at {at.isoformat(timespec='seconds')}"
        raise NotFound(
            f"{path}: nothing is recorded {when}: `netconsole replay {path} --list` lists what is"
        )
    try:
        return moment(last, sections)
    except (Undecodable, ValueError, LookupError) as error:
        raise _invalid(path, error) from None


def export(
    directory: Path,
    host: str,
    changes: Iterable[AuditLine],
    file: BinaryIO,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Write the record of a host into one file; return how many frames it has.

    Raises NotFound where there are none, InvalidValue where a file is not one of ours.
    """
    written = 0
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:

        def put(line: Mapping[str, object]) -> None:
            packed.write(f"{json.dumps(line, separators=(',', ':'))}\n".encode())

        put({"netconsole": __version__, "format": FORMAT, "host": host})
        for change in changes:
            if _is_within(datetime.fromisoformat(change.at), since, until):
                put({"change": record(change)})
        for path in sorted(directory.glob(f"*{ENDING}")):
            for line in _cut(path, since, until):
                put(line)
                written += 1
    if not written:
        raise NotFound(f"nothing is recorded in {directory}: an agent records as it runs")
    return written


def _cut(
    path: Path, since: datetime | None, until: datetime | None
) -> Iterator[Mapping[str, Json]]:
    """The frames of a file within a time; the first has everything, as it was when it begins."""
    sections: Sections | None = None
    has_begun = False
    for taken, line in _frames(path):
        if until is not None and taken > until:
            return
        if since is not None and taken < since:
            sections = _applied(path, sections, line)
        elif has_begun or sections is None:
            has_begun = True
            yield line
        else:
            has_begun = True
            whole: dict[str, Json] = {
                name: {"value": part} for name, part in _applied(path, sections, line).items()
            }
            yield {**line, "whole": True, "sections": whole}


def _is_within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or since <= moment) and (until is None or moment <= until)


def _frames(path: Path) -> Iterator[tuple[datetime, Mapping[str, Json]]]:
    for line in _lines(path):
        if "taken" in line:
            try:
                yield datetime.fromisoformat(str(line["taken"])), line
            except ValueError as error:
                raise _invalid(path, error) from None


def _applied(path: Path, sections: Sections | None, line: Mapping[str, Json]) -> Sections:
    try:
        return applied(sections, line)
    except (ValueError, LookupError, TypeError) as error:
        raise _invalid(path, error) from None


def _lines(path: Path) -> Iterator[Mapping[str, Json]]:
    """Each whole line, the first of which says what the file is. Raises InvalidValue."""
    is_first = True
    try:
        with gzip.open(path, "rb") as file:
            for text in _texts(file):
                line = json.loads(decoded(text))
                if not isinstance(line, dict) or (is_first and line.get("format") != FORMAT):
                    raise InvalidValue("record", path, _RULE)
                is_first = False
                yield line
    except (OSError, ValueError, RecursionError) as error:
        raise _invalid(path, error) from None
    if is_first:
        raise InvalidValue("record", path, _RULE)


def _texts(file: gzip.GzipFile) -> Iterator[bytes]:
    while True:
        try:
            text = file.readline(_LONGEST_LINE)
        except _CUT_OFF:
            return
        if not text.endswith(b"\n"):
            return
        yield text


def _invalid(path: Path, error: Exception) -> InvalidValue:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return InvalidValue("record", path, f"{_RULE}: {' '.join(reason.split())[:200]}")
