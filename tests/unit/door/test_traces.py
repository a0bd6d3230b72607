"""Several packets are sent after one look at the host."""

import threading
from types import SimpleNamespace
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


class Looking:
    """What of a service a trace goes by, whose looks are counted."""

    read_only_because = None

    def __init__(self) -> None:
        self.looks = 0

    def look(self) -> Any:
        self.looks += 1
        return SimpleNamespace(survey=SimpleNamespace(status=lambda: None, observed=None))


def test_the_host_is_looked_at_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def sent(request: "TraceRequest", *_: object) -> object:
        return request.sender

    monkeypatch.setattr(links, "read_links", lambda _: Links(()))
    monkeypatch.setattr(routing, "read_routing", lambda _: Routing())
    monkeypatch.setattr(trace, "trace", sent)
    service: Any = Looking()
    door = LocalDoor(service)
    asked = [AskedTrace(each, "web1") for each in ("web2", "db1", "outside")]
    found = door.trace_all(asked, cancel=threading.Event())
    assert [str(each) for each in found] == ["web2", "db1", "outside"]
    assert service.looks == 1
