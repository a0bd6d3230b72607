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
from netconsole.backend.model.errors import InvalidValue, NotFound, said
from netconsole.backend.model.phrases import command
from netconsole.backend.model.text import decoded
from netconsole.backend.steps.codec import Undecodable
from netconsole.backend.transaction.audit import AuditLine
from netconsole.backend.transaction.telling import moment_of
from netconsole.watch.frames import FORMAT, Json, RecordedMoment, Sections, applied, moment

_LONGEST_LINE: Final = 16 << 20
"""Bytes of a frame, at which 10,000 guests are; what is longer is none of ours."""
_MOST_CHANGES: Final = 100_000
"""In one record; what has more is none of ours."""
_CUT_OFF: Final = (EOFError, zlib.error, gzip.BadGzipFile)
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
    found: tuple[Sections, Mapping[str, Json]] | None = None
    for taken, line in _frames(path):  # to the end: a clock may have been set back
        sections = _applied(path, sections, line)
        if at is None or taken <= at:
            found = sections, line
    if found is None:
        when = "at all" if at is None else f"at {at.isoformat(timespec='seconds')}"
        raise NotFound(
            f"{path}: nothing is recorded {when}: `netconsole replay {path} --list` lists what is"
        )
    try:
        return moment(found[1], found[0])
    except (Undecodable, ValueError, LookupError) as error:
        raise _invalid(path, error) from None


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written into one file."""

    frames: int
    left_out: tuple[str, ...]
    """A sentence on each file of the recorder's that could not be read to its end."""


def export(
    files: Iterable[Path],
    host: str,
    changes: Iterable[AuditLine],
    file: BinaryIO,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Exported:
    """Write the record of a host, the recorder's files, into one file.

    Raises NotFound where they have nothing of that time.
    """
    written, left_out = 0, []
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:

        def put(line: Mapping[str, object]) -> None:
            packed.write(f"{json.dumps(line, separators=(',', ':'))}\n".encode())

        put({"netconsole": __version__, "format": FORMAT, "host": host})
        for change in changes:
            at = moment_of(change)
            if at is not None and _is_within(at, since, until):
                put({"change": record(change)})
        for path in files:
            try:
                for line in _cut(path, since, until):
                    put(line)
                    written += 1
            except InvalidValue as error:
                left_out.append(f"left out: {error}")
    if not written:
        raise NotFound("; ".join(("nothing is recorded of that time", *left_out)))
    return Exported(written, tuple(left_out))


def _cut(
    path: Path, since: datetime | None, until: datetime | None
) -> Iterator[Mapping[str, Json]]:
    """The frames of a file within a time; one behind what is left out has everything."""
    sections: Sections | None = None
    follows = True
    for taken, line in _frames(path):
        if since is not None or until is not None:
            sections = _applied(path, sections, line)
        if not _is_within(taken, since, until):
            follows = False
        elif follows or sections is None:
            yield line
        else:
            follows = True
            whole: dict[str, Json] = {name: {"value": part} for name, part in sections.items()}
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
                if not isinstance(line, dict):
                    raise InvalidValue("record", path, _RULE)
                if is_first:
                    _refuse_format(path, line.get("format"))
                is_first = False
                yield line
    except OSError as error:
        raise InvalidValue("record", path, _why_unread(error)) from None
    except (ValueError, RecursionError) as error:
        raise _invalid(path, error) from None
    if is_first:
        raise InvalidValue("record", path, _RULE)


def _refuse_format(path: Path, told: Json) -> None:
    if isinstance(told, int) and told > FORMAT:
        rule = f"is of format {told}, and this version reads {FORMAT}: use the one that wrote it"
        raise InvalidValue("record", path, rule)
    if told != FORMAT:
        raise InvalidValue("record", path, _RULE)


def _why_unread(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no such file: {command('record', 'export', 'FILE')} writes one"
    return f"cannot be read: {error.strerror or said(error)}"


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
    return InvalidValue("record", path, f"{_RULE}: {' '.join(str(error).split())[:200]}")
