"""The collectors: the only place in diagnostics that looks at the host.

Each part that the checks need is collected once, all at the same time, each within a limit.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

from netconsole.backend.errors import NetconsoleError
from netconsole.backend.steps import Plan
from netconsole.diagnostics.evidence import files, kernel, routes
from netconsole.diagnostics.snapshot import NOT_ASKED, Host, Need, Snapshot, Unread

if TYPE_CHECKING:
    from netconsole.backend.service import Service

Part = TypeVar("Part")


def collect(
    service: "Service | Unread", needs: Iterable[Need], sources: tuple[str, ...] = ()
) -> Snapshot:
    """Collect these parts; `sources` are addresses to ask the kernel about on every interface."""
    wanted = frozenset(needs)
    host = _Job("host", wanted, lambda: _host(service), 30.0)
    sysctls = _Job("sysctls", wanted, kernel.read_sysctls, 5.0)
    drop_ins = _Job("drop_ins", wanted, files.read_drop_ins, 5.0)
    paths = _Job("reverse_paths", wanted, lambda: routes.read_reverse_paths(sources), 10.0)
    return Snapshot(host.result(), sysctls.result(), drop_ins.result(), paths.result())


class _Job(Generic[Part]):
    """A collector at work in a thread that does not keep the program from ending."""

    def __init__(
        self,
        need: Need,
        wanted: frozenset[Need],
        collector: Callable[[], Part],
        limit: float,
    ) -> None:
        self.need = need
        self.limit = limit
        self.future: Future[Part] | None = None
        if need in wanted:
            self.future = Future()
            threading.Thread(target=_run, args=(self.future, collector), daemon=True).start()

    def result(self) -> Part | Unread:
        """Wait for the part, `limit` seconds at most."""
        if self.future is None:
            return NOT_ASKED
        try:
            return self.future.result(self.limit)
        except TimeoutError:
            return Unread(f"{self.need} was not collected within {self.limit:.0f} s")
        except (NetconsoleError, OSError) as error:
            return Unread(str(error))


def _run(future: "Future[Part]", collector: Callable[[], Part]) -> None:
    try:
        future.set_result(collector())
    except BaseException as error:  # noqa: BLE001  handed to the thread that waits for it
        future.set_exception(error)


def _host(service: "Service | Unread") -> Host | Unread:
    """Answer what the backend knows; without the store, that is nothing.

    Where a part of the host cannot be read there is no plan, and the status says which part.
    """
    if isinstance(service, Unread):
        return service
    seen = service.survey()
    unreadable = seen.observed.unreadable
    if reason := unreadable.get("store"):
        return Unread(reason)
    return Host(seen.status(), Plan() if unreadable else seen.plan)
