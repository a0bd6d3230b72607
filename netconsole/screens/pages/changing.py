"""Changing: from a key to a changed host. Every change is shown as commands before it is made."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from netaddr import IPAddress

from netconsole.backend.changes import Change
from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.floating import AssociateFloating, DisassociateFloating
from netconsole.backend.model.errors import RemovesMost
from netconsole.backend.model.phrases import count
from netconsole.backend.model.records import InstanceView
from netconsole.backend.plan.agreement import PlanChanged, PlanDifference
from netconsole.backend.service.outcome import Outcome
from netconsole.backend.steps import Plan
from netconsole.backend.survey.status import FloatingIPStatus
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import (
    GOES_ON,
    UNDONE,
    ChoosePage,
    ConfirmPage,
    NameHostPage,
)
from netconsole.screens.rows.pane import Column, Row
from netconsole.screens.texts.change_log import LogEntry, failure

R = TypeVar("R")


def repair(console: Console) -> None:
    """Show what would bring the host back, and do it when agreed."""
    propose(console, "Repair: bring the host to what the store says", Converge())


def disassociate(console: Console, floating: FloatingIPStatus) -> None:
    """Take a floating address back from its instance."""
    title = f"Disassociate {floating.address} from {floating.instance}"
    propose(console, title, DisassociateFloating(address=floating.address))


_INSTANCES = (
    Column("instance", 16, grows=True),
    Column("fixed address", 15, "address"),
    Column("network", 12),
    Column("project", 12),
    Column("floating", 15, shown_from=80),
)


def associate(console: Console, floating: FloatingIPStatus) -> None:
    """Choose the instance that a floating address goes to, then propose it."""

    def chosen(change: AssociateFloating | None) -> None:
        if change is not None:
            to = f"{change.instance} ({change.fixed_address})"
            propose(console, f"Associate {floating.address} with {to}", change)

    def find() -> Iterator[tuple[Row, AssociateFloating]]:
        return _associations(console.door.instances(), floating.address)

    title = f"Associate {floating.address} with"
    console.push_screen(ChoosePage(console, title, _INSTANCES, find), chosen)


def _associations(
    instances: Iterable[InstanceView], floating: str
) -> Iterator[tuple[Row, AssociateFloating]]:
    """The addresses to which a floating one may lead, in order, each with what associates it."""
    fixed = [
        (view.instance, port, row)
        for view in instances
        for port in view.ports
        for row in port.fixed_ips
    ]
    for instance, port, row in sorted(fixed, key=lambda each: IPAddress(each[2].address)):
        held = [each.address for each in port.floating_ips if each.fixed_ip_id == row.id]
        cells = (
            *(instance.name, row.address, port.network.label, instance.project_id),
            ",".join(held) or "-",
        )
        change = AssociateFloating(floating, instance.name, row.address)
        yield Row(f"{instance.name} {row.address}", cells), change


def propose(
    console: Console, title: str, change: Change[R], changed: PlanDifference | None = None
) -> None:
    """Preview a change, and make it in the background when the admin agrees to its plan.

    `changed` is how the plan differs from one that they have agreed to before.
    """

    def agreed(plan: Plan | None) -> None:
        if plan is not None:
            perform(console, title, change, plan)

    if_one_fails = GOES_ON if isinstance(change, Converge) else UNDONE
    console.push_screen(
        ConfirmPage(console, title, lambda: console.door.preview(change), changed, if_one_fails),
        agreed,
    )


def perform(console: Console, title: str, change: Change[R], agreed: Plan) -> None:
    """Make a change as agreed; how it ended is said in the bar and kept in the log.

    Where its plan is another by now, nothing is done and the admin is asked again.
    """

    def done(result: Outcome[R] | Exception) -> None:
        if isinstance(result, Exception):
            console.changed(failure(title, result))
            if isinstance(result, PlanChanged):
                propose(console, title, change, result.difference)
            if isinstance(result, RemovesMost):
                _name_host(console, title, str(result), agreed)
            return
        commands = result.plan.commands
        said = f"done: {count(len(commands), 'command')}"
        console.changed(LogEntry(title, commands, said, "good"))

    console.change(title, lambda: console.door.do(change, agreed, confirm=console.confirm), done)


def _name_host(console: Console, title: str, because: str, agreed: Plan) -> None:
    """Have the host's name typed before most of what is ours goes."""

    def named(right: bool | None) -> None:
        if right:
            perform(console, title, Converge(removes_most=True), agreed)
        else:
            console.say(f"{title}: not done", "warning")

    console.push_screen(NameHostPage(console, title, because, agreed), named)
