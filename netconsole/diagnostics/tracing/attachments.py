"""Reads what is attached to an interface: XDP, and filters and queues of tc."""

import re
from collections.abc import Iterable
from typing import Final, NotRequired, TypedDict, cast

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import run
from netconsole.diagnostics.tracing.hindrances import Attached

_MODES: Final = {1: "driver", 2: "generic", 3: "offloaded", 4: "several"}
"""XDP_ATTACHED_* of linux/if_link.h, which `ip -json` prints as `mode`."""
_ROOT: Final = re.compile(r"qdisc (\S+) \S+: root (?:refcnt \d+ )?(.*)")


class _Program(TypedDict):
    mode: NotRequired[int]


class _Link(TypedDict):
    xdp: NotRequired[_Program]


class _Filter(TypedDict):
    kind: NotRequired[str]


def read_attached(interfaces: Iterable[str]) -> dict[str, Attached]:
    """Read of each interface what is attached to it, or why that could not be read."""
    return {name: _read(name) for name in interfaces}


def _read(name: str) -> Attached:
    try:
        links = cast(list[_Link], from_json(run(["ip", "-json", "link", "show", "dev", name])))
        told = run(["tc", "qdisc", "show", "dev", name])
        at = {way: _kinds(name, way) for way in ("ingress", "egress")}
    except NetconsoleError as error:
        return Attached(unread=str(error))
    program = next((each["xdp"] for each in links if "xdp" in each), None)
    mode = "" if program is None else _MODES.get(program.get("mode", 0), "attached")
    root = next((found for line in told.splitlines() if (found := _ROOT.match(line))), None)
    queue = " ".join(root.groups()).strip() if root else ""
    return Attached(mode, at["ingress"], at["egress"], queue)


def _kinds(name: str, way: str) -> tuple[str, ...]:
    told = run(["tc", "-json", "filter", "show", "dev", name, way])
    found = cast(list[_Filter], from_json(told or "[]"))
    return tuple(dict.fromkeys(each["kind"] for each in found if each.get("kind")))
