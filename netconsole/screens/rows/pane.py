"""Pane: one kind of thing the console lists, as data: its columns, its rows, its description."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rich.style import Style

from netconsole.backend.model.subject import Subject
from netconsole.backend.survey.status import Status
from netconsole.screens.rows.marks import BOLD, PLAIN, Glyphs, Tone

SortKind = Literal["text", "number", "address"]
SortValue = tuple[int, float | tuple[int, ...] | str]

_UNITS = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of fixed width; the one that grows takes what is left."""

    title: str
    width: int
    kind: SortKind = "text"
    shown_from: int = 0
    """Terminal width in columns below which it is left out."""
    grows: bool = False
    state: bool = False
    """Painted in the row's tone."""

    def sort_value(self, cell: str) -> SortValue:
        """Return what a cell is ordered by; cells that do not parse come last."""
        if self.kind == "number":
            number = cell.lstrip("+")
            unit = _UNITS.get(number[-1:], 1.0)
            try:
                return 0, float(number.rstrip("kMGTP")) * unit
            except ValueError:
                return 1, cell
        if self.kind == "address":
            parts = cell.partition("/")[0].split(".")
            if len(parts) == 4 and all(part.isdecimal() for part in parts):
                return 0, tuple(int(part) for part in parts)
            return 1, cell
        return 0, cell.casefold()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. `key` stays the same while the cells change."""

    key: str
    cells: tuple[str, ...]
    tone: Tone = "plain"
    attention: bool = False
    """Something an admin should look at."""

    @property
    def text(self) -> str:
        """All cells, for a filter."""
        return "\t".join(self.cells).casefold()


@dataclass(frozen=True, slots=True)
class Entry:
    """One logical line of a text: `label  text`, or a command."""

    text: str = ""
    style: Style = PLAIN
    label: str = ""
    command: bool = False
    """Wrapped so that it still works when pasted into a shell."""
    hanging: int = 0
    """The column that its further lines begin at, where it is wrapped and has no label."""


@dataclass(frozen=True, slots=True)
class Pane:
    """One tab of the console."""

    id: str
    title: str
    short: str
    """The title where there is little room."""
    key: str
    columns: tuple[Column, ...]
    rows: Callable[[Status, Status | None, Glyphs], tuple[Row, ...]]
    """Of a status and the one before it."""
    describe: Callable[[Status, str, Glyphs], tuple[Entry, ...]]
    """Everything about the row with this key; empty when it is gone."""
    empty: str
    """Shown where there are no rows."""


def heading(text: str) -> Entry:
    """Return a heading inside a text."""
    return Entry(text, BOLD)


def command(text: str) -> Entry:
    """Return a command inside a text."""
    return Entry(text, command=True)


def drift_about(status: Status, *subjects: Subject | None) -> tuple[Entry, ...]:
    """Return the commands of the drift that are about one of these."""
    commands = [
        command(text)
        for step in status.drift
        for text, about in zip(step.commands, step.subjects, strict=True)
        if not set(subjects).isdisjoint(about)
    ]
    return (Entry(), heading("To bring the host back"), *commands) if commands else ()
