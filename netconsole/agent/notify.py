"""Notify: what the agent tells systemd of itself (sd_notify(3)); nothing where nobody listens."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from netconsole.backend.model.text import encoded

SOCKET: Final = "NOTIFY_SOCKET"
WATCHDOG_TIME: Final = "WATCHDOG_USEC"
WATCHDOG_PROCESS: Final = "WATCHDOG_PID"


class Notifier:
    """Tells the service manager how this process stands."""

    def __init__(self, address: str) -> None:
        """`address` is that of the manager's socket; `@` stands for NUL, empty for none."""
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def ready(self, status: str = "") -> None:
        """Say that the agent does its work: what is ordered after it may start."""
        self._send("READY=1", *self._status(status))

    def status(self, status: str) -> None:
        """Say in a line what the agent does; `systemctl status` shows it."""
        self._send(*self._status(status))

    def reloading(self, status: str = "") -> None:
        """Say that the configuration is read again; `ready` says when that is done."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={microseconds}", *self._status(status))

    def stopping(self) -> None:
        """Say that the agent ends."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Say that the agent is alive; where it does not say so in time, it is started again."""
        self._send("WATCHDOG=1")

    def _status(self, status: str) -> tuple[str, ...]:
        return (f"STATUS={' '.join(status.split())}",) if status else ()

    def _send(self, *lines: str) -> None:
        """Send a datagram; that a manager is busy or gone is no reason to stop work."""
        if not self._address or not lines:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
            sending.setblocking(False)
            with suppress(OSError):
                sending.sendto(encoded("\n".join(lines)), encoded(self._address))


@asynccontextmanager
async def notifying(
    is_alive: Callable[[], bool], environment: Mapping[str, str] | None = None
) -> AsyncIterator[Notifier]:
    """Tell the manager that started this process how it stands, until it ends.

    Where it watches over us, it is told that we are alive twice in each of its spans, as long as
    `is_alive` says so and this event loop turns.
    """
    told = os.environ if environment is None else environment
    notifier = Notifier(told.get(SOCKET, ""))
    span = watchdog_seconds(told)
    beating = asyncio.create_task(_beat(notifier, span / 2, is_alive)) if span else None
    try:
        yield notifier
    finally:
        notifier.stopping()
        if beating is not None:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating


def watchdog_seconds(environment: Mapping[str, str]) -> float:
    """Return in which span the manager wants to hear of us; 0 for none (sd_watchdog_enabled(3))."""
    microseconds = environment.get(WATCHDOG_TIME, "")
    process = environment.get(WATCHDOG_PROCESS, str(os.getpid()))
    if not microseconds.isdecimal() or process != str(os.getpid()):
        return 0.0
    return int(microseconds) / 1_000_000


async def _beat(notifier: Notifier, seconds: float, is_alive: Callable[[], bool]) -> None:
    """One that is between two lives, as it reads its configuration again, is asked soon again."""
    while True:
        if lives := is_alive():
            notifier.alive()
        await asyncio.sleep(seconds if lives else seconds / 10)
