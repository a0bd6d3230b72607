"""Saying: sentences for the log that guests can cause, each of them once a minute at most."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

QUIET_SECONDS: Final = 60.0
MOST_KNOWN: Final = 512


class Sparing:
    """Says a sentence unless it was said a short while ago; also when hundreds of others were."""

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._said: OrderedDict[str, float] = OrderedDict()

    def __call__(self, sentence: str) -> None:
        """Say it, or not."""
        now = self._clock()
        while self._said and next(iter(self._said.values())) <= now - QUIET_SECONDS:
            self._said.popitem(last=False)
        if sentence in self._said or len(self._said) >= MOST_KNOWN:
            return
        self._said[sentence] = now
        self._say(sentence)
