"""Trials: changes that wait at the agent for a yes of the admin at the other end."""

import asyncio
import secrets
from contextlib import suppress
from queue import Empty, SimpleQueue

from netconsole.backend.model.errors import NotFound


class Trial:
    """One change that may have to be confirmed. Its maker's thread waits, its connection asks."""

    def __init__(self, trials: "Trials", uid: int) -> None:
        self.token = secrets.token_urlsafe(16)
        self.uid = uid
        self.seconds = 0
        self.asked = asyncio.Event()
        """Set when the admin is to be asked; then `seconds` says how long they have."""
        self._trials = trials
        self._loop = asyncio.get_running_loop()
        self._answers: SimpleQueue[bool] = SimpleQueue()

    def confirm(self, seconds: int) -> bool:
        """Wait for the answer, in the thread of the change; silence is a no."""
        self.seconds = seconds
        with suppress(RuntimeError):  # the agent ends
            self._loop.call_soon_threadsafe(self.asked.set)
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            return False
        finally:
            self._trials.over(self)

    def answer(self, keep: bool) -> None:
        """Say whether the change stays; the first word counts."""
        self._answers.put(keep)


class Trials:
    """Those that are under way, by tokens that only who asked for the change was told."""

    def __init__(self) -> None:
        self._waiting: dict[str, Trial] = {}

    def begin(self, uid: int) -> Trial:
        """Make one."""
        trial = Trial(self, uid)
        self._waiting[trial.token] = trial
        return trial

    def over(self, trial: Trial) -> None:
        """Nobody can answer any more."""
        self._waiting.pop(trial.token, None)

    def answer(self, token: str, uid: int, *, keep: bool) -> None:
        """Hand on what an admin says. Raises NotFound for what is over, or somebody else's."""
        trial = self._waiting.get(token)
        if trial is None or trial.uid != uid:
            raise NotFound("no change waits for this answer: its time is over")
        trial.answer(keep)

    def refuse_all(self) -> None:
        """The agent ends: what is not confirmed by now is taken back."""
        for trial in list(self._waiting.values()):
            trial.answer(False)
