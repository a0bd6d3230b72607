"""Asks a bridge where it sends frames for a MAC address."""

from netconsole.backend.kernel.neighbours import Neighbours
from netconsole.diagnostics.tracing.hindrances import BridgeEntry


def read_bridge_entry(bridge: str, mac: str) -> BridgeEntry | None:
    """Return where it sends them; None where that could not be read."""
    try:
        with Neighbours() as kernel:
            return BridgeEntry(bridge, mac, kernel.port_of(bridge, mac))
    except OSError:
        return None
