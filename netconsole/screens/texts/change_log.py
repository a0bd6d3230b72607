"""The log of this session's changes, as `L` shows it."""

from dataclasses import dataclass

from netconsole.backend.model.errors import RemovesMost, said
from netconsole.backend.plan.agreement import PlanChanged
from netconsole.backend.transaction.trial import NotConfirmed
from netconsole.screens.rows.marks import DIM, STYLES, Tone
from netconsole.screens.rows.pane import Entry, command, heading


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One change of this session: what was asked, what was run, how it ended."""

    title: str
    commands: tuple[str, ...]
    outcome: str
    tone: Tone


def failure(title: str, error: Exception) -> LogEntry:
    """Return what is said of a change that could not be made, or was made and not kept."""
    if isinstance(error, NotConfirmed | PlanChanged | RemovesMost):
        return LogEntry(title, (), str(error), "warning")
    return LogEntry(title, (), f"failed: {said(error)}", "bad")


def log_entries(log: list[LogEntry]) -> tuple[Entry, ...]:
    """Return the session's changes to read, the latest last."""
    if not log:
        return (Entry("Nothing was changed from here in this session.", DIM),)
    entries: list[Entry] = []
    for entry in log:
        entries += [heading(entry.title), *(command(text) for text in entry.commands)]
        entries += [Entry(entry.outcome, STYLES[entry.tone]), Entry()]
    return tuple(entries[:-1])
