"""Outcome: what a change did, and how its maker is asked whether it stays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from netconsole.backend.steps import Plan

Result = TypeVar("Result")

Confirm = Callable[[int], bool]
"""Asks whether to keep a change of the path that the admin's SSH session came in on.

Given the seconds that there are to answer; called in the thread of `do`."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Result]):
    """What a change did."""

    change_id: str
    result: Result
    plan: Plan
    waits: str = ""
    """Where the plan is empty: what was made instead, and what brings the rest."""
    notes: tuple[str, ...] = ()
    """Sentences that the admin should read."""
    recovered: tuple[str, ...] = ()
    """What is to say of changes that were left half done and were taken back first."""
