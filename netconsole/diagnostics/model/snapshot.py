"""The snapshot: all evidence of one run as values, so that checks can be pure functions of it.

A part is a frozen dataclass of `parts`, told by its type. One that was not asked for, or that
could not be read, is an `Unread` with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self, TypeVar

from netconsole.diagnostics.model.target import Target

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of the snapshot that is not there, and why."""

    because: str


_NEVER = datetime.fromtimestamp(0, UTC)
NOT_ASKED = Unread("it was not asked for")
NOT_SENT = Unread("packets are sent only where that is asked for (--probe)")
"""In the place of a probe that was not made."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Evidence of one run."""

    parts: Mapping[type[object], object] = field(default_factory=dict)
    """Each by its type, or an `Unread`."""
    target: Target | None = None
    """What the run is about; None for the whole host."""
    taken: datetime = _NEVER

    @classmethod
    def of(cls, *parts: object) -> Self:
        """Return a snapshot of these parts."""
        return cls({type(part): part for part in parts})

    def with_parts(self, *parts: object) -> "Snapshot":
        """Return the same with more parts."""
        return replace(self, parts={**self.parts, **{type(part): part for part in parts}})

    def without(self, kind: type[object], because: str) -> "Snapshot":
        """Return the same with a part that could not be read."""
        return replace(self, parts={**self.parts, kind: Unread(because)})

    def get(self, kind: type[Part]) -> Part | None:
        """Return a part, or None when it is not there."""
        part = self.parts.get(kind)
        return part if isinstance(part, kind) else None

    def part(self, kind: type[Part]) -> Part:
        """Return a part, to a check whose `needs` promise that it is there."""
        part = self.get(kind)
        if part is None:
            raise TypeError(f"judged without {kind.__name__}")
        return part

    def unread(self, kind: type[object]) -> Unread | None:
        """Return why a part is not there, or None when it is."""
        part = self.parts.get(kind, NOT_ASKED)
        return part if isinstance(part, Unread) else None
