"""What a repair comes to that could not do, or had not to do, all that was asked."""

from netconsole.backend.changes import Result
from netconsole.backend.model.errors import Conflict, NetconsoleError, PartlyDone
from netconsole.backend.plan.obstacles import left_as_they_are
from netconsole.backend.service.outcome import Outcome
from netconsole.backend.service.writing import Prepared
from netconsole.backend.steps import Plan
from netconsole.backend.transaction.apply import Applied


def nothing_done(title: str, written: Prepared[Result]) -> Outcome[Result]:
    """Return what a repair comes to that has no step to take.

    Raises Conflict where there was something to be done.
    """
    if written.idle:
        raise Conflict(f"{title}: cannot have: {written.idle}")
    return Outcome("", written.result, Plan(), written.waits, written.notes)


def lacking(written: Prepared[Result], applied: Applied) -> tuple[str, ...]:
    """Return why a repair did not do all that was asked; nothing where it did."""
    because = (*(each.because for each in written.obstacles), written.idle, *applied.reasons)
    return tuple(filter(None, because))


def half_done(
    title: str,
    written: Prepared[Result],
    applied: Applied,
    lacking: tuple[str, ...],
    notes: tuple[str, ...],
) -> NetconsoleError:
    """Return the error that says so; another one where nothing was done."""
    reasons = "; ".join(lacking)
    failure: NetconsoleError
    if applied.done:
        failure = PartlyDone(f"{title}: done but for: {reasons}", applied.done.commands)
    else:
        failure = Conflict(f"{title}: cannot have: {reasons}")
    told = left_as_they_are(written.obstacles)
    for note in notes:
        if note not in told:
            failure.add_note(note)
    return failure
