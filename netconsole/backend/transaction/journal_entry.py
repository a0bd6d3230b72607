"""What the journal says of one change: as its lines are written, and as they are read. Pure.

Lines may come from a newer version, from an older one, or from a disk that has lost some. So they
are judged before they are believed: what does not fit is UnreadEntry, with the reason.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar, cast

from netconsole import __version__
from netconsole.backend.model.codec import as_line
from netconsole.backend.steps import STEPS, Plan, Step
from netconsole.backend.steps.codec import Undecodable, structure
from netconsole.backend.system.who import Who

Outcome = Literal["done", "undone", "failed", "recovered"]
"""What is `undone` failed, or was not confirmed, and left nothing; of what `failed`, some stays."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change of the host as the journal tells it."""

    id: str
    at: datetime
    title: str
    plan: Plan
    begun: int = 0
    """How many steps were begun; those beyond `taken` may or may not have happened."""
    end: Outcome | None = None
    undoable: bool = False
    """Whether `undo` may take it back: a fix, which no record of the store asks for."""
    taken: int = 0
    """How many steps have happened for certain."""
    because: str = ""
    """Why it failed."""
    trial: bool = False
    """Whether it touched the admin's own session, and stayed only if confirmed in time."""
    boot: str = ""
    """The boot of the kernel that it changed (random(4), boot_id); changes of old have none."""
    pid: int = 0
    """The process that made it; changes of old have none."""
    by: Who | None = None
    """Who asked for it; changes of old do not say."""
    undoes: str = ""
    """The id of the change that it takes back."""
    unread: str = ""
    """Why its file could not be read; then only the id and the end are known."""


def unfinished(entry: JournalEntry) -> str:
    """Return a sentence on a change that was cut off, and what becomes of it."""
    if entry.unread:
        return entry.unread
    what = "is on trial, and nobody is left to hear a yes" if entry.trial else "was left half done"
    return f"{entry.title} {what}: the next change takes it back first (netconsole apply)"


class UnreadEntry(Exception):
    """A file of the journal that does not say what it should; the message says why."""


class Torn(UnreadEntry):
    """A file that was cut off within its first line: then no step of the change was begun."""


# Written


def head(entry: JournalEntry) -> str:
    """Return the first line of a change, written before its first step."""
    return as_line(
        {
            "id": entry.id,
            "at": entry.at,
            "title": entry.title,
            "undoable": entry.undoable,
            "trial": entry.trial,
            "undoes": entry.undoes,
            "boot": entry.boot,
            "pid": entry.pid,
            "by": entry.by or {},
            "version": __version__,
            "steps": entry.plan.steps,
        }
    )


def began(last: int) -> str:
    """Return the line that says: the steps up to this one, counted from 0, are about to happen."""
    return as_line({"began": last})


def done(last: int) -> str:
    """Return the line that says: the steps up to this one, counted from 0, have happened."""
    return as_line({"done": last})


def failed(because: str) -> str:
    """Return the line that says why the change failed."""
    return as_line({"failed": because})


# Read


def parse(change_id: str, text: str, end: Outcome | None) -> JournalEntry:
    """Read a change. Raises Torn or Unread.

    A later line that was cut off did not happen, nor did what would follow it.
    """
    first, whole, rest = text.partition("\n")
    if not whole:
        raise Torn("it was cut off while it was begun")
    values = _object(first)
    if values is None:
        raise UnreadEntry("its first line is no JSON object")
    written = _take(values, "steps", list)
    version = _take(values, "version", str, "")
    lines = tuple(_progress(rest))
    return JournalEntry(
        id=change_id,
        at=_moment(_take(values, "at", str)),
        title=_take(values, "title", str),
        plan=Plan(tuple(_step(step, version) for step in written)),
        begun=_count(lines, "began", len(written)),
        end=end,
        undoable=_take(values, "undoable", bool),
        taken=_count(lines, "done", len(written)),
        because=next((str(line["failed"]) for line in lines if "failed" in line), ""),
        trial=_take(values, "trial", bool, False),
        boot=_take(values, "boot", str, ""),
        undoes=_take(values, "undoes", str, _in_title(values)),
        pid=_take(values, "pid", int, 0),
        by=_who(_take(values, "by", dict, {})),
    )


def _who(told: Mapping[str, object]) -> Who | None:
    words = {name: value for name, value in told.items() if isinstance(value, str)}
    login = words.get("login")
    if not login:
        return None
    told_uid = told.get("uid")
    uid = told_uid if isinstance(told_uid, int) else None
    return Who(login, words.get("sudo_user"), words.get("ssh_peer"), uid)


def _in_title(values: Mapping[str, object]) -> str:
    """What a change takes back: those of old have it in their title alone."""
    begin, _, change_id = str(values.get("title", "")).partition(" ")
    return change_id if begin == "undo" else ""


def _object(text: str) -> dict[str, object] | None:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, object], value) if isinstance(value, dict) else None


def _progress(text: str) -> Iterator[dict[str, object]]:
    for line in text.splitlines():
        value = _object(line)
        if value is None:
            return
        yield value


def _take(
    values: Mapping[str, object], name: str, kind: type[Value], default: Value | None = None
) -> Value:
    value = values.get(name, default)
    if not isinstance(value, kind):
        raise UnreadEntry(f"its first line says no {name}")
    return value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UnreadEntry(f"its first line says no time but {text[:40]!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _count(lines: Iterable[Mapping[str, object]], what: str, steps: int) -> int:
    """How many steps were begun, or done: a line names the last one."""
    numbers = [line[what] for line in lines if what in line]
    last = max((number for number in numbers if isinstance(number, int)), default=-1)
    return max(0, min(last + 1, steps))


def _step(written: object, version: str) -> Step:
    if not isinstance(written, dict):
        raise UnreadEntry("one of its steps is no JSON object")
    fields = dict(written)
    name = str(fields.pop(Step.KIND_KEY, ""))
    kind = STEPS.get(name)
    by = f"; netconsole {version} wrote it, this is {__version__}" if version else ""
    if kind is None:
        raise UnreadEntry(f"it has a step {name!r}, which is not known here{by}")
    try:
        return structure(kind, fields)
    except Undecodable as error:
        raise UnreadEntry(f"its step {name} makes no sense here: {error}{by}") from None
