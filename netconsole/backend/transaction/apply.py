"""Apply: take the steps of a plan, journalled; take them back when one fails; verify the end."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from types import MappingProxyType

from netconsole.backend.host.batch import BatchFailed, runs
from netconsole.backend.host.taking import may_stand, take, take_back
from netconsole.backend.model.errors import (
    NetconsoleError,
    NotVerified,
    PartlyDone,
    StepFailed,
    Unavailable,
    said,
)
from netconsole.backend.plan.way_back import given_away, way_back
from netconsole.backend.steps import Plan, Step
from netconsole.backend.steps.step import Thing
from netconsole.backend.system.programs import ProgramTimedOut
from netconsole.backend.system.who import Who
from netconsole.backend.transaction.journal import (
    Journal,
    JournalEntry,
    OpenEntry,
    Outcome,
    boot_id,
)

VERIFY_SECONDS = 3.0
"""How long the host may take to show what was done: a lease given back takes dnsmasq a moment."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan whose every step was taken and whose outcome is not yet settled."""

    entry: OpenEntry
    plan: Plan
    without: Mapping[Step, str] = field(default_factory=dict)
    """The steps that had no effect and that the change does not fail with, and what was said."""
    failed: Mapping[Step, str] = field(default_factory=dict)
    """The steps of a repair that failed or were not taken for one that did, and what was said."""

    @property
    def done(self) -> Plan:
        """The steps that have changed something and are not taken back."""
        return Plan(
            tuple(
                step for step in self.plan.steps if not step.only_looks and step not in self.failed
            )
        )

    def keep(self, lacking: tuple[str, ...] = ()) -> None:
        """Let it stand; `lacking` is why a repair did not do all that was asked.

        Raises Unavailable where the journal cannot say so.
        """
        self.entry.end("failed" if lacking else "done", "; ".join(lacking))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why steps of a repair failed: of those that were in vain for it, none is said."""
        return tuple(filter(None, self.failed.values()))

    def keep_failed(self, error: BaseException) -> PartlyDone:
        """Let it stand as far as it goes, and return the error that says so."""
        message = f"{said(error)}; what was done stays (netconsole history)"
        complaints = _ended(self.entry, "failed", error)
        return PartlyDone("; ".join((message, *complaints)), self.done.commands)

    def take_back(self, error: BaseException) -> NetconsoleError | None:
        """Undo every step, the last first; the error says what could not be undone."""
        return _taken_back(self.entry, self.plan.steps, error)


def apply(
    plan: Plan,
    journal: Journal,
    title: str,
    *,
    undoable: bool = False,
    trial: bool = False,
    undoes: str = "",
    by: Who | None = None,
    goes_on: bool = False,
    prepare: Callable[[OpenEntry], None] = lambda _: None,
) -> Applied:
    """Take every step. Raises StepFailed when one fails, with the earlier ones undone.

    One that `goes_on` takes the others nevertheless, but for a step that holds guests: without it
    none of those may come that it is there for.

    Raises PartlyDone where one could not be undone, whatever it was that ended the change.

    `undoes` is the change that this one takes back, `by` who asks for it, if not this process.
    `prepare` is called when the change is written down and nothing of it is done.
    """
    entry = journal.begin(title, plan, undoable=undoable, trial=trial, undoes=undoes, by=by)
    taking = _Taking(entry, plan.steps, goes_on)
    try:
        prepare(entry)
        for run in runs(plan.steps):
            taking.take(run)
    except NetconsoleError as error:
        raise _taken_back(entry, taking.perhaps_taken, error) or StepFailed(str(error)) from error
    except BaseException as error:
        left = _taken_back(entry, taking.perhaps_taken, error)
        if isinstance(left, PartlyDone):
            raise left from error
        raise
    return Applied(entry, plan, taking.without, taking.failed)


class _Taking:
    """How far the steps of a change are taken."""

    def __init__(self, entry: OpenEntry, steps: tuple[Step, ...], goes_on: bool) -> None:
        self.without: dict[Step, str] = {}
        self.failed: dict[Step, str] = {}
        self._entry = entry
        self._steps = steps
        self._goes_on = goes_on
        self._begun = self._taken = 0
        self._lost: set[Thing] = set()
        """What could not be brought about, and others need."""

    @property
    def perhaps_taken(self) -> tuple[Step, ...]:
        """The steps that were begun, without those that are known not to have happened."""
        return _perhaps_taken(self._steps[: self._begun], self._taken)

    def take(self, run: tuple[Step, ...]) -> None:
        """Take steps that go together, or what is left of them after one that failed."""
        left = run
        while left:
            together = tuple(takewhile(lambda step: not self._is_in_vain(step), left))
            if together:
                happened = self._tried(together)
            else:
                self.failed[left[0]] = ""  # what it would need has said why
                happened = 1
                self._done(1)
            left = left[happened:]

    def _is_in_vain(self, step: Step) -> bool:
        """Whether a step needs what another has failed to bring about."""
        return not self._lost.isdisjoint(step.needs)

    def _tried(self, run: tuple[Step, ...]) -> int:
        """Take steps that go together; return how many are over, whatever became of the last."""
        self._entry.began(self._taken + len(run) - 1)
        self._begun = self._taken + len(run)
        try:
            take(run, self._entry.handle)
            happened = len(run)
        except BatchFailed as error:
            happened = self._part(run, error)
        except ProgramTimedOut:
            raise  # nobody knows whether it happened
        except NetconsoleError as error:
            if len(run) > 1 and self._goes_on:
                return self._tried(run[:1])
            self._pass_over(run[0], error)
            happened = 1
        self._done(happened)
        return happened

    def _part(self, run: tuple[Step, ...], error: BatchFailed) -> int:
        """How many steps of a run are over, the one that failed among them."""
        if error.taken is None:
            raise error
        self._begun = self._taken + error.taken
        failed = run[error.taken]
        if failed.holds_guests or not self._goes_on:
            self._entry.taken = self._begun
            if error.taken:
                self._entry.done(self._begun - 1)
            raise error
        self._fail(failed, error)
        return error.taken + 1

    def _fail(self, step: Step, error: NetconsoleError) -> None:
        """Note that a repair goes on without a step, and take back what was there for it."""
        self.failed[step] = said(error)
        self._lost.update(step.makes)
        along = tuple(
            former
            for former in self._steps[: self._begun]
            if former not in self.failed and step.stands_with(former)
        )
        self.failed |= dict.fromkeys(along, "")
        self._lost.update(thing for former in along for thing in former.makes)
        if left := undo(along, self._entry.handle):
            self.failed[step] = "; ".join((self.failed[step], *left))

    def _pass_over(self, step: Step, error: NetconsoleError) -> None:
        """Go on after a step that failed, where that may be."""
        if step.without_it:
            self.without[step] = f"{said(error)}; {step.without_it}"
        elif self._goes_on and not step.holds_guests:
            self._fail(step, error)
        else:
            self._begun = self._taken  # a step that fails did not happen
            raise error

    def _done(self, count: int) -> None:
        self._taken += count
        self._begun = self._taken
        self._entry.done(self._taken - 1)


def _taken_back(
    entry: OpenEntry, begun: tuple[Step, ...], error: BaseException
) -> NetconsoleError | None:
    """Undo steps and end the change; the error, if any, says what could not be undone."""
    left = tuple(f"not undone: {line}" for line in undo(begun, entry.handle))
    complaints = (*left, *_ended(entry, "failed" if left else "undone", error))
    if left:
        return PartlyDone("; ".join((said(error), *complaints)))
    return StepFailed("; ".join((said(error), *complaints))) if complaints else None


def _ended(entry: OpenEntry, outcome: Outcome, error: BaseException) -> tuple[str, ...]:
    """End a change that failed; return what the journal could not take."""
    try:
        entry.end(outcome, said(error))
    except Unavailable as failure:
        return (str(failure),)
    return ()


def undo(begun: Iterable[Step], maker: int, *, rebooted: bool = False) -> tuple[str, ...]:
    """Take steps back, the last first, as far as they can be; returns what is left, and why.

    `maker` is the open file of the change.
    """
    steps = tuple(begun)
    others = given_away(steps)
    back = runs(way_back(steps, rebooted=rebooted))
    return tuple(line for run in back for line in take_back(run, others, maker))


def _perhaps_taken(begun: tuple[Step, ...], taken: int) -> tuple[Step, ...]:
    """Steps that were begun, without those that are known not to have happened."""
    return (*begun[:taken], *filter(may_stand, begun[taken:]))


Note = Callable[[JournalEntry, tuple[str, ...]], None]
"""Told of a change that was cut off, and of what is not taken back of it."""


def recover(journal: Journal, note: Note) -> tuple[str, ...]:
    """Take back the changes that were cut off, the newest first; a sentence on each.

    `note` is told of each before its end is written down.

    The steps that were under way may have happened or not, so what cannot be undone is no error
    here: the plan that follows puts right whatever differs from the store. Raises Conflict where
    the maker of one lives on, and Unavailable where one cannot be read, once the others are
    taken back.
    """
    unfinished = journal.unfinished()
    sentences = []
    for found in unfinished:
        if found.unread:
            continue
        with journal.taken_over(found.id) as held:
            if held is not None:
                sentences.append(recover_one(held, note))
    for found in unfinished:
        if found.unread:
            raise Unavailable(found.unread)
    return tuple(sentences)


def recover_one(held: OpenEntry, note: Note) -> str:
    """Take back a change that nobody is at any more; return what happened, in a sentence."""
    entry = held.read()
    rebooted = _is_of_another_boot(entry)
    begun = entry.plan.steps[: entry.begun]
    stands = begun if rebooted else _perhaps_taken(begun, entry.taken)
    left = undo(stands, held.handle, rebooted=rebooted)
    if rebooted:
        sentence = "was left half done when this host went down, its files were taken back first"
    elif entry.trial:
        sentence = (
            "was on trial, and nobody is left who could have heard a yes to it: taken back first"
        )
    else:
        sentence = "was left half done, taken back first"
    whole = "; ".join((f"{entry.title}: {sentence}", *left))
    note(entry, left)
    if held.is_there():
        held.end("recovered", whole)
    return whole


def _is_of_another_boot(entry: JournalEntry) -> bool:
    """Whether the kernel that a change was about is gone; changes of old tell their time only."""
    if entry.boot:
        return entry.boot != boot_id()
    running = timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))
    return entry.at < datetime.now(UTC) - running


def verify(
    difference: Callable[[], Plan],
    without: Mapping[Step, str] = MappingProxyType({}),
    failed: Mapping[Step, str] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Look again until nothing is left to do. Raises NotVerified, naming what is.

    Steps that a change does not fail with are waited for as well, unless it is known that they
    had no effect: what is said of those, and of the ones that have none, is returned. What hangs
    on steps that have `failed` is not waited for.
    """
    deadline = time.monotonic() + VERIFY_SECONDS
    pause = 0.01
    known, concerned = {*without, *failed}, {each for step in failed for each in step.subjects}
    while left := tuple(
        step
        for step in difference().steps
        if step not in known and concerned.isdisjoint(step.subjects)
    ):
        if time.monotonic() > deadline:
            if needed := Plan(tuple(step for step in left if not step.without_it)):
                commands = "; ".join(needed.commands[:3])
                raise NotVerified(f"the host did not become as planned, still to do: {commands}")
            return (
                *without.values(),
                *(f"{step.commands[0]}: had no effect; {step.without_it}" for step in left),
            )
        time.sleep(pause)
        pause = min(2 * pause, 0.2)
    return tuple(without.values())
