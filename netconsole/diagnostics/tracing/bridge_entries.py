"""Asks a bridge where it sends frames for a MAC address (bridge(8), fdb get; Linux 5.0)."""

from typing import NotRequired, TypedDict, cast

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import ProgramFailed, run
from netconsole.diagnostics.tracing.hindrances import BridgeEntry

_NONE = "No such file or directory"


class _Entry(TypedDict):
    ifname: NotRequired[str]


def read_bridge_entry(bridge: str, mac: str) -> BridgeEntry | None:
    """Return where it sends them; None where that could not be read."""
    try:
        told = run(["bridge", "-json", "fdb", "get", mac, "br", bridge])
    except ProgramFailed as refusal:
        return BridgeEntry(bridge, mac, "") if refusal.said.endswith(_NONE) else None
    except NetconsoleError:
        return None
    found = cast(list[_Entry], from_json(told or "[]"))
    port = next((each["ifname"] for each in found if "ifname" in each), "")
    return BridgeEntry(bridge, mac, port)
