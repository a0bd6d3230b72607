"""What the packet filter does to packets between guests and the host itself. Pure."""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.filtering.matches import Flow
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.filter_walk import Drop, Hook, drops, rulesets

_WAY_IN: Final[tuple[Hook, ...]] = ("prerouting", "input")
_WAY_OUT: Final[tuple[Hook, ...]] = ("output", "postrouting")


def drops_inbound(seen: PacketFilter, flow: Flow) -> Iterator[Drop]:
    """Return where a flow is dropped on its way in, of every table what comes first.

    A drop is not certain where it picks some packets, or where a rule before it may let some pass.
    """
    return _drops(seen, flow, _WAY_IN)


def drops_outbound(seen: PacketFilter, flow: Flow) -> Iterator[Drop]:
    """Return the same of what the host itself sends to guests."""
    return _drops(seen, flow, _WAY_OUT)


def _drops(seen: PacketFilter, flow: Flow, way: tuple[Hook, ...]) -> Iterator[Drop]:
    for hook in way:
        for ruleset in rulesets(seen, hook):
            yield from drops(ruleset, (flow,))


def is_total(drop: Drop) -> bool:
    """Whether no packet of the flow gets past."""
    return drop.certain and not drop.excepted
