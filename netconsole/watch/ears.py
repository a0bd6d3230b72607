"""Ears: all by which a host tells that something happened, waited for at once."""

import os
import selectors
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Final, Protocol

from netconsole.backend.kernel.notices import NeighbourNotices, RouteNotices, RuleNotices
from netconsole.backend.model.authors import Authors
from netconsole.backend.model.facility import NOTHING, Again, Facility
from netconsole.backend.service.looking import Places
from netconsole.watch.file_notices import FileNotices

_ENDED: Final = Again.of(Facility.DNSMASQ)


class Ear(Protocol):
    """One of them."""

    concerning: frozenset[Facility]

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is something to hear."""

    def heard(self) -> Again:
        """Return what is to be looked at again; does not wait."""

    def close(self) -> None:
        """Hear no more."""


class Ears:
    """Open them before the first look: what happens while one looks is heard afterwards.

    Used in one thread, but for `wake`.
    """

    def __init__(self, places: Places) -> None:
        self._selector = selectors.DefaultSelector()
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._processes: dict[int, int] = {}
        """The descriptor of each process that is listened to (pidfd_open(2))."""
        self._ears: list[Ear] = []
        self.deaf: frozenset[Facility] = frozenset()
        """Of these nothing is heard: this process is not told."""
        openers: tuple[tuple[Callable[[], Ear], frozenset[Facility]], ...] = (
            (RouteNotices, RouteNotices.concerning),
            (RuleNotices, RuleNotices.concerning),
            (NeighbourNotices, NeighbourNotices.concerning),
            (lambda: FileNotices(places), FileNotices.concerning),
        )
        for opened, concerning in openers:
            try:
                self._add(opened())
            except OSError:
                self.deaf |= concerning

    def _add(self, ear: Ear) -> None:
        self._ears.append(ear)
        self._selector.register(ear.fileno(), selectors.EVENT_READ, ear)

    def close(self) -> None:
        """Hear no more."""
        for ear in self._ears:
            ear.close()
        for handle in self._processes.values():
            os.close(handle)
        with self._lock:  # its number may be that of another file at once
            os.close(self._woken)
            self._woken = -1
        self._selector.close()

    def authors(self) -> Authors:
        """Return who has changed the packet filter since this was asked last."""
        told = (ear.authors() for ear in self._ears if isinstance(ear, RuleNotices))
        return reduce(or_, told, Authors())

    def wake(self) -> None:
        """End what waits in `wait` or `pause`; from any thread."""
        with self._lock:
            if self._woken >= 0:
                os.eventfd_write(self._woken, 1)

    def wait(self, seconds: float | None) -> Again:
        """Wait until something happens or someone wakes, and return what was heard."""
        return self._heard(self._selector.select(seconds))

    def pause(self, seconds: float) -> None:
        """Wait, and hear nothing meanwhile, until that is over or someone wakes."""
        with selectors.DefaultSelector() as only:
            only.register(self._woken, selectors.EVENT_READ)
            if only.select(seconds):
                self._take_waking()

    def _heard(self, ready: Iterable[tuple[selectors.SelectorKey, int]]) -> Again:
        again = NOTHING
        for key, _ in ready:
            match key.data:
                case None:
                    self._take_waking()
                case int(pid):
                    self._forget(pid)
                    again |= _ENDED
                case ear:
                    again |= ear.heard()
        return again

    def _take_waking(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._woken)

    def listen_to(self, pids: Iterable[int]) -> bool:
        """Hear when one of these processes ends, and of no other; false where one has ended."""
        wanted = set(pids)
        for pid in self._processes.keys() - wanted:
            self._forget(pid)
        for pid in wanted - self._processes.keys():
            try:
                handle = os.pidfd_open(pid)
            except ProcessLookupError:
                return False
            except OSError:
                continue  # the next look at what nothing tells of sees it
            self._processes[pid] = handle
            self._selector.register(handle, selectors.EVENT_READ, pid)
        return True

    def _forget(self, pid: int) -> None:
        handle = self._processes.pop(pid)
        self._selector.unregister(handle)
        os.close(handle)
