"""How a packet was routed, by the chains of ours that it met, and where that leads."""

import socket
from collections.abc import Container, Sequence

from netconsole.backend.model.trace_table import is_trace_table
from netconsole.diagnostics.parts.journey import Hop, Way
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.tracing.following import Traversal, traversals
from netconsole.diagnostics.tracing.heard import Heard
from netconsole.diagnostics.tracing.marking import ROUTED
from netconsole.diagnostics.tracing.next_hops import read_next_hop
from netconsole.diagnostics.tracing.outcome import NextHop
from netconsole.diagnostics.tracing.traced_packet import Recognisable


def through(
    heard: Heard, packet: Recognisable, way: Way, chains: Container[str]
) -> Traversal | None:
    """Return how it came through a chain of ours, which is after all others of its hook."""
    found = (
        met
        for met in traversals(heard.messages, packet)
        if is_trace_table(met.messages[0].table) and met.messages[0].chain in chains
    )
    return next((met for met in found if met.what.way == way), None)


def next_hop_of(hops: Sequence[Hop], heard: Heard, packet: Recognisable, links: Links) -> NextHop:
    """Ask where what was seen last is sent on, as it was when it was routed.

    What left by a bridge was routed before. Of what came in and was not routed nobody knows.
    """
    last = hops[-1]
    if last.kind == "left":
        link = links.get(last.interface)
        into = (link.master or link.name) if link else ""
        return read_next_hop(last.source, last.destination, into)
    routed = through(heard, packet, last.way, ROUTED)
    if routed is None:
        return NextHop()
    into = dict(socket.if_nameindex()).get(routed.into, "")
    what = routed.what
    return read_next_hop(what.source, what.destination, into, routed.messages[-1].mark)
