"""By which hooks of the packet filter a packet went, and how far, as it was seen. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import EVERYTHING, Flow
from netconsole.diagnostics.parts.journey import Hop, Way
from netconsole.diagnostics.reasoning.filter_walk import Hook
from netconsole.diagnostics.tracing.local_packets import TracedDiscover
from netconsole.diagnostics.tracing.traced_packet import Recognisable, TracedPacket
from netconsole.diagnostics.tracing.waited_traffic import WaitedPacket

_ECHO: Final[Mapping[Way, tuple[int, int]]] = {"there": (8, 0), "back": (0, 0)}
_DHCP_SERVER, _DHCP_CLIENT = 67, 68


@dataclass(frozen=True, slots=True)
class PassedHook:
    """A hook at which a packet was, or may have been."""

    way: Way
    hook: Hook
    flow: Flow
    interface: str
    """Where it came in; where this host sent it itself, by which it leaves."""
    source: str
    destination: str
    """Its addresses there, before what is translated there."""
    after: tuple[str, str]
    """The same behind it, as far as that is known."""
    is_past: bool
    """Whether it was seen to have got past."""


@dataclass(frozen=True, slots=True)
class SeenWay:
    """What was seen of a packet on one way, beside its hops."""

    way: Way
    hops: Sequence[Hop]
    """Of that way, without errors of ICMP."""
    routed: tuple[str, str] | None = None
    """Its addresses as it was routed; None where it did not get there."""
    is_here: bool = False
    """Whether it is for this host itself."""
    is_taken: bool = False
    """Whether the packet filter let it in to this host itself."""
    onward: str = ""
    """The interface that its route leads to; empty where that is not known."""
    is_own: bool = False
    """Whether this host itself sends it."""
    begins: tuple[str, str] = ("", "")
    """The addresses with which this host itself sends it."""

    @property
    def came(self) -> Sequence[Hop]:
        """Return where it came in."""
        return [hop for hop in self.hops if hop.kind == "arrived"]

    @property
    def left(self) -> Sequence[Hop]:
        """Return where it went out after it came in last."""
        last = max((at for at, hop in enumerate(self.hops) if hop.kind == "arrived"), default=-1)
        return [hop for hop in self.hops[last + 1 :] if hop.kind == "left"]


def flow_of(packet: Recognisable, way: Way) -> Flow | None:
    """Return what is known of a packet by itself; None of one of which IPv4 knows nothing."""
    match packet:
        case TracedPacket():
            protocol, port = packet.protocol, packet.port
        case WaitedPacket():
            protocol, port = packet.traffic.protocol, packet.traffic.port
        case TracedDiscover():
            ports = (_DHCP_SERVER, _DHCP_CLIENT)
            to, from_ = ports if way == "there" else reversed(ports)
            return Flow("", "", "", "", protocol="udp", port=to, source_port=from_)
        case _:
            return None
    if protocol == "icmp":
        return Flow("", "", "", "", protocol="icmp", icmp=_ECHO[way])
    to, from_ = (port, 0) if way == "there" else (0, port)
    return Flow("", "", "", "", protocol=protocol, port=to, source_port=from_)


def hooks_passed(
    seen: SeenWay, flow: Flow, bridge_of: Mapping[str, str], *, calls_iptables: bool
) -> Iterator[PassedHook]:
    """Yield them in their order, up to the last at which it may have been.

    `calls_iptables` tells whether tables of IPv4 meet what a bridge hands from port to port
    (net.bridge.bridge-nf-call-iptables).
    """
    state = "NEW" if seen.way == "there" else "ESTABLISHED"
    flow = replace(flow, states=frozenset({state}))
    came, left = seen.came, seen.left
    if seen.is_own:
        out = left[0].interface if left else seen.onward
        yield from _sent(seen, flow, bridge_of.get(out, out))
        return
    if not came:
        return
    routed_at = [hop for hop in came if hop.interface not in bridge_of]
    entry = routed_at[-1] if routed_at else came[-1]
    into = bridge_of.get(entry.interface, entry.interface)
    is_bridged = not routed_at
    if is_bridged and not calls_iptables:
        return
    first = next((hop for hop in came if bridge_of.get(hop.interface) == into), entry)
    before = (first.source, first.destination)  # a bridge may have it translated already
    ends = (left[0].source, left[0].destination) if left else before
    behind = seen.routed or (before[0], ends[1])
    is_past = bool(left) or seen.is_taken or seen.routed is not None
    at = replace(flow, bridged=is_bridged)
    yield _at(seen.way, "prerouting", at, into, "", (before, behind), is_past)
    if not is_past:
        return
    if seen.is_taken or (seen.is_here and not left):
        yield _at(seen.way, "input", at, into, "", (behind, behind), seen.is_taken)
        return
    out = left[0].interface if left else seen.onward
    out = into if is_bridged else bridge_of.get(out, out)
    yield _at(seen.way, "forward", at, into, out, (behind, behind), bool(left))
    yield _at(seen.way, "postrouting", at, "", out, (behind, ends if left else behind), bool(left))


def _sent(seen: SeenWay, flow: Flow, out: str) -> Iterator[PassedHook]:
    """What this host itself sends."""
    left = seen.left
    before = seen.begins
    behind = seen.routed or before
    ends = (left[0].source, left[0].destination) if left else behind
    is_past = bool(left) or seen.routed is not None
    yield _at(seen.way, "output", flow, "", out, (before, behind), is_past)
    if is_past:
        yield _at(seen.way, "postrouting", flow, "", out, (behind, ends), bool(left))


def _at(
    way: Way,
    hook: Hook,
    flow: Flow,
    into: str,
    out: str,
    addresses: tuple[tuple[str, str], tuple[str, str]],
    is_past: bool,
) -> PassedHook:
    before, behind = addresses
    source, destination = before
    found = replace(
        flow, into=into, out=out, source=_network(source), destination=_network(destination)
    )
    return PassedHook(way, hook, found, into or out, source, destination, behind, is_past)


def _network(address: str) -> IPv4Network:
    return IPv4Network(address) if address else EVERYTHING
