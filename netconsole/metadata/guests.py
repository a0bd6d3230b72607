"""Guests: what the store says of who asks, read again once the store was written."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.model.store_version import StoreVersion
from netconsole.backend.service.service import Service

MOST_KEPT: Final = 2048
"""Of which nobody asks any more is forgotten first."""
REST_SECONDS: Final = 30.0
"""After so long without a question the database is closed."""


@dataclass(frozen=True, slots=True)
class KnownGuest:
    """What the store said when it had a version."""

    version: StoreVersion
    guest: GuestData | None


class Guests:
    """Who is at an address, or has a uuid; kept as long as the store says the same.

    For the thread of one event loop: reading has a thread of its own, so that a slow disk holds up
    nobody but those who wait for it.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._versions = service.store_versions()
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="metadata-store")
        self._kept: OrderedDict[str, KnownGuest] = OrderedDict()
        self._version: StoreVersion | None = None
        self._is_of_this_turn = False
        """Whether that was asked in this turn of the event loop.

        A request that is answered in one turn has come in an earlier one, so that what was
        committed before it was made shows.
        """
        self._resting: asyncio.TimerHandle | None = None
        self._asked_at = 0.0

    async def at(self, address: str) -> GuestData | None:
        """Return the instance that has a fixed address, of whichever host; None where none has.

        Raises Unavailable where the store cannot be read.
        """
        return await self._known(address, self._service.guest_at)

    async def of(self, uuid: str) -> GuestData | None:
        """Return an instance by its uuid; None where there is none. Raises as `at` does."""
        return await self._known(uuid, self._service.guest_of)

    async def _known(self, key: str, read: Callable[[str], GuestData | None]) -> GuestData | None:
        version = self._version if self._is_of_this_turn else self._asked_version()
        kept = self._kept.get(key)
        if kept is not None and kept.version == version:
            self._kept.move_to_end(key)
            return kept.guest
        loop = asyncio.get_running_loop()
        guest = await loop.run_in_executor(self._reader, read, key)
        if version is not None:
            if kept is not None and kept.guest == guest:
                guest = kept.guest  # of which documents are kept
            self._kept[key] = KnownGuest(version, guest)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return guest

    def _asked_version(self) -> StoreVersion | None:
        self._version = self._versions.current()
        self._is_of_this_turn = True
        asyncio.get_running_loop().call_soon(self._end_turn)
        self._rest_later()
        return self._version

    def _end_turn(self) -> None:
        self._is_of_this_turn = False

    def _rest_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._asked_at = loop.time()
        if self._resting is None:
            self._resting = loop.call_later(REST_SECONDS, self._rest)

    def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        self._resting = None
        left = self._asked_at + REST_SECONDS - loop.time()
        if left > 0:
            self._resting = loop.call_later(left, self._rest)
        else:
            self._versions.rest()

    def close(self) -> None:
        """Read no more."""
        if self._resting is not None:
            self._resting.cancel()
        with suppress(Unavailable):
            self._versions.rest()
        self._reader.shutdown(wait=False, cancel_futures=True)
