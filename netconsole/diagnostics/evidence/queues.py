"""Reads the queues in front of the interfaces, twice."""

import time
from typing import NotRequired, TypedDict, cast

from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import run
from netconsole.diagnostics.parts.queues import Queue, Queues

SECONDS = 0.6
"""Between the two readings."""


class _Entry(TypedDict):
    kind: str
    handle: str
    dev: str
    parent: NotRequired[str]
    root: NotRequired[bool]
    options: NotRequired[dict[str, object]]
    drops: NotRequired[int]


def read_queues() -> Queues:
    """Read them, wait, and read them again."""
    before = {_place(each): each.get("drops", 0) for each in _read()}
    began = time.monotonic()
    time.sleep(SECONDS)
    found = tuple(
        Queue(
            each["dev"],
            each["kind"],
            each["handle"],
            each.get("root", False),
            {name: value for name, value in each.get("options", {}).items() if type(value) is int},
            each.get("drops", 0),
            each.get("drops", 0) - before.get(_place(each), 0),
        )
        for each in _read()
    )
    return Queues(found, time.monotonic() - began)


def _place(each: _Entry) -> tuple[str, str, str]:
    """Those of an interface with many queues have no handles, only parents."""
    return each["dev"], each["handle"], each.get("parent", "")


def _read() -> list[_Entry]:
    """Raw, for the limit of a token bucket, which is shown as a latency otherwise."""
    told = run(["tc", "-raw", "-statistics", "-json", "qdisc", "show"])
    return cast(list[_Entry], from_json(told or "[]"))
