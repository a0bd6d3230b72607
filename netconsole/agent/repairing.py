"""Repairing: which drift the agent mends, and when it leaves it alone. Pure.

An admin who tries something is not fought: with `repair_drift = boot` what differs is mended when
the agent starts, once what was missing then is there, when the store has changed, and where a
program did it that loads the packet filter. Two who fight over the same thing are noticed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from netconsole.backend.changes.converge import Repair
from netconsole.backend.configuration.option_rules import RepairRule
from netconsole.backend.model.authors import Authors
from netconsole.backend.model.hoststate import Place
from netconsole.backend.model.phrases import some
from netconsole.backend.model.step_kind import STEP_KINDS, StepKind
from netconsole.backend.steps import Plan

ROUNDS: Final = 3
"""A thing that was mended so often in a row is fought over."""
OPERATION_SECONDS: Final = 10.0
"""A service that restarts or reloads changes the packet filter in several parts meanwhile."""
FIGHT_SECONDS: Final = 600.0
"""A row ends when nobody has undone a mending for so long."""
_FIRST_TRUCE, _LONGEST_TRUCE = 30.0, 480.0
"""Seconds for which it is left alone then; each time twice as long, and less than a row lasts."""
_OF_FILTER: Final[frozenset[StepKind]] = frozenset({"rules", "guards"})
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 300.0
"""Seconds after which what failed is tried again; each time twice as long."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What `repair_drift` says of each kind of things."""

    at_start: frozenset[StepKind]
    always: frozenset[StepKind]

    @classmethod
    def of(cls, rules: tuple[RepairRule, ...]) -> "Policy":
        """Read the option."""
        said = {rule.kind: rule.when for rule in rules}
        when = {kind: said.get(kind, said.get("", "boot")) for kind in STEP_KINDS}
        return cls(
            frozenset(kind for kind in STEP_KINDS if when[kind] != "never"),
            frozenset(kind for kind in STEP_KINDS if when[kind] == "always"),
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What the agent goes by: a look at the host, and what led to it."""

    at: float
    """Seconds of a clock that is never set back."""
    plan: Plan
    lacking: frozenset[Place] = frozenset()
    """What the store asks for and the host cannot have (`plan/obstacles.py`)."""
    unknown: str = ""
    """Why it is not known what is to do, where it is not."""
    store_changed: bool = False
    """Whether the store asks for something else than at the look before."""
    cut_off: bool = False
    """Whether a change was left half done: the next takes it back first."""
    authors: Authors = field(default_factory=Authors)
    """Who has changed the packet filter."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the agent remembers from one look to the next."""

    has_started: bool = False
    awaited: frozenset[Place] = frozenset()
    """What was missing when the agent started, and is still."""
    mended: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By command: when it was run to mend the same drift; of a service's operation the first."""
    left: Mapping[str, float] = field(default_factory=dict)
    """The commands that are not run, as somebody undoes them each time, and until when."""
    owed: frozenset[str] = frozenset()
    """The commands of a repair that failed."""
    failures: int = 0
    """How often in a row."""
    again_at: float = 0.0
    """When what is owed is tried once more."""
    by: frozenset[str] = frozenset()
    """The services that changed the packet filter while it was not known what is to do."""
    seen_at: Mapping[str, float] = field(default_factory=dict)
    """By service: when it changed the packet filter last."""

    @property
    def next_at(self) -> float | None:
        """When to look at it again though nothing happens; None where nothing is waited for."""
        owed = (self.again_at,) if self.owed else ()
        return min((*owed, *self.left.values()), default=None)


@dataclass(frozen=True, slots=True)
class RepairDecision:
    """What is to be done, and what is remembered if it is."""

    repair: Repair | None
    memory: Memory
    warning: str = ""
    """A sentence for the admin."""
    by: frozenset[str] = frozenset()
    """The services that have changed the packet filter."""


def decide(seen: Seen, memory: Memory, policy: Policy) -> RepairDecision:
    """Say what the agent does about a look at the host."""
    memory = _met(memory, seen)
    if seen.unknown:
        return RepairDecision(None, memory)
    by = memory.by
    services = ", ".join(sorted(by))
    memory = replace(memory, by=frozenset())
    over = _over(memory, seen)
    memory = _rested(memory, seen)
    arrived = memory.awaited - seen.lacking
    cause, kinds = _cause(seen, memory, arrived, over), policy.always
    if cause:
        kinds |= policy.at_start
    elif by:
        cause = f"{services} has changed the packet filter"
        kinds |= policy.at_start & _OF_FILTER
    awaited = memory.awaited & seen.lacking if memory.has_started else seen.lacking
    memory = replace(memory, has_started=True, awaited=awaited)
    waits = memory.owed if not cause and seen.at < memory.again_at else frozenset()
    repair = Repair(
        kinds=tuple(sorted(kinds)),
        leaves=tuple(sorted(waits.union(memory.left))),
        cause=cause or "drift",
    )
    steps = repair.taken(seen.plan)
    warning = ""
    if fought := _fought(memory, steps, over):
        memory, truce = _truce(memory, steps, fought, seen.at)
        repair = replace(repair, leaves=tuple(sorted(waits.union(memory.left))))
        steps = repair.taken(seen.plan)
        whom = f" (by {services})" if by else ""
        warning = f"{truce}{whom}: {some(fought)}; `netconsole apply` does it now"
    if not steps and not (seen.cut_off and policy.at_start):
        return RepairDecision(None, memory, warning)
    return RepairDecision(repair, _with(memory, steps, seen.at, by), warning, by)


def _cause(seen: Seen, memory: Memory, arrived: frozenset[Place], over: frozenset[str]) -> str:
    """Why more is mended than `always` says; nothing where there is no reason."""
    if not memory.has_started:
        return "the agent started"
    if seen.cut_off:
        return "a change was cut off"
    if arrived:
        return f"{some(sorted(' '.join(filter(None, place)) for place in arrived))} can be had now"
    if seen.store_changed:
        return "the store has changed"
    if over:
        return "it was left alone for a while"
    return "it failed before" if memory.owed and seen.at >= memory.again_at else ""


def failed(
    before: Memory, decision: RepairDecision, steps: Plan, done: Collection[str], now: float
) -> Memory:
    """Return what is remembered of a repair that failed: what it was to do is owed.

    `done` are the commands that were run and not taken back: whoever undoes those may fight.
    """
    failures = before.failures + 1
    happened = Plan(tuple(step for step in steps.steps if set(step.commands).intersection(done)))
    return replace(
        _with(replace(decision.memory, mended=before.mended), happened, now, decision.by),
        owed=decision.memory.owed.union(steps.commands),
        failures=failures,
        again_at=now + min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (failures - 1)),
    )


def _met(memory: Memory, seen: Seen) -> Memory:
    """With the services that have changed the packet filter.

    A service has children that are gone before they can be asked: whoever is gone is counted as of
    the services that were seen a moment ago.
    """
    latest = {
        **{name: at for name, at in memory.seen_at.items() if seen.at - at < OPERATION_SECONDS},
        **dict.fromkeys(seen.authors.services, seen.at),
    }
    met = frozenset(latest) if seen.authors.is_one_gone else seen.authors.services
    return replace(memory, by=memory.by | met, seen_at=latest)


def _rested(memory: Memory, seen: Seen) -> Memory:
    """Without what nobody has undone for long, and what is not owed any more."""
    recent = {
        key: times for key, times in memory.mended.items() if seen.at - times[-1] < FIGHT_SECONDS
    }
    owed = memory.owed.intersection(seen.plan.commands) if memory.owed else memory.owed
    return replace(
        memory,
        mended=recent,
        left={key: until for key, until in memory.left.items() if until > seen.at},
        owed=owed,
        failures=memory.failures if owed else 0,
    )


def _over(memory: Memory, seen: Seen) -> frozenset[str]:
    """The commands that were left alone for long enough, and are still to be run."""
    over = {key for key, until in memory.left.items() if until <= seen.at}
    return frozenset(over.intersection(seen.plan.commands)) if over else frozenset()


def _fought(memory: Memory, steps: Plan, over: frozenset[str]) -> tuple[str, ...]:
    """Return the commands that somebody has undone again and again."""
    return tuple(
        key
        for step in steps.steps
        for key in step.commands
        if len(memory.mended.get(key, ())) >= ROUNDS and key not in over
    )


def _truce(memory: Memory, steps: Plan, fought: tuple[str, ...], now: float) -> tuple[Memory, str]:
    """Return how long these are left alone: as a memory, and in words. Each time twice as long."""
    again = max(len(memory.mended.get(key, ())) for key in fought) - ROUNDS
    seconds = min(_LONGEST_TRUCE, _FIRST_TRUCE * 2**again)
    until = dict.fromkeys(_commands(steps, fought), now + seconds)
    left = replace(memory, left={**memory.left, **until})
    return left, f"left alone for {seconds:.0f} s, as it was undone {ROUNDS + again} times"


def _with(memory: Memory, steps: Plan, now: float, by: frozenset[str]) -> Memory:
    """With a mending; of one operation of a service, as a restart, the first alone counts."""
    mended = dict(memory.mended)
    for key in steps.commands:
        times = mended.get(key, ())
        if not (by and times and now - times[-1] < OPERATION_SECONDS):
            mended[key] = (*times, now)
    return replace(memory, mended=mended)


def _commands(steps: Plan, keys: tuple[str, ...]) -> frozenset[str]:
    """The commands of the steps that have one of these."""
    named = frozenset(keys)
    return frozenset(
        command
        for step in steps.steps
        if not named.isdisjoint(step.commands)
        for command in step.commands
    )
