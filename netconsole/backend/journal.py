"""The journal: every apply written down step by step, so that a killed one can be taken back.

One file a change, one JSON object a line: the change, then `begin` and `done` of each step by
number. Its name ends in how the change ended, which a rename does at once; one that is `open` is
under way or was cut off. So a change reads those alone, however much others have written.
"""

import errno
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypedDict, cast, get_args
from uuid import uuid4

from netconsole.backend.errors import NotFound, Unavailable
from netconsole.backend.steps import STEPS, Plan, Step

KEPT = 500
"""How many changes are kept; older ones are forgotten."""

Outcome = Literal["done", "undone", "recovered"]
_OPEN = ".open"
_ENDS: dict[str, Outcome] = {f".{end}": end for end in get_args(Outcome)}


class _Line(TypedDict, total=False):
    id: str
    at: str
    title: str
    undoable: bool
    steps: list[dict[str, object]]
    began: int
    done: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change of the host as the journal tells it."""

    id: str
    at: datetime
    title: str
    plan: Plan
    begun: int
    """How many steps were begun; the last of them may or may not have happened."""
    end: Outcome | None
    undoable: bool
    """Whether `undo` may take it back: a fix, which no record of the store asks for."""


class Journal:
    """A directory of changes."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    def begin(self, title: str, plan: Plan, *, undoable: bool) -> "OpenEntry":
        """Write a change down before its first step."""
        at = datetime.now(UTC)
        change_id = f"{at:%Y%m%dT%H%M%S%f}-{uuid4().hex[:4]}"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        except OSError as error:
            raise Unavailable(f"journal {self._directory}: {error.strerror}") from error
        entry = OpenEntry(change_id, self._directory / f"{change_id}{_OPEN}")
        entry.write(
            {
                "id": change_id,
                "at": at.isoformat(),
                "title": title,
                "undoable": undoable,
                "steps": [_fields(step) for step in plan.steps],
            }
        )
        self._forget_old()
        return entry

    def entries(self) -> Iterator[JournalEntry]:
        """Every change, the newest first."""
        return _every(self._paths())

    def entry(self, change_id: str) -> JournalEntry:
        """One change by its id; raises NotFound."""
        path = self._path(change_id)
        entry = None if path is None else _read(path)
        if entry is None:
            raise NotFound(f"change {change_id!r}: not in the journal")
        return entry

    def cut_off(self) -> tuple[JournalEntry, ...]:
        """The changes that have no end, the newest first; no others are read."""
        return tuple(_every([path for path in self._paths() if path.suffix == _OPEN]))

    def close(self, change_id: str, end: Outcome) -> None:
        """End a change that another process began, or one that had another end."""
        if (path := self._path(change_id)) is not None:
            OpenEntry(change_id, path).end(end)

    def _path(self, change_id: str) -> Path | None:
        return next((path for path in self._paths() if path.stem == change_id), None)

    def _paths(self) -> list[Path]:
        found = (path for path in self._directory.glob("*") if path.suffix in (_OPEN, *_ENDS))
        return sorted(found, reverse=True)

    def _forget_old(self) -> None:
        for path in self._paths()[KEPT:]:
            if path.suffix != _OPEN or _read(path) is None:
                path.unlink(missing_ok=True)


def _every(paths: Iterable[Path]) -> Iterator[JournalEntry]:
    return (entry for entry in map(_read, paths) if entry is not None)


class OpenEntry:
    """A change that is under way."""

    def __init__(self, change_id: str, path: Path) -> None:
        self.id = change_id
        self._path = path

    def began(self, number: int) -> None:
        """Step `number`, counted from 0, is about to happen."""
        self.write({"began": number})

    def done(self, number: int) -> None:
        """Step `number` has happened."""
        self.write({"done": number})

    def end(self, outcome: Outcome) -> None:
        """The change is over."""
        try:
            self._path.rename(self._path.with_suffix(f".{outcome}"))
        except OSError as error:
            raise Unavailable(f"journal {self._path}: {error.strerror}") from error

    def write(self, line: _Line) -> None:
        """Append a line; it is with the kernel, safe from our own death, when this returns."""
        text = f"{json.dumps(line)}\n".encode()
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                if os.write(handle, text) < len(text):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(handle)
        except OSError as error:
            raise Unavailable(f"journal {self._path}: {error.strerror}") from error


def _read(path: Path) -> JournalEntry | None:
    """Read a change; None for one whose first line was cut off: then no step was begun."""
    try:
        texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None  # forgotten meanwhile
    except OSError as error:
        raise Unavailable(f"journal {path}: {error.strerror}") from error
    lines: list[_Line] = []
    for text in texts:
        try:
            line: object = json.loads(text)
        except json.JSONDecodeError:
            break
        if not isinstance(line, dict):
            break
        lines.append(cast(_Line, line))
    if not lines or "steps" not in lines[0]:
        return None
    head = lines[0]
    return JournalEntry(
        id=head["id"],
        at=datetime.fromisoformat(head["at"]),
        title=head["title"],
        plan=Plan(tuple(_step(written) for written in head["steps"])),
        begun=max((line["began"] + 1 for line in lines if "began" in line), default=0),
        end=_ENDS.get(path.suffix),
        undoable=head["undoable"],
    )


def _fields(step: Step) -> dict[str, object]:
    """A step as JSON can hold it; `asdict` would copy every line of fifty thousand rules."""
    values = {field.name: getattr(step, field.name) for field in fields(step)}
    return {"step": type(step).__name__, **values}


def _step(written: dict[str, object]) -> Step:
    values = {name: _tuples(value) for name, value in written.items() if name != "step"}
    return STEPS[str(written["step"])](**values)


def _tuples(value: object) -> object:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
