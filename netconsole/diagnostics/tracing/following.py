"""From what was heard and seen of a packet to the hops of its journey, in order. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netconsole.backend.filtering.nf_messages import NfFamily
from netconsole.diagnostics.parts.journey import Hop, Reply, TracedRule, Way
from netconsole.diagnostics.tracing.candidates import Candidates
from netconsole.diagnostics.tracing.heard import Heard, TraceSighting
from netconsole.diagnostics.tracing.trace_messages import TraceMessage
from netconsole.diagnostics.tracing.traced_packet import Recognisable, Recognised

RuleOf = Callable[[tuple[NfFamily, str, str], int], TracedRule]
"""The rule of a chain that has a handle."""


@dataclass(frozen=True, slots=True)
class Traversal:
    """One base chain that the packet went through, and what it met there."""

    what: Recognised
    family: NfFamily
    messages: tuple[TraceMessage, ...]

    @property
    def into(self) -> int:
        """The interface that it came in by, as a number; 0 of what the host itself sent."""
        return self.messages[0].into

    @property
    def out(self) -> int:
        """The interface that it goes out by, as a number; 0 where that is not known yet."""
        return self.messages[0].out


def by_packet(
    messages: Iterable[TraceMessage], packets: Sequence[Recognisable]
) -> list[list[TraceMessage]]:
    """Return of each packet the messages that are of it, in their order."""
    candidates = Candidates(packets)
    own: dict[Recognisable, list[TraceMessage]] = {packet: [] for packet in packets}
    for found in _by_base_chain(messages):
        for packet in candidates.of(found[0].packet):
            if packet.recognise(found[0].packet):
                own[packet] += found
    return [own[packet] for packet in packets]


def traversals(messages: Iterable[TraceMessage], packet: Recognisable) -> Iterator[Traversal]:
    """Put messages together that are of one packet in one base chain.

    What is of other packets, which somebody else traces, is left out.
    """
    for found in _by_base_chain(messages):
        what = packet.recognise(found[0].packet)
        if what is not None:
            yield Traversal(what, found[0].family, tuple(found))


def _by_base_chain(messages: Iterable[TraceMessage]) -> list[list[TraceMessage]]:
    """Put messages together that are of one packet in one base chain: the first has its headers."""
    begun: dict[int, list[TraceMessage]] = {}
    order: list[list[TraceMessage]] = []
    for each in messages:
        if each.packet or each.number not in begun:
            begun[each.number] = []
            order.append(begun[each.number])
        begun[each.number].append(each)
    return order


@dataclass(frozen=True, slots=True)
class Interfaces:
    """What is known of this host's interfaces."""

    names: Mapping[int, str]
    """By their numbers."""
    bridge_of: Mapping[str, str]
    """The bridge of each port, by its name."""


def hops(
    heard: Heard,
    packet: Recognisable,
    links: Interfaces,
    rule: RuleOf,
) -> Iterator[Hop]:
    """Yield what happened to the first packet that was sent and to what came back, in order."""
    ways: tuple[Way, ...] = ("there", "back")
    for way in ways:
        seen = [each for each in heard.sightings if each.what.way == way]
        met = [each for each in traversals(heard.messages, packet) if each.what.way == way]
        yield from _merged(_once(seen, links), met, links, rule)


def _once(seen: Sequence[TraceSighting], links: Interfaces) -> Iterator[TraceSighting]:
    """Of what was sent again and again, the first at each interface.

    A packet keeps the time at which it came in first, so a port and its bridge tell the same.
    """

    def order(each: TraceSighting) -> tuple[int, bool]:
        return each.at, (each.interface in links.bridge_of) == each.leaves

    known: set[tuple[str, bool, Reply]] = set()
    for each in sorted(seen, key=order):
        place = each.interface, each.leaves, each.what.reply
        if place not in known:
            known.add(place)
            yield each


def _merged(
    seen: Iterable[TraceSighting],
    met: Iterable[Traversal],
    links: Interfaces,
    rule: RuleOf,
) -> Iterator[Hop]:
    """Put sightings between the chains: what comes in is seen before the chains that name the
    interface, what leaves after them."""
    left = list(_firsts(met))
    for sight in seen:
        if sight.leaves:
            before = [each for each in left if _leads_to(each, sight, links)]
            last = max((left.index(each) for each in before), default=-1)
        else:
            last = _before_arrival(left, sight, links)
        for each in left[: last + 1]:
            yield from _of_traversal(each, links, rule)
        del left[: last + 1]
        yield _of_sighting(sight)
    for each in left:
        yield from _of_traversal(each, links, rule)


def _firsts(met: Iterable[Traversal]) -> Iterator[Traversal]:
    """Of what was sent again and again, the first through each base chain."""
    known: set[tuple[NfFamily, str, str, int, int]] = set()
    for each in met:
        first = each.messages[0]
        place = (each.family, first.table, _base(each), each.into, each.out)
        if place not in known:
            known.add(place)
            yield each


def _base(met: Traversal) -> str:
    return met.messages[0].chain


def _leads_to(met: Traversal, sight: TraceSighting, links: Interfaces) -> bool:
    """Whether it went through these chains before it left there: they say where it goes out, or
    are of where it came in."""
    out = links.names.get(met.out, "")
    return out in (sight.interface, links.bridge_of.get(sight.interface, "-")) or not met.out


def _before_arrival(left: Sequence[Traversal], sight: TraceSighting, links: Interfaces) -> int:
    """The last chain that it went through before it came in there: a bridge's own are before it
    comes in by the bridge."""
    ports = {port for port, bridge in links.bridge_of.items() if bridge == sight.interface}
    last = -1
    for at, each in enumerate(left):
        if links.names.get(each.into, "") in ports and each.family in ("netdev", "bridge"):
            last = at
    return last


def _of_sighting(sight: TraceSighting) -> Hop:
    return Hop(
        sight.what.way,
        "left" if sight.leaves else "arrived",
        sight.interface,
        sight.what.source,
        sight.what.destination,
        reply=sight.what.reply,
        mac=sight.mac,
    )


def _of_traversal(met: Traversal, links: Interfaces, rule: RuleOf) -> Iterator[Hop]:
    for each in met.messages:
        if each.kind == "return":
            continue
        place = (each.family, each.table, each.chain)
        found = rule(place, each.handle) if each.kind == "rule" else TracedRule(*place)
        yield Hop(
            met.what.way,
            "rule" if each.kind == "rule" else "policy",
            links.names.get(met.into or met.out, ""),
            met.what.source,
            met.what.destination,
            found,
            each.verdict,
            met.what.reply,
        )
