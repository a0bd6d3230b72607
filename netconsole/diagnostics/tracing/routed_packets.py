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


def is_bridged(hops: Sequence[Hop], links: Links) -> bool:
    """Whether what was seen last went through a bridge alone: its frame came in at a port of it,
    for a MAC address that is none of this host's, and no rule has sent it elsewhere.

    The packet filter sees it all the same, where the bridge calls it (nf_call_iptables).
    """
    last = hops[-1]
    came = [hop for hop in hops if (hop.way, hop.kind) == (last.way, "arrived") and hop.mac]
    if not came or last.destination != came[-1].destination:
        return False
    port = links.get(came[-1].interface)
    own = {link.mac for link in links.links}
    return port is not None and bool(port.master) and came[-1].mac not in own


def next_hop_of(hops: Sequence[Hop], heard: Heard, packet: Recognisable, links: Links) -> NextHop:
    """Ask where what was seen last is sent on, as it was when it was routed.

    What left by a bridge was routed before. Of what came in and was not routed nobody knows.
    """
    last = hops[-1]
    if is_bridged(hops, links):
        return NextHop()
    if last.kind == "left":
        link = links.get(last.interface)
        into = (link.master or link.name) if link else ""
        ports = packet.ports(last.way)
        return read_next_hop(last.source, last.destination, into, ports=ports)
    routed = through(heard, packet, last.way, ROUTED)
    if routed is None:
        return NextHop()
    into = dict(socket.if_nameindex()).get(routed.into, "")
    what = routed.what
    mark, ports = routed.messages[-1].mark, packet.ports(last.way)
    return read_next_hop(what.source, what.destination, into, mark, ports)
