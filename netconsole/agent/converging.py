"""Converging: the thread of the agent that mends what `repairing` says."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from netconsole.agent.repairing import Memory, Policy, RepairDecision, Seen, decide, failed
from netconsole.backend.model.authors import Authors
from netconsole.backend.model.errors import NetconsoleError, PartlyDone, Unavailable, said
from netconsole.backend.model.phrases import count
from netconsole.backend.service.service import Service
from netconsole.backend.survey.survey import Survey
from netconsole.backend.system import journald
from netconsole.watch.picture import Picture
from netconsole.watch.watch import Watch

_SETTLE_SECONDS = 0.3
"""Who changes a host takes several steps: it is looked at again before it is mended."""
_BUSY_SECONDS = 0.5
"""How long a change under way is given before it is looked whether it is over."""


@contextmanager
def converging(
    service: Service, watch: Watch, say: Callable[[str], None], settled: Callable[[], object]
) -> Iterator[None]:
    """Mend as long as this is entered; a repair under way is finished first.

    `say` is given a sentence at a time. `settled` is called after each look that was acted upon,
    or that nothing followed from; both in a thread of their own.
    """
    loop = _Loop(service, watch, say, settled)
    leave = watch.subscribe(loop.take)
    loop.start()
    try:
        yield
    finally:
        leave()
        loop.stop()


class _Loop:
    """Takes the latest picture whenever it has time for it; older ones do not matter."""

    def __init__(
        self,
        service: Service,
        watch: Watch,
        say: Callable[[str], None],
        settled: Callable[[], object],
    ) -> None:
        self._service = service
        self._watch = watch
        self._say = say
        self._settled = settled
        self._policy = Policy.of(service.options.repair_drift)
        self._memory = Memory()
        self._told = ""
        self._former: Survey | None = None
        self._picture: Picture | None = None
        self._authors = Authors()
        """Who has changed the packet filter since it was last looked whether to mend."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="converging")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        self._thread.join()

    def take(self, result: Picture | Exception) -> None:
        """Called by the watch, in its thread."""
        if isinstance(result, Picture):
            with self._lock:
                self._picture = result
                self._authors |= result.authors
            self._wake.set()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(self._patience())
            if self._memory.has_started and self._wake.is_set() and not self._stopped:
                time.sleep(_SETTLE_SECONDS)
            self._wake.clear()
            if self._stopped or self._picture is None:
                continue
            if self._service.is_changing:
                time.sleep(_BUSY_SECONDS)
                self._wake.set()
                continue
            self._consider()
            self._settled()

    def _patience(self) -> float | None:
        """Seconds until what failed or was left is tried again; None where nothing is."""
        next_at = self._memory.next_at
        return None if next_at is None else max(0.1, next_at - time.monotonic())

    def _consider(self) -> None:
        with self._lock:
            picture, authors, self._authors = self._picture, self._authors, Authors()
        if picture is None:
            return
        seen = replace(_seen(picture, self._former), authors=authors)
        if not seen.unknown:
            self._former = picture.survey
        if seen.unknown and self._told != seen.unknown:
            self._tell(f"nothing is mended: {seen.unknown}")
            self._told = seen.unknown
        decision = decide(seen, self._memory, self._policy)
        if decision.warning:
            self._say(decision.warning)
        if decision.repair is None:
            self._memory = decision.memory
        else:
            self._mend(decision, seen)

    def _mend(self, decision: RepairDecision, seen: Seen) -> None:
        repair = decision.repair
        if repair is None:
            return
        before = self._memory
        try:
            outcome = self._service.do(repair)
        except NetconsoleError as error:
            done = error.done if isinstance(error, PartlyDone) else ()
            steps = repair.taken(seen.plan)
            self._memory = failed(before, decision, steps, done, time.monotonic())
            if not _is_told_as_a_change(error):
                self._tell(said(error))
        else:
            self._memory = decision.memory
            self._told = ""
            for sentence in (*outcome.recovered, *outcome.notes):
                self._say(sentence)
            if outcome.plan and not _is_told_as_a_change():
                self._say(f"{repair.title}: done, {count(len(outcome.plan.steps), 'step')}")
        self._watch.soon()

    def _tell(self, sentence: str) -> None:
        """Say it unless it was the last thing that was said of a failure."""
        if sentence != self._told:
            self._told = sentence
            self._say(sentence)


def _is_told_as_a_change(failure: NetconsoleError | None = None) -> bool:
    """Whether the journal has a repair where this agent speaks, as it has every change.

    One that could not be written into the audit log is in neither.
    """
    return journald.is_stderr() and not isinstance(failure, Unavailable)


def _seen(picture: Picture, former: Survey | None) -> Seen:
    survey = picture.survey
    unread = {part: why for part, why in survey.observed.unreadable.items() if part[0] != "/"}
    return Seen(
        at=time.monotonic(),
        plan=survey.plan,
        lacking=frozenset(each.place for each in survey.obstacles),
        unknown="; ".join(f"{part}: {why}" for part, why in unread.items()),
        cut_off=bool(survey.unfinished),
        store_changed=former is not None and former.wanted != survey.wanted,
    )
