"""Several packets are sent after one look at the host."""

import threading
from typing import TYPE_CHECKING, Any

import pytest

from netconsole.diagnostics.evidence import links, routing
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.tracing import trace
from netconsole.diagnostics.tracing.asked import AskedTrace
from netconsole.door.local import LocalDoor

if TYPE_CHECKING:
    from netconsole.diagnostics.tracing.ends import TraceRequest


class Looking(LocalDoor):
    """One whose looks are counted."""

    def __init__(self) -> None:
        self.looks = 0

    def status(self) -> Any:
        self.looks += 1

    def refuse_if_read_only(self, what: str) -> None:
        pass


def test_the_host_is_looked_at_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def sent(request: "TraceRequest", *_: object) -> object:
        return request.sender

    monkeypatch.setattr(links, "read_links", lambda: Links(()))
    monkeypatch.setattr(routing, "read_routing", Routing)
    monkeypatch.setattr(trace, "trace", sent)
    door = Looking()
    asked = [AskedTrace(each, "web1") for each in ("web2", "db1", "outside")]
    found = door.trace_all(asked, cancel=threading.Event())
    assert [str(each) for each in found] == ["web2", "db1", "outside"]
    assert door.looks == 1
