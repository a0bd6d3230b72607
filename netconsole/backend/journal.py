"""The journal: every apply written down step by step, so that a killed one can be taken back.

One file a change, one JSON object a line: the change, then `begin` and `done` of each step by
number, then the end. A file without an end is a change that was cut off.
"""

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypedDict, cast
from uuid import uuid4

from netconsole.backend.errors import NotFound, Unavailable
from netconsole.backend.steps import STEPS, Plan, Step

KEPT = 500
"""How many changes are kept; older ones are forgotten."""

Outcome = Literal["done", "undone", "recovered"]


class _Line(TypedDict, total=False):
    id: str
    at: str
    title: str
    undoable: bool
    steps: list[dict[str, object]]
    began: int
    done: int
    end: Outcome


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
        steps = [{"step": type(step).__name__, **asdict(step)} for step in plan.steps]
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        except OSError as error:
            raise Unavailable(f"journal {self._directory}: {error.strerror}") from error
        entry = OpenEntry(change_id, self._path(change_id))
        entry.write(
            {
                "id": change_id,
                "at": at.isoformat(),
                "title": title,
                "undoable": undoable,
                "steps": steps,
            }
        )
        self._forget_old()
        return entry

    def entries(self) -> Iterator[JournalEntry]:
        """Every change, the newest first."""
        for path in sorted(self._directory.glob("*.jsonl"), reverse=True):
            entry = _read(path)
            if entry is not None:
                yield entry

    def entry(self, change_id: str) -> JournalEntry:
        """One change by its id; raises NotFound."""
        path = self._path(change_id)
        entry = _read(path) if path.name in self._names() else None
        if entry is None:
            raise NotFound(f"change {change_id!r}: not in the journal")
        return entry

    def cut_off(self) -> tuple[JournalEntry, ...]:
        """The changes that have no end, the newest first."""
        return tuple(entry for entry in self.entries() if entry.end is None)

    def close(self, change_id: str, end: Outcome) -> None:
        """Write the end of a change that another process began."""
        OpenEntry(change_id, self._path(change_id)).end(end)

    def _path(self, change_id: str) -> Path:
        return self._directory / f"{change_id}.jsonl"

    def _names(self) -> set[str]:
        return {path.name for path in self._directory.glob("*.jsonl")}

    def _forget_old(self) -> None:
        for path in sorted(self._directory.glob("*.jsonl"), reverse=True)[KEPT:]:
            entry = _read(path)
            if entry is None or entry.end is not None:
                path.unlink(missing_ok=True)


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
        self.write({"end": outcome})

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
        plan=Plan(tuple(_step(fields) for fields in head["steps"])),
        begun=max((line["began"] + 1 for line in lines if "began" in line), default=0),
        end=next((line["end"] for line in reversed(lines) if "end" in line), None),
        undoable=head["undoable"],
    )


def _step(fields: dict[str, object]) -> Step:
    values = {name: _tuples(value) for name, value in fields.items() if name != "step"}
    return STEPS[str(fields["step"])](**values)


def _tuples(value: object) -> object:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
