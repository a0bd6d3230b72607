"""From what was heard and seen of a packet to the rules of legacy tables that it met, each way."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from netconsole.diagnostics.parts.journey import Hop, KernelDrop, Way, is_rejected
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.tracing.ends import Ends
from netconsole.diagnostics.tracing.heard import Heard
from netconsole.diagnostics.tracing.hooks_passed import SeenWay, flow_of, hooks_passed
from netconsole.diagnostics.tracing.legacy_counters import LegacyTables
from netconsole.diagnostics.tracing.legacy_rules import (
    LostThere,
    MetLegacy,
    met_legacy,
    with_legacy,
)
from netconsole.diagnostics.tracing.local_packets import TracedDiscover
from netconsole.diagnostics.tracing.marking import HANDED, ROUTED
from netconsole.diagnostics.tracing.next_hops import read_next_hop
from netconsole.diagnostics.tracing.outcome import Hindrance, NextHop
from netconsole.diagnostics.tracing.routed_packets import next_hop_of, through
from netconsole.diagnostics.tracing.sending import SentPackets
from netconsole.diagnostics.tracing.traced_packet import Recognisable

_CALLS_IPTABLES: Final = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


@dataclass(frozen=True, slots=True)
class FollowedWays:
    """What is known of a packet so far."""

    hops: tuple[Hop, ...]
    ends: Ends
    packet: Recognisable
    heard: Heard
    told: SentPackets
    dropped: KernelDrop | None

    @property
    def is_handed(self) -> bool:
        """Whether the packet filter has let it in to this host itself."""
        return through(self.heard, self.packet, "there", (HANDED,)) is not None

    def of(self, way: Way) -> list[Hop]:
        """Return what was met on a way, without errors of ICMP."""
        return [hop for hop in self.hops if hop.way == way and hop.reply != "error"]

    def copies(self, way: Way, interface: str) -> int:
        """Return how many of it came in there."""
        seen = (each for each in self.heard.sightings if each.what.way == way)
        return sum(not each.leaves and each.interface == interface for each in seen)

    def lost_on(self) -> Way | None:
        """Return the way on which it ended on this host, for no rule that is known; None where it
        did not, or was answered."""
        told, there, back = self.told, self.of("there"), self.of("back")
        is_its_own = not self.ends.interface
        if any(hop.ends for hop in self.hops):
            return None
        if told.refusal:  # EPERM is what the kernel tells who sends what its packet filter drops
            return "there" if is_its_own and told.error_number == errno.EPERM else None
        if is_rejected(told.reply, self.hops, self.is_handed):
            return "there"
        if told.reply:
            return None
        if back or self.is_handed:
            return "back"
        return None if any(hop.kind == "left" for hop in _last_seen(there)) else "there"


@dataclass(frozen=True, slots=True)
class LegacyFound:
    """The hops with those of legacy tables among them, and which ended it probably."""

    hops: tuple[Hop, ...]
    suspects: tuple[Hindrance, ...] = ()

    @property
    def is_told(self) -> bool:
        """Whether something is said of what took it."""
        took = any(hop.counted and hop.verdict.startswith("queue") for hop in self.hops)
        return took or bool(self.suspects)


def with_legacy_rules(tables: LegacyTables, ways: FollowedWays, links: Links) -> LegacyFound:
    """Return what it met, legacy tables included. Where it was lost, its route is asked for."""
    if not tables.tables:
        return LegacyFound(ways.hops)
    lost_on = ways.lost_on()
    there = _met(tables, ways, "there", lost_on, links)
    back = _met(tables, ways, "back", lost_on, links)
    hops = (
        *with_legacy([hop for hop in ways.hops if hop.way == "there"], there),
        *with_legacy([hop for hop in ways.hops if hop.way == "back"], back),
    )
    return LegacyFound(hops, (*there.suspects, *back.suspects))


def _met(
    tables: LegacyTables, ways: FollowedWays, way: Way, lost_on: Way | None, links: Links
) -> MetLegacy:
    flow = flow_of(ways.packet, way)
    if flow is None:
        return MetLegacy()
    is_lost = lost_on == way
    seen = _seen(ways, way, is_lost)
    if is_lost and not seen.left:
        following = _following(ways, seen, links)
        is_here = seen.is_here or following.is_here
        seen = replace(seen, is_here=is_here, onward=seen.onward or following.interface)
    calls = _calls_iptables()
    hooks = tuple(hooks_passed(seen, flow, links.bridge_of, calls_iptables=calls))
    lost = _lost(ways, seen) if is_lost else None
    return met_legacy(tables, hooks, seen.hops, lost)


def _seen(ways: FollowedWays, way: Way, is_lost: bool) -> SeenWay:
    hops = ways.of(way)
    routed = through(ways.heard, ways.packet, way, ROUTED)
    addresses = (routed.what.source, routed.what.destination) if routed else None
    taken = through(ways.heard, ways.packet, way, (HANDED,)) is not None
    came = any(hop.kind == "arrived" for hop in hops)
    begun = ways.hops[0]
    begins, is_own, onward = (begun.source, begun.destination), not ways.ends.interface, ""
    if way == "back":
        is_own = not came and (bool(hops) or (is_lost and ways.is_handed))
        first = next((hop for hop in ways.of("there") if hop.kind == "arrived"), begun)
        begins, onward = (begins[1], begins[0]), first.interface
    is_here = isinstance(ways.packet, TracedDiscover) and way == "there"
    return SeenWay(way, hops, addresses, is_here, taken, onward if is_own else "", is_own, begins)


def _following(ways: FollowedWays, seen: SeenWay, links: Links) -> NextHop:
    if seen.is_own:
        ports = ways.packet.ports(seen.way)
        return NextHop() if seen.onward else read_next_hop(*seen.begins, "", ports=ports)
    if not seen.hops or isinstance(ways.packet, TracedDiscover):
        return NextHop()
    return next_hop_of(seen.hops, ways.heard, ways.packet, links)


def _lost(ways: FollowedWays, seen: SeenWay) -> LostThere:
    way: Way = "there" if seen.is_own else seen.way
    came = [hop for hop in ways.of(way) if hop.kind == "arrived"]
    copies = ways.copies(way, came[-1].interface) if came else 1
    return LostThere(max(1, copies), ways.dropped, bool(ways.told.refusal))


def _last_seen(hops: Sequence[Hop]) -> Sequence[Hop]:
    return [hop for hop in hops if hop.kind in ("arrived", "left")][-1:]


def _calls_iptables() -> bool:
    try:
        return _CALLS_IPTABLES.read_text().strip() == "1"
    except OSError:
        return False  # br_netfilter is not loaded
