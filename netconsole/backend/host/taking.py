"""Takes runs of steps on the host, and takes them back as far as there is something to."""

from collections.abc import Collection

from netconsole.backend.host import batch, filters, nft
from netconsole.backend.host.doers import perform
from netconsole.backend.host.standing import still
from netconsole.backend.model.errors import NetconsoleError, said
from netconsole.backend.steps import (
    AddAddress,
    AddLink,
    ChangeRules,
    RemoveAddress,
    RemoveLink,
    RemoveNftRule,
    SetLink,
    Step,
)
from netconsole.backend.system.programs import holding


def take(run: tuple[Step, ...], maker: int) -> None:
    """Take a run of steps (`batch.runs`). Raises NetconsoleError, BatchFailed where one of many.

    `maker` is the open file that says that the change is under way.
    """
    with holding(maker):
        if len(run) == 1:
            perform(run[0])
        else:
            batch.perform(run)


def may_stand(step: Step) -> bool:
    """Whether a step that was begun may have happened.

    Asked of those alone whose inverse does harm where they have not: it would delete a rule of
    others, or insert one a second time.
    """
    try:
        match step:
            case ChangeRules():
                return filters.may_stand(step)
            case RemoveNftRule():
                return nft.is_removed(step)
    except (NetconsoleError, OSError):
        return True  # the way back says what is wrong
    return True


def take_back(run: tuple[Step, ...], given_away: Collection[str], maker: int) -> tuple[str, ...]:
    """Take a run of steps of the way back, as far as there still is something to take back.

    The answer says what is left. `given_away` are the files that others write meanwhile, `maker`
    is the open file that says that the change is not over.
    """
    try:
        with holding(maker):
            needed, left = still(run, given_away)
            if isinstance(run[0], AddLink | RemoveLink | SetLink | AddAddress | RemoveAddress):
                return (*left, *batch.perform_all(needed))
            for step in needed:
                perform(step)
    except (NetconsoleError, OSError) as error:
        return (said(error),)
    return left
