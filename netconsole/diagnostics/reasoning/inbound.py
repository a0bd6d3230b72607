"""What the packet filter does to packets between guests and the host itself. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netconsole.backend.filtering.matches import Flow
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.filter_walk import Drop, Hook, drops, rulesets
from netconsole.diagnostics.reasoning.known_conditions import knowing
from netconsole.diagnostics.reasoning.socket_owner import SocketOwner

_WAY_IN: Final[tuple[Hook, ...]] = ("prerouting", "input")
_WAY_OUT: Final[tuple[Hook, ...]] = ("output", "postrouting")


def drops_inbound(seen: PacketFilter, flow: Flow) -> Iterator[Drop]:
    """Return where a flow is dropped on its way in, of every table what comes first.

    A drop is not certain where it picks some packets, or where a rule before it may let some pass.
    """
    for hook in _WAY_IN:
        for ruleset in rulesets(seen, hook):
            yield from drops(ruleset, (flow,))


def drops_outbound(seen: PacketFilter, flow: Flow, sender: SocketOwner) -> Iterator[Drop]:
    """Return the same of what a program of the host sends."""
    known = sender.known
    for hook in _WAY_OUT:
        for ruleset in rulesets(seen, hook):
            of_sender = replace(ruleset, read=knowing(ruleset.read, known))
            yield from drops(of_sender, (flow,))


def is_total(drop: Drop) -> bool:
    """Whether no packet of the flow gets past."""
    return drop.certain and not drop.excepted
