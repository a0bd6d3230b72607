"""Changing: from a key to a changed host. Every change is shown as commands before it is made."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from netconsole.backend.agreement import PlanChanged, PlanDifference
from netconsole.backend.changes import Change
from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.floating import AssociateFloating, DisassociateFloating
from netconsole.backend.errors import RemovesMost
from netconsole.backend.service import Outcome
from netconsole.backend.status import FloatingIPStatus, Status
from netconsole.backend.steps import Plan
from netconsole.backend.trial import NotConfirmed
from netconsole.backend.wording import count
from netconsole.screens.dialogs import ChoosePage, ConfirmPage, NameHostPage
from netconsole.screens.marks import DIM, STYLES, Tone
from netconsole.screens.pane import Column, Entry, Row, command, heading

if TYPE_CHECKING:
    from netconsole.screens.app import ConsoleApp

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One change of this session: what was asked, what was run, how it ended."""

    title: str
    commands: tuple[str, ...]
    outcome: str
    tone: Tone


def failure(title: str, error: Exception) -> LogEntry:
    """What is said of a change that could not be made, or was made and not kept."""
    if isinstance(error, NotConfirmed | PlanChanged | RemovesMost):
        return LogEntry(title, (), str(error), "warning")
    return LogEntry(title, (), f"failed: {error}", "bad")


def log_entries(log: list[LogEntry]) -> tuple[Entry, ...]:
    """The session's changes to read, the latest last."""
    if not log:
        return (Entry("Nothing was changed from here in this session.", DIM),)
    entries: list[Entry] = []
    for entry in log:
        entries += [heading(entry.title), *(command(text) for text in entry.commands)]
        entries += [Entry(entry.outcome, STYLES[entry.tone]), Entry()]
    return tuple(entries[:-1])


def repair(app: "ConsoleApp") -> None:
    """Show what would bring the host back, and do it when agreed."""
    propose(app, "Repair: bring the host to what the store says", Converge())


def disassociate(app: "ConsoleApp", floating: FloatingIPStatus) -> None:
    """Take a floating address back from its instance."""
    title = f"Disassociate {floating.address} from {floating.instance}"
    propose(app, title, DisassociateFloating(address=floating.address))


_INSTANCES = (
    Column("instance", 16, grows=True),
    Column("fixed address", 15, "address"),
    Column("network", 12),
    Column("project", 12),
    Column("floating", 15, shown_from=80),
)


def associate(app: "ConsoleApp", floating: FloatingIPStatus, status: Status) -> None:
    """Choose the instance that a floating address goes to, then propose it."""
    rows = tuple(
        Row(
            key=f"{a.instance} {a.address}",
            cells=(a.instance, a.address, a.network, a.project, ",".join(a.floating) or "-"),
        )
        for a in status.allocations
        if a.allocated
    )

    def chosen(key: str | None) -> None:
        if key is None:
            return
        instance, _, fixed = key.rpartition(" ")
        change = AssociateFloating(address=floating.address, instance=instance, fixed_address=fixed)
        propose(app, f"Associate {floating.address} with {instance} ({fixed})", change)

    app.push_screen(ChoosePage(app, f"Associate {floating.address} with", _INSTANCES, rows), chosen)


def propose(
    app: "ConsoleApp", title: str, change: Change[R], changed: PlanDifference | None = None
) -> None:
    """Preview a change, and make it in the background when the admin agrees to its plan.

    `changed` is how the plan differs from one that they have agreed to before.
    """

    def agreed(plan: Plan | None) -> None:
        if plan is not None:
            perform(app, title, change, plan)

    app.push_screen(ConfirmPage(app, title, lambda: app.service.preview(change), changed), agreed)


def perform(app: "ConsoleApp", title: str, change: Change[R], agreed: Plan) -> None:
    """Make a change as agreed; how it ended is said in the bar and kept in the log.

    Where its plan is another by now, nothing is done and the admin is asked again.
    """

    def done(result: Outcome[R] | Exception) -> None:
        if isinstance(result, Exception):
            app.changed(failure(title, result))
            if isinstance(result, PlanChanged):
                propose(app, title, change, result.difference)
            if isinstance(result, RemovesMost):
                _name_host(app, title, str(result), agreed)
            return
        commands = result.plan.commands
        said = f"done: {count(len(commands), 'command')}"
        app.changed(LogEntry(title, commands, said, "good"))

    app.begin_change(title)
    app.in_background(lambda: app.service.do(change, agreed), done)


def _name_host(app: "ConsoleApp", title: str, because: str, agreed: Plan) -> None:
    """Have the host's name typed before most of what is ours goes."""

    def named(right: bool | None) -> None:
        if right:
            perform(app, title, Converge(removes_most=True), agreed)
        else:
            app.main.bar.say(f"{title}: not done", "warning")

    app.push_screen(NameHostPage(app, title, because, agreed), named)
