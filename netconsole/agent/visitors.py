"""Visitors: who makes a request at the agent's socket, what they may do, and what is refused."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from netconsole.agent import requests, roles
from netconsole.agent.connections import DoorRequest
from netconsole.agent.roles import Role
from netconsole.backend.changes import Change
from netconsole.backend.model.errors import ReadOnly
from netconsole.backend.system.who import other_process
from netconsole.door.failures import Refused
from netconsole.door.local import LocalDoor

T = TypeVar("T")

AT_ONCE = 2
"""Questions of one user who looks that are answered at once."""
AUDITED_SECONDS = 10.0
"""Of one user who may not change, so often an attempt is a line in the audit log."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who makes a request, and what they may do."""

    uid: int
    process: int
    role: Role

    @property
    def may_change(self) -> bool:
        """Whether changes are theirs to make."""
        return self.role in ("root", "admin")


class Visitors:
    """Knows who asks, gives each their turn, and refuses what is not theirs, with a line of log."""

    def __init__(self, door: LocalDoor) -> None:
        self._door = door
        self._looks = ThreadPoolExecutor(2, "viewers")
        self._reads = ThreadPoolExecutor(4, "admins")
        self._turns: dict[int, asyncio.Semaphore] = {}
        self._audited: dict[int, float] = {}
        """When somebody's last attempt to change was logged (time.monotonic)."""

    def close(self) -> None:
        """Answer no more questions; those that wait are dropped."""
        for executor in (self._looks, self._reads):
            executor.shutdown(wait=False, cancel_futures=True)

    async def of(self, request: DoorRequest) -> Visitor:
        """Return who asks. Raises Refused for who may not even look."""
        uid, process = request.peer.uid, request.peer.process
        role = "root" if uid == 0 else await asyncio.to_thread(roles.role_of, uid)
        visitor = Visitor(uid, process, role)
        if role == "nobody":
            because = await asyncio.to_thread(roles.why_not_in, uid)
            if request.method != "GET":
                await self._refusal(request.path.rpartition("/")[2], because, visitor)
            raise Refused(because)
        return visitor

    async def read(self, visitor: Visitor, work: Callable[[], T]) -> T:
        """Run what only looks, in a thread; nobody who looks takes more than their turn."""
        loop = asyncio.get_running_loop()
        if visitor.may_change:
            return await loop.run_in_executor(self._reads, work)
        turn = self._turns.setdefault(visitor.uid, asyncio.Semaphore(AT_ONCE))
        async with turn:
            return await loop.run_in_executor(self._looks, work)

    def read_only_because(self, visitor: Visitor) -> str | None:
        """Return why changes of theirs are refused; None where they are not."""
        if not visitor.may_change:
            return roles.why_not_change(visitor.uid)
        return self._door.read_only_because

    async def not_for_viewers(self, what: str, visitor: Visitor) -> ReadOnly:
        """Return what to say to who only looks, of a question that is not for them."""
        because = await asyncio.to_thread(roles.why_not_change, visitor.uid)
        return _refused(what, because)

    async def refuse_viewer(
        self, what: str, visitor: Visitor, change: DoorRequest | None = None
    ) -> None:
        """Raise ReadOnly for who only looks; of what they sent the title of a change is read."""
        if visitor.may_change:
            return
        if change is not None:
            what = await requests.title_of(change) or what
        because = await asyncio.to_thread(roles.why_not_change, visitor.uid)
        raise await self._refusal(what, because, visitor)

    async def refuse_beyond_role(self, title: str, change: Change[Any], visitor: Visitor) -> None:
        """Raise ReadOnly for a change that names files of the host, unless root asks for it."""
        if visitor.role != "root" and change.names_files:
            because = "it names files and programs of this host itself, which is for root alone"
            raise await self._refusal(title, because, visitor)

    async def _refusal(self, what: str, because: str, visitor: Visitor) -> ReadOnly:
        """Log an attempt, and return what to say; of many of one user some are logged."""
        now = time.monotonic()
        if now - self._audited.get(visitor.uid, -AUDITED_SECONDS) < AUDITED_SECONDS:
            return _refused(what, because)
        self._audited[visitor.uid] = now
        return await asyncio.to_thread(self._log_refusal, what, because, visitor)

    def _log_refusal(self, what: str, because: str, visitor: Visitor) -> ReadOnly:
        asker = other_process(visitor.uid, visitor.process)
        return self._door.service.refuse(what, because, asker)


def _refused(what: str, because: str) -> ReadOnly:
    return ReadOnly(f"{what}: refused, {because}")
