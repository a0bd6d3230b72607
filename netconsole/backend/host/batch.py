"""Steps on links and addresses, as many as follow each other in one ip-link(8) -batch.

A program that is started for each of them takes most of the time that a thousand take.
"""

import errno
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from netconsole.backend.kernel.aliases import alias_of
from netconsole.backend.model.errors import StepFailed
from netconsole.backend.model.hoststate import OWNER_PREFIX
from netconsole.backend.steps import (
    AddAddress,
    AddLink,
    Argv,
    ProgramStep,
    RemoveAddress,
    RemoveLink,
    SetLink,
    Step,
)
from netconsole.backend.steps.links import MOST_PORTS
from netconsole.backend.system.programs import ProgramFailed, run

SECONDS = 30.0
SECONDS_A_STEP = 0.05
"""How long a batch may take: removing a bridge with its ports takes the kernel a while."""

_FAILED = re.compile(r"(?P<said>.*?)Command failed -:(?P<number>[0-9]{1,9})\b", re.DOTALL)
"""What `ip` says of a line that failed, and the line's number."""

_FULL = os.strerror(errno.EXFULL)
"""What the kernel answers to a port more than a bridge has numbers for."""

_Failure = tuple[int, str]
"""The number of a step in its run, and what was said of it."""


class BatchFailed(StepFailed):
    """A step of a run failed. `taken` of its steps have happened; None where that is not known."""

    def __init__(self, taken: int | None, message: str) -> None:
        super().__init__(message)
        self.taken = taken


def refuse_foreign(steps: Iterable[Step]) -> None:
    """Raise StepFailed where a link would be removed that is not ours, or not any more.

    Unavailable where the kernel does not tell.
    """
    for name in (step.name for step in steps if isinstance(step, RemoveLink)):
        alias = alias_of(name)
        if alias is not None and not alias.startswith(OWNER_PREFIX):
            raise StepFailed(f"{name} does not say that it is ours (ip link, alias): left alone")


def runs(steps: Iterable[Step]) -> Iterator[tuple[Step, ...]]:
    """Part steps into those that are taken together; a step that is not `ip`'s is taken alone."""
    for together, group in groupby(steps, key=_goes_together):
        if together:
            yield tuple(group)
        else:
            yield from ((step,) for step in group)


def _goes_together(step: Step) -> bool:
    """Whether a batch can have it: `ip` parts its lines at blanks, and ends them at a hash."""
    return isinstance(step, AddLink | RemoveLink | SetLink | AddAddress | RemoveAddress) and all(
        argv[0] == "ip" and all(shlex.quote(word) == word for word in argv) for argv in step.argvs
    )


def perform(steps: Sequence[Step]) -> None:
    """Take steps in their order until one fails. Raises BatchFailed."""
    refuse_foreign(steps)
    failures = _failures(steps)
    if failures:
        number, said = failures[0]
        raise BatchFailed(number, _told(steps[number], said))


def perform_all(steps: Sequence[Step]) -> tuple[str, ...]:
    """Take every step, whatever becomes of the others; return what is said of those that failed."""
    failures = _failures(steps, "-force")
    return tuple(_told(steps[number], said) for number, said in failures)


def _failures(steps: Sequence[Step], *options: str) -> tuple[_Failure, ...]:
    if not steps:
        return ()
    owners = [number for number, step in enumerate(steps) for _ in _argvs(step)]
    lines = "".join(f"{' '.join(argv[1:])}\n" for step in steps for argv in _argvs(step))
    try:
        run(
            ("ip", *options, "-batch", "-"),
            text=lines,
            timeout=SECONDS + SECONDS_A_STEP * len(steps),
        )
    except ProgramFailed as error:
        failures = tuple(_parse(error.said, owners))
        if not failures:
            raise BatchFailed(None, str(error)) from error
        return failures
    return ()


def _argvs(step: Step) -> tuple[Argv, ...]:
    return step.argvs if isinstance(step, ProgramStep) else ()


def _parse(said: str, owners: Sequence[int]) -> Iterator[_Failure]:
    """Read what `ip` says of a batch: what was wrong, and then which of the lines it was."""
    for found in _FAILED.finditer(said):
        number = int(found["number"])
        if 0 < number <= len(owners):
            yield owners[number - 1], found["said"].strip() or "failed"


def _told(step: Step, said: str) -> str:
    """Say which step failed and why; of a limit of the kernel, which it is."""
    if isinstance(step, SetLink) and step.attribute == "master" and said.endswith(_FULL):
        return (
            f"{step.name} cannot be a port of bridge {step.value}, which has {MOST_PORTS:,} ports, "
            f"the most that a Linux bridge can have: `ip link show master {step.value}` shows them"
        )
    return f"{'; '.join(step.commands)}: {said}"
