"""Following: the sights of a host by its agent's watch, begun anew where that breaks off."""

import threading
import time
from contextlib import closing
from typing import Final
from urllib.parse import urlencode

from netconsole.door import protocol
from netconsole.door.channel import Channel
from netconsole.door.connection import AgentConnection, AgentGone, lines_of
from netconsole.door.door import Deliver, Subscription
from netconsole.door.failures import error_of
from netconsole.door.stream import Joined

AGAIN_SECONDS: Final = 2.0
"""After which a watch that broke off is begun anew."""


class Following:
    """Delivers what an agent sees, in a thread of its own, until it is ended."""

    def __init__(self, channel: Channel, deliver: Deliver, counters: float | None) -> None:
        """`counters` is how often they are to be read, in seconds; None for not at all."""
        self._channel = channel
        self._deliver = deliver
        asked = {"differences": "true"}
        if counters is not None:
            asked["counters"] = str(max(protocol.COUNTERS_SECONDS.start, round(counters)))
        self._path = f"{protocol.WATCH}?{urlencode(asked)}"
        self._over = threading.Event()
        self._connection: AgentConnection | None = None
        self._waits_since: float | None = time.monotonic()
        threading.Thread(target=self._follow, name="following", daemon=True).start()

    @property
    def subscription(self) -> Subscription:
        """What who looks holds of it."""
        return Subscription(self._end, self._waits_for)

    def _end(self) -> None:
        self._over.set()
        if self._connection is not None:
            self._connection.hang_up()

    def _waits_for(self) -> float:
        since = self._waits_since
        return 0.0 if since is None else time.monotonic() - since

    def _follow(self) -> None:
        """Deliver what comes. Each attempt that fails is said."""
        while not self._over.is_set():
            try:
                self._follow_once()
                error: Exception = AgentGone(self._channel.why_ended())
            except TimeoutError:
                error = AgentGone(self._channel.why_silent())
            except (OSError, ValueError):
                error = AgentGone(self._channel.why_ended())
            except Exception as unforeseen:  # noqa: BLE001  the outermost edge of this thread
                error = unforeseen
            if self._over.is_set():
                return
            self._deliver(error)
            self._over.wait(AGAIN_SECONDS)

    def _follow_once(self) -> None:
        with closing(AgentConnection(self._channel)) as connection:
            self._connection = connection
            connection.begin()
            connection.expect_beats()
            connection.tell("GET", self._path)
            joined = Joined()
            for line in lines_of(connection.answer()):
                if self._over.is_set():
                    return
                busy = line.get("looking_for", 0.0)
                self._waits_since = time.monotonic() - busy if busy else None
                if "error" in line:
                    self._deliver(error_of(line["error"]))
                elif "taken" in line:
                    self._deliver(joined.sight(line))
