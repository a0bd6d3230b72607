"""Which of the paths that were tried are broken, and which of them broke at the same place. Pure.

Only what the store promises counts: a guest that answers no echo, a port on which nobody listens,
or a rule of a group of ours that lets nobody in, are no fault of this host.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from typing import Final

from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.journey import End, Journey, TracedRule
from netconsole.diagnostics.parts.journeys import Journeys, PathJourney, Purpose
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.changing_rules import diverting

_ORDER: Final[tuple[Purpose, ...]] = (
    *("gateway", "lease", "names", "servers", "world", "floating", "neighbour", "metadata"),
)
_HERE: Final[frozenset[End]] = frozenset({"lost", "taken", "unheard", "ingress"})
_SERVED_HERE: Final[frozenset[Purpose]] = frozenset({"lease", "names"})


@dataclass(frozen=True, slots=True)
class LossPlace:
    """Where packets ended: at a rule or policy, or else what is said of it."""

    end: End
    rule: TracedRule | None
    said: str
    """Empty of a rule: other packets end at the same one, with other words."""


@dataclass(frozen=True, slots=True)
class LostPaths:
    """Paths that end at the same place, the worst first."""

    place: LossPlace
    paths: tuple[PathJourney, ...]


def lost_paths(
    journeys: Journeys, routing: Routing, ailing: frozenset[str] = frozenset()
) -> tuple[LostPaths, ...]:
    """Return the broken ones by where they broke, the worst place first.

    Those of instances in which something else is known to be wrong (`ailing`) are none, but for
    what a rule of this host ended; nor are those that are a neighbour's (`lost_at_neighbours`).
    """
    every = _all_lost(journeys, routing, ailing)
    return _chosen(every, lambda path: not _is_neighbours(path, journeys))


def lost_at_neighbours(
    journeys: Journeys, routing: Routing, ailing: frozenset[str] = frozenset()
) -> tuple[LostPaths, ...]:
    """Return the broken ones to one neighbour where another is reached by such a packet, or of
    whom nothing else is known: where one instance is asked about, they are of that neighbour."""
    every = _all_lost(journeys, routing, ailing)
    return _chosen(every, lambda path: _is_neighbours(path, journeys))


def _chosen(
    found: Iterable[LostPaths], is_meant: Callable[[PathJourney], bool]
) -> tuple[LostPaths, ...]:
    chosen = (replace(each, paths=tuple(filter(is_meant, each.paths))) for each in found)
    return tuple(each for each in chosen if each.paths)


def _is_neighbours(path: PathJourney, journeys: Journeys) -> bool:
    if path.purpose != "neighbour":
        return False
    others = [
        each.journey
        for each in journeys.paths
        if each.purpose == "neighbour"
        and each.instance == path.instance
        and each.has_data == path.has_data
        and (each.journey.protocol, each.journey.port) == (path.journey.protocol, path.journey.port)
        and each.journey.destination != path.journey.destination
    ]
    is_only = not others and {each.instance for each in journeys.paths} <= {path.instance, ""}
    return any(each.reached for each in others) or (is_only and path.journey.dropped_by is None)


def _all_lost(
    journeys: Journeys, routing: Routing, ailing: frozenset[str]
) -> tuple[LostPaths, ...]:
    own = frozenset(each.address for each in routing.addresses)
    alive = {
        each.instance
        for each in journeys.paths
        if each.journey.reached and each.journey.sender == each.instance
    }
    found: dict[LossPlace, list[PathJourney]] = {}
    for each in sorted(journeys.paths, key=_worst_first):
        is_explained = each.journey.dropped_by is None and _ends(each, journeys) & ailing
        if is_explained or _is_choosy(each, journeys):
            continue
        if _is_lost(each, journeys, own, alive):
            found.setdefault(_place(each), []).append(each)
    return tuple(LostPaths(place, tuple(paths)) for place, paths in found.items())


def is_refused_question(journey: Journey) -> bool:
    """Whether it was a datagram, to which who was asked said that nobody listens for it."""
    return journey.reply == "refusal" and journey.protocol in ("dns", "udp")


def is_served(path: PathJourney) -> bool:
    """Whether who was asked has answered; a connection that is refused has got that far as well."""
    return path.journey.reached and not is_refused_question(path.journey)


def _worst_first(path: PathJourney) -> tuple[bool, int]:
    """What was not answered at all before what was at last."""
    return bool(path.journey.reply), _ORDER.index(path.purpose)


def dropped_by_rules(
    snapshot: Snapshot, purposes: Container[Purpose], but: Container[Purpose] = ()
) -> tuple[LostPaths, ...]:
    """Return those that rules or policies of others for IPv4 ended, on paths of these purposes;
    without rules that end such of other purposes as well, which another check looks at, and those
    of the kind that `iptables` does not show."""
    tried, routing = snapshot.get(Journeys), snapshot.get(Routing)
    if tried is None or routing is None:
        return ()
    seen = snapshot.get(PacketFilter)
    is_shown = seen is not None and seen.command == "legacy"
    return tuple(
        each
        for each in lost_paths(tried, routing)
        if each.place.rule is not None
        and each.place.rule.family in ("ip", "inet")
        and (is_shown or not each.place.rule.is_legacy)
        and any(path.purpose in purposes for path in each.paths)
        and not any(path.purpose in but for path in each.paths)
    )


def led_astray(snapshot: Snapshot, purposes: Container[Purpose]) -> tuple[LostPaths, ...]:
    """Return those on paths of these purposes that rules of others led to where nobody answers."""
    tried, routing = snapshot.get(Journeys), snapshot.get(Routing)
    if tried is None or routing is None:
        return ()
    found = lost_paths(tried, routing)
    return tuple(
        each
        for each in found
        if any(path.purpose in purposes and _is_led_astray(path) for path in each.paths)
    )


def _is_choosy(path: PathJourney, journeys: Journeys) -> bool:
    """Whether what ends a packet of TCP for the world lets one to another port by: what guests
    may use out there somebody has chosen."""
    journey = path.journey
    if path.purpose != "world" or journey.protocol != "tcp" or _is_led_astray(path):
        return False
    alike = [
        each.journey
        for each in journeys.paths
        if each.purpose == "world"
        and each.instance == path.instance
        and each.journey.protocol == "tcp"
        and each.has_data == path.has_data
    ]
    return any(each.end != journey.end for each in alike)


def _is_led_astray(path: PathJourney) -> bool:
    """Whether a rule of others led it to another destination, where nobody answers, or whither no
    group of ours lets it."""
    journey = path.journey
    ended = journey.end in ("beyond", "receiver", "host") or journey.reply == "refusal"
    return (ended or journey.is_barred) and diverting(journey) is not None


def _place(path: PathJourney) -> LossPlace:
    journey, drop = path.journey, path.journey.dropped_by
    if drop is not None and drop.rule is not None and not _is_led_astray(path):
        return LossPlace(journey.end, drop.rule, "")
    return LossPlace(journey.end, None, journey.because)


def _is_lost(path: PathJourney, journeys: Journeys, own: frozenset[str], alive: set[str]) -> bool:
    journey = path.journey
    if _is_led_astray(path):
        return True
    if journey.end == "dropped":
        is_copy = journey.reply == "answer" and journey.protocol in ("arp", "dhcp")
        return not is_copy and not journey.is_barred  # a broadcast has copies to everywhere
    if journey.end == "answered":
        # one of whom nothing was seen here has answered itself: it has the address as well
        was_here = any(hop.kind != "sent" for hop in journey.hops)
        is_told = journey.reply == "error" or is_refused_question(journey)
        is_told_so = was_here and is_told and journey.answered_by in own
        return is_told_so and not path.has_data  # too long a one is told so, and sent in pieces
    if journey.end == "taken":
        last = journey.hops[-1].rule
        return last is not None and not last.ours
    if journey.end == "beyond":
        is_world = path.purpose == "world" and journey.protocol == "icmp"
        return is_world and journey.destination in journeys.reached_by_host
    if journey.end == "unheard" and _is_told_by_arp(path, journeys):
        return False  # it asks for somebody else, whom it takes for the next
    if journey.end == "host":
        return path.purpose in _SERVED_HERE
    return journey.end in _HERE and not _is_of_silent(path, journeys, alive)


def _is_told_by_arp(path: PathJourney, journeys: Journeys) -> bool:
    """Whether ARP asked in its sender's name for the next on its way was answered."""
    next_is = "neighbour" if path.purpose == "neighbour" else "gateway"
    return any(
        each.journey.protocol == "arp"
        and (each.instance, each.purpose) == (path.instance, next_is)
        and each.journey.reached
        for each in journeys.paths
    )


def _is_of_silent(path: PathJourney, journeys: Journeys, alive: set[str]) -> bool:
    """Whether who is asked is an instance of which nothing was heard at all, or a router that does
    not answer this host either."""
    if path.purpose == "world":
        has_answered = any(hop.way == "back" for hop in path.journey.hops)
        return not has_answered and path.journey.destination not in journeys.reached_by_host
    asked = _asked(path, journeys)
    return bool(asked) and not asked & alive


def _asked(path: PathJourney, journeys: Journeys) -> frozenset[str]:
    """The instances that it is for."""
    if path.purpose == "floating":
        return frozenset({path.instance})
    if path.purpose == "neighbour":
        sources = ((one.instance, one.journey.source) for one in journeys.paths)
        return frozenset(name for name, source in sources if source == path.journey.destination)
    return frozenset()


def _ends(path: PathJourney, journeys: Journeys) -> frozenset[str]:
    """The instances at both ends of a path."""
    return _asked(path, journeys) | {path.instance}


def in_words(path: PathJourney) -> str:
    """Say who sends what to whom."""
    journey = path.journey
    what = f"{journey.protocol} {journey.port}" if journey.port else journey.protocol
    data = " with data" if path.has_data else ""
    return f"{journey.sender} → {journey.destination} ({what}{data})"
